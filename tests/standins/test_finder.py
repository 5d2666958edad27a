# SPDX-License-Identifier: Apache-2.0
"""The finder in plain interpreters: found without deepmark, and a real module wins."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from deepmark_standins import finder

ORIGIN = 'import importlib.util as u; print(u.find_spec({name!r}).origin)'


def run(code: str, *, path: Path | None = None) -> str:
    """Run ``code`` in a new interpreter that knows nothing of deepmark; return what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    if path is not None:
        environment['PYTHONPATH'] = str(path)
    done = subprocess.run(
        [sys.executable, '-c', code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def fake_package(folder: Path, name: str, module: str) -> Path:
    """Write a package with one module that says it is the real one."""
    (folder / name).mkdir(parents=True)
    (folder / name / '__init__.py').touch()
    (folder / name / f'{module}.py').write_text("WHO = 'the real one'\n")
    return folder


def is_real(name: str) -> bool:
    package, _, module = name.partition('.')
    spec = PathFinder.find_spec(package)
    if spec is None or not module:
        return spec is not None
    return PathFinder.find_spec(name, spec.submodule_search_locations) is not None


@pytest.mark.parametrize('name', ['mmcv._ext', 'xtcocotools'])
def test_a_plain_interpreter_finds_the_stand_in(name: str) -> None:
    if is_real(name):
        pytest.skip(f'a real {name} is installed')
    assert run(ORIGIN.format(name=name)) == finder.STAND_INS[name]


@pytest.mark.parametrize(('package', 'module'), [('mmcv', '_ext'), ('xtcocotools', 'cocoeval')])
def test_a_real_module_wins(tmp_path: Path, package: str, module: str) -> None:
    folder = fake_package(tmp_path, package, module)
    code = f'from {package} import {module} as m; print(m.WHO)'
    assert run(code, path=folder) == 'the real one'


def test_the_stand_in_stands_in_for_the_extension_only(tmp_path: Path) -> None:
    folder = fake_package(tmp_path, 'mmcv', 'ops')
    code = (
        'import importlib.util as u, mmcv.ops; '
        "print(mmcv.ops.WHO, u.find_spec('mmcv._ext') is None, u.find_spec('mmcv._other') is None)"
    )
    assert run(code, path=folder) == 'the real one False True'


def test_a_spawned_worker_finds_it(tmp_path: Path) -> None:
    script = tmp_path / 'script.py'
    script.write_text(
        'import importlib.util\nimport multiprocessing\n\n'
        'if __name__ == "__main__":\n'
        '    with multiprocessing.get_context("spawn").Pool(1) as pool:\n'
        '        print(pool.apply(importlib.util.find_spec, ("mmcv._ext",)).name)\n'
    )
    assert run(f'import runpy; runpy.run_path({str(script)!r}, run_name="__main__")') == 'mmcv._ext'


def test_nothing_heavy_is_imported_at_interpreter_start() -> None:
    code = (
        "import sys; print([n for n in ('torch', 'numpy', 'deepmark', 'mmcv') if n in sys.modules])"
    )
    assert run(code) == '[]'


def test_the_finder_is_last_and_installed_once() -> None:
    code = (
        'import sys; from deepmark_standins.finder import StandInFinder as f, install; install(); '
        'print(sys.meta_path.count(f), sys.meta_path[-1] is f)'
    )
    assert run(code) == '1 True'


def test_the_pth_line_is_silent_without_the_package(tmp_path: Path) -> None:
    line = (Path(finder.__file__).parent.parent / 'deepmark_standins.pth').read_text()
    assert line.startswith('import ')
    assert line.count('\n') == 1
    done = subprocess.run(
        [sys.executable, '-I', '-S', '-c', line], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def test_other_names_are_left_alone() -> None:
    assert finder.StandInFinder.find_spec('mmcv') is None
    assert finder.StandInFinder.find_spec('xtcocotools.coco') is None
