# SPDX-License-Identifier: Apache-2.0
"""Where the reference cases lie: outputs of the original code, kept outside this repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def reference_folder() -> Path:
    """``DEEPMARK_REFERENCE``, or ``../shared/reference`` seen from the project's root."""
    default = PROJECT_ROOT.parent / 'shared' / 'reference'
    return Path(os.environ.get('DEEPMARK_REFERENCE') or default)


@pytest.fixture(scope='session')
def reference_root() -> Path:
    """The reference folder; the test is skipped, with the reason, when it is absent."""
    root = reference_folder()
    if not root.is_dir():
        pytest.skip(f'no reference folder at {root}: set DEEPMARK_REFERENCE to it')
    return root
