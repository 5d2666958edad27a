# SPDX-License-Identifier: Apache-2.0
"""The doctor: broken environments as facts, and the whole command on this one."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pytest

from deepmark.doctor import report
from deepmark.doctor.checks import diagnose
from deepmark.doctor.facts import PROBED, Facts, Import, import_names, normalized, probe_imports

HEALTHY = Facts(
    python=(3, 11),
    pip='pip',
    versions={
        'torch': '2.14.1+cpu', 'torchvision': '0.29.1', 'numpy': '2.2.6',
        'opencv-python': '4.12.0.88', 'opencv-python-headless': '4.12.0.88',
        'onedl-mmcv': '2.3.6', 'mmcv': '2.1.0', 'xtcocotools': '1.14.3',
    },
    providers={
        'torch': ['torch'], 'torchvision': ['torchvision'], 'cv2': ['opencv-python-headless'],
        'mmcv': ['onedl-mmcv'], 'mmengine': ['onedl-mmengine'], 'mmdet': ['onedl-mmdetection'],
        'pycocotools': ['pycocotools'],
    },
    torch_wanted='2.14.1',
    imports={name: Import() for name in PROBED},
)  # fmt: skip
BROKEN_ABI = (
    'ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96'
)


def changed(
    *,
    providers: dict[str, list[str]] | None = None,
    errors: dict[str, str] | None = None,
    **facts: object,
) -> Facts:
    """The healthy environment with other providers, import errors or fields."""
    imports = {**HEALTHY.imports, **{k: Import(v) for k, v in (errors or {}).items()}}
    facts = {'providers': {**HEALTHY.providers, **(providers or {})}, 'imports': imports, **facts}
    return dataclasses.replace(HEALTHY, **facts)  # type: ignore[arg-type]


def only(facts: Facts) -> tuple[str, str]:
    problems = diagnose(facts)
    assert len(problems) == 1, problems
    return problems[0].text, problems[0].command


def test_a_healthy_environment_has_no_problem() -> None:
    assert diagnose(HEALTHY) == []


@pytest.mark.parametrize('version', [(3, 9), (3, 13)])
def test_unsupported_python(version: tuple[int, int]) -> None:
    text, command = only(changed(python=version))
    assert f'Python 3.{version[1]} is not supported' in text
    assert command == 'make setup PYTHON=python3.11'


def test_wrong_pair_of_torch_and_torchvision() -> None:
    text, command = only(changed(torch_wanted='2.13.0'))
    assert text == (
        'torchvision 0.29.1 does not fit torch 2.14.1+cpu: it was built for torch 2.13.0.'
    )
    assert command == 'pip install torch==2.14.1 "torchvision==0.29.*"'


def test_torchvision_without_its_operators() -> None:
    error = 'RuntimeError: operator torchvision::nms does not exist'
    facts = changed(errors={'torchvision': error, 'mmdet.models': error}, torch_wanted=None)
    text, command = only(facts)
    assert text.endswith(f'does not fit torch 2.14.1+cpu: {error}.')
    assert command.startswith('pip install torch==2.14.1 ')


def test_mmcv_without_mmdet() -> None:
    error = "ModuleNotFoundError: No module named 'mmdet'"
    text, command = only(changed(providers={'mmdet': []}, errors={'mmdet.models': error}))
    assert text == 'mmdet is not installed (mmcv is).'
    assert command == 'pip install --no-deps onedl-mmdetection'


def test_upstream_mmcv_gets_upstream_mmdet() -> None:
    facts = changed(providers={'mmdet': [], 'mmcv': ['mmcv']})
    assert only(facts)[1] == 'pip install --no-deps mmdet'


@pytest.mark.parametrize(
    ('name', 'rivals', 'kept'),
    [
        ('cv2', ['opencv-python', 'opencv-python-headless'], 'opencv-python-headless==4.12.0.88'),
        ('mmcv', ['mmcv', 'onedl-mmcv'], 'onedl-mmcv==2.3.6'),
        ('mmengine', ['mmengine', 'onedl-mmengine'], 'onedl-mmengine'),
    ],
)
def test_two_distributions_of_one_import_name(name: str, rivals: list[str], kept: str) -> None:
    text, command = only(changed(providers={name: rivals}))
    assert text == f'2 distributions bring the import name {name}: {rivals[0]}, {rivals[1]}.'
    both = ' '.join(rivals)
    assert command == f'pip uninstall -y {both} && pip install --no-deps {kept}'


@pytest.mark.parametrize('library', ['libGL.so.1', 'libgthread-2.0.so.0'])
def test_a_library_that_opencv_needs_is_missing(library: str) -> None:
    error = f'ImportError: {library}: cannot open shared object file: No such file or directory'
    facts = changed(providers={'cv2': ['opencv-python']}, errors={'cv2': error, 'mmcv': error})
    text, command = only(facts)
    assert text == f'cv2 cannot be imported: {library} is missing on this machine.'
    assert command == (
        'pip uninstall -y opencv-python && pip install --no-deps "opencv-python-headless<4.13"'
    )


def test_numpy_against_a_compiled_extension() -> None:
    text, command = only(changed(errors={'pycocotools.mask': BROKEN_ABI}))
    assert text.startswith('pycocotools is compiled for another numpy than the installed 2.2.6:')
    assert command.endswith('--force-reinstall --no-cache-dir --no-deps pycocotools')


def test_a_broken_xtcocotools_makes_room_for_the_stand_in() -> None:
    facts = changed(
        providers={'xtcocotools': ['xtcocotools']},
        errors={'xtcocotools.cocoeval': BROKEN_ABI, 'mmpose.models': BROKEN_ABI},
    )
    assert only(facts)[1] == 'pip uninstall -y xtcocotools'


def test_stand_ins_that_are_not_active() -> None:
    error = "ModuleNotFoundError: No module named 'mmcv._ext'"
    text, command = only(changed(errors={'mmcv._ext': error, 'mmdet.models': error}))
    assert 'the stand-ins of deepmark are not active' in text
    assert command == 'pip install --force-reinstall --no-deps -e .'


def test_any_other_import_error_is_reported_once_at_its_root() -> None:
    error = 'ImportError: libfoo.so: undefined symbol: bar\nmore lines'
    facts = changed(errors={'torch': error, 'torchvision': error, 'mmdet.models': error})
    text, command = only(facts)
    assert text == 'torch cannot be imported: ImportError: libfoo.so: undefined symbol: bar'
    assert command == 'pip install --force-reinstall --no-deps "torch==2.14.1"'


@pytest.mark.parametrize(
    ('module', 'distribution'), [('termcolor', 'termcolor'), ('imgaug', 'imaug')]
)
def test_a_missing_dependency_is_what_gets_installed(module: str, distribution: str) -> None:
    error = f"ModuleNotFoundError: No module named '{module}'"
    text, command = only(changed(errors={'mmengine': error, 'mmdet.models': error}))
    assert text == f'mmengine cannot be imported: {error}'
    assert command == f'pip install --no-deps {distribution}'


def test_a_missing_mmpose_is_no_problem() -> None:
    error = "ModuleNotFoundError: No module named 'mmpose'"
    assert diagnose(changed(errors={'mmpose.models': error})) == []


def test_a_crash_while_importing_is_a_finding_and_the_rest_goes_on() -> None:
    calls: list[Sequence[str]] = []

    def run(modules: Sequence[str]) -> tuple[str, int]:
        calls.append(list(modules))
        if 'b' not in modules:
            return json.dumps({'name': 'c', 'error': None, 'file': '/c.py'}), 0
        lines = [{'start': 'a'}, {'name': 'a', 'error': None, 'file': None}, {'start': 'b'}]
        return '\n'.join(map(json.dumps, lines)), -11

    imports, gpus = probe_imports(['a', 'b', 'c'], run)
    assert calls == [['a', 'b', 'c'], ['c']]
    assert imports == {
        'a': Import(),
        'b': Import('the interpreter crashed (exit code -11)'),
        'c': Import(None, '/c.py'),
    }
    assert gpus == []


def test_the_probe_reports_what_imports_and_what_does_not() -> None:
    imports, _ = probe_imports(['json', 'no_such_module', 'string'])
    assert imports['json'].error is None
    assert imports['json'].file is not None
    assert imports['no_such_module'].error == (
        "ModuleNotFoundError: No module named 'no_such_module'"
    )
    assert imports['string'].error is None


@pytest.mark.parametrize('top_level', [True, False])
def test_import_names_with_and_without_top_level_txt(tmp_path: Path, top_level: bool) -> None:
    info = tmp_path / 'thing-1.0.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Name: thing\nVersion: 1.0\n')
    (info / 'RECORD').write_text('cv2/__init__.py,,\nsingle.py,,\nthing-1.0.dist-info/METADATA,,\n')
    if top_level:
        (info / 'top_level.txt').write_text('cv2\nsingle\n')
    (distribution,) = metadata.distributions(path=[str(tmp_path)])
    assert import_names(distribution) == {'cv2', 'single'}


def test_names_are_normalized() -> None:
    assert normalized('Onedl_MMCV.x') == 'onedl-mmcv-x'


@pytest.mark.parametrize(('facts', 'code'), [(HEALTHY, 0), (changed(python=(3, 13)), 1)])
def test_exit_code_and_printed_command(
    facts: Facts, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, 'collect_facts', lambda: facts)
    assert report.run_doctor() == code
    printed = capsys.readouterr().out
    assert ('Nothing is wrong.' in printed) == (code == 0)
    assert ('\n   make setup PYTHON=python3.11\n' in printed) == (code == 1)
    assert '2.14.1+cpu (torch)' in printed


def test_it_prints_without_rich(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, 'rich.console', None)
    report.print_table([('a', '1'), ('long', '2')])
    assert capsys.readouterr().out == 'a     1\nlong  2\n'


def test_ops_are_described() -> None:
    ours = {'mmcv._ext': Import(None, '/x/deepmark_standins/mmcv_ext.py')}
    assert report.ops_description(Facts(imports=ours)) == 'stand-in of deepmark'
    compiled = {'mmcv._ext': Import(None, '/x/mmcv/_ext.so')}
    assert report.ops_description(Facts(imports=compiled)) == 'compiled'
    assert report.ops_description(Facts()) == 'none'


def test_it_runs_where_torch_and_numpy_cannot_be_imported(tmp_path: Path) -> None:
    """Broken torch and numpy first on the path: the doctor still runs and says so."""
    for name in ('torch', 'numpy'):
        (tmp_path / f'{name}.py').write_text("raise ImportError('libbroken.so: gone')\n")
    done = subprocess.run(
        [sys.executable, '-m', 'deepmark', 'doctor'],
        env={**os.environ, 'PYTHONPATH': str(tmp_path)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert 'numpy cannot be imported: ImportError: libbroken.so: gone' in done.stdout
