# SPDX-License-Identifier: Apache-2.0
"""Where real photos lie: outside this repository, and often absent.

``DEEPMARK_DATA`` is the folder that holds ``deepfashion2_sample``, by default ``../shared/data``
seen from the project's root. Tests that need it are skipped, with the reason, when it is absent.
(The reference cases of ``tests/parity`` have their own: ``DEEPMARK_REFERENCE``.)
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def data_folder() -> Path:
    """The folder of real data; the test is skipped when there is none."""
    default = PROJECT_ROOT.parent / 'shared' / 'data'
    folder = Path(os.environ.get('DEEPMARK_DATA') or default)
    if not folder.is_dir():
        pytest.skip(f'no real data at {folder}: set DEEPMARK_DATA to it')
    return folder


@pytest.fixture(scope='session')
def sample_folder(data_folder: Path) -> Path:
    """Two photos of DeepFashion2 with their annotations."""
    folder = data_folder / 'deepfashion2_sample'
    if not folder.is_dir():
        pytest.skip(f'no real photos at {folder}: set DEEPMARK_DATA to the folder that holds them')
    return folder
