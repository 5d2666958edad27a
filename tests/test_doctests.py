# SPDX-License-Identifier: Apache-2.0
"""Every example in a docstring of the package runs and is right.

The modules are imported under their own names, as everywhere. ``--doctest-modules`` cannot do it:
it asks every module for ``pytest_plugins``, and the stand-in of ``mmcv._ext`` has something for
every name, an op that says it is missing.
"""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

PROJECTS = Path(__file__).resolve().parents[1] / 'projects'


def examples_in(file: Path) -> int:
    return len(re.findall(r'^ *>>> ', file.read_text(encoding='utf-8'), re.MULTILINE))


def module_name(file: Path) -> str:
    parts = file.relative_to(PROJECTS).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


FILES = sorted(file for file in PROJECTS.rglob('*.py') if examples_in(file))


@pytest.mark.parametrize('file', FILES, ids=module_name)
def test_examples(file: Path) -> None:
    module = importlib.import_module(module_name(file))
    assert module.__file__ is not None
    assert Path(module.__file__).samefile(file)
    failed, attempted = doctest.testmod(module)
    assert attempted == examples_in(file), 'an example is not found by doctest'
    assert failed == 0, 'the output of the failing example is printed above'


def test_there_are_examples() -> None:
    assert sum(map(examples_in, FILES)) >= 26  # none found would be none run
