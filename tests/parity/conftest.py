# SPDX-License-Identifier: Apache-2.0
"""Reference cases: outputs of the original code, kept outside this repository.

A case is a folder, whatever its name, below ``DEEPMARK_REFERENCE`` (by default
``../shared/reference`` seen from the project's root). Each module here names in ``CASE_FILES`` the
files of its kind: the first is the mark by which a case is found, the others have to lie beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def reference_folder() -> Path:
    """``DEEPMARK_REFERENCE``, or ``../shared/reference`` seen from the project's root."""
    default = PROJECT_ROOT.parent / 'shared' / 'reference'
    return Path(os.environ.get('DEEPMARK_REFERENCE') or default)


def folders_with(mark: str, root: Path) -> list[Path]:
    """Every folder that has a file of this name, at any depth; links are followed."""
    return sorted(Path(at) for at, _, files in os.walk(root, followlinks=True) if mark in files)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs ``case_folder`` on every case of the module's kind; skip it without one."""
    if 'case_folder' not in metafunc.fixturenames:
        return
    root, mark = reference_folder(), metafunc.module.CASE_FILES[0]
    cases = [
        pytest.param(folder, id=folder.relative_to(root).as_posix())
        for folder in folders_with(mark, root)
    ]
    reason = f'no reference folder at {root}: set DEEPMARK_REFERENCE to it'
    if root.is_dir():
        reason = f'no folder with {mark} below {root}'
    absent = pytest.param(root, id='no case', marks=pytest.mark.skip(reason=reason))
    metafunc.parametrize('case_folder', cases or [absent], indirect=True)


@pytest.fixture(scope='module')
def case_folder(request: pytest.FixtureRequest) -> Path:
    """One case, with all files of its kind."""
    folder: Path = request.param
    mark, *others = request.module.CASE_FILES
    if missing := [name for name in others if not (folder / name).is_file()]:
        pytest.fail(f'{folder} has {mark}, but no {", ".join(missing)} to test it by')
    return folder
