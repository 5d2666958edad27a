# SPDX-License-Identifier: Apache-2.0
"""tools/setup_env.py: the choice of Python, the stamp, recovery, the lock; nothing is installed."""

from __future__ import annotations

import importlib.util
import multiprocessing
import shutil
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location('setup_env', path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules['setup_env'] = module  # NamedTuple looks its module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup_env() -> ModuleType:
    return load(ROOT / 'tools/setup_env.py')


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the files that decide what is installed."""
    for name in ('tools', 'requirements', 'projects'):
        (tmp_path / name).mkdir()
    for path in (ROOT / 'requirements').glob('*.txt'):
        shutil.copy(path, tmp_path / 'requirements')
    for name in ('setup.py', 'projects/deepmark_standins.pth', 'tools/setup_env.py'):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def environment(
    setup_env: ModuleType, project: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[ModuleType, Path, list[str]]:
    """A set-up whose steps are recorded instead of run, on a venv that works."""
    ran: list[str] = []
    monkeypatch.setattr(setup_env, 'ROOT', project)

    def record(number: str, step: tuple[str, list[str]], log: Path) -> None:
        ran.append(step[0])
        (project / '.venv/bin').mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(setup_env, 'run_step', record)
    monkeypatch.setattr(setup_env, 'python_version', lambda python, modules='': (3, 11))
    venv = project / '.venv'
    (venv / 'bin').mkdir(parents=True)
    return setup_env, venv, ran


STEPS = ['PyTorch', 'OpenMMLab hosts', 'requirements', 'deepmark', 'check']


def test_the_second_run_does_nothing(environment: tuple[ModuleType, Path, list[str]]) -> None:
    setup_env, venv, ran = environment
    setup_env.set_up('', venv, venv.parent)
    setup_env.set_up('', venv, venv.parent)
    assert ran == STEPS


@pytest.mark.parametrize(
    'name', ['setup.py', 'requirements/constraints.txt', 'projects/deepmark_standins.pth']
)
def test_a_changed_input_runs_it_again(
    environment: tuple[ModuleType, Path, list[str]], name: str
) -> None:
    setup_env, venv, ran = environment
    setup_env.set_up('', venv, venv.parent)
    with (venv.parent / name).open('a') as handle:
        handle.write('# changed\n')
    setup_env.set_up('', venv, venv.parent)
    assert ran == STEPS * 2


def test_an_interrupted_run_is_taken_up_again(
    environment: tuple[ModuleType, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup_env, venv, ran = environment
    record = setup_env.run_step

    def interrupted(number: str, step: object, log: Path) -> None:
        record(number, step, log)
        if number.startswith('[3/'):
            raise KeyboardInterrupt

    monkeypatch.setattr(setup_env, 'run_step', interrupted)
    with pytest.raises(KeyboardInterrupt):
        setup_env.set_up('', venv, venv.parent)
    assert not (venv / 'deepmark_setup.stamp').exists()
    monkeypatch.setattr(setup_env, 'run_step', record)
    setup_env.set_up('', venv, venv.parent)
    assert ran == STEPS[:3] + STEPS


def test_a_failure_after_success_leaves_no_stamp(
    environment: tuple[ModuleType, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup_env, venv, _ = environment
    setup_env.set_up('', venv, venv.parent)
    (venv.parent / 'setup.py').write_text('')

    def fail(number: str, step: object, log: Path) -> None:
        raise setup_env.SetupError('no network')

    monkeypatch.setattr(setup_env, 'run_step', fail)
    with pytest.raises(setup_env.SetupError, match='no network'):
        setup_env.set_up('', venv, venv.parent)
    assert not (venv / 'deepmark_setup.stamp').exists()


def test_a_venv_that_does_not_run_is_made_anew(
    environment: tuple[ModuleType, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup_env, venv, ran = environment
    inside = str(venv / 'bin/python')

    def version(python: str, modules: str = '') -> tuple[int, int] | None:
        return None if python == inside and not ran else (3, 12)

    monkeypatch.setattr(setup_env, 'python_version', version)
    (venv / 'half_installed').touch()
    setup_env.set_up('', venv, venv.parent)
    assert ran[0].startswith('.venv from ')
    assert ran[1:] == STEPS
    assert not (venv / 'half_installed').exists()


def test_another_requested_python_makes_the_venv_anew(
    environment: tuple[ModuleType, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup_env, venv, ran = environment
    monkeypatch.setattr(
        setup_env,
        'python_version',
        lambda python, modules='': (3, 12) if python == '/my/python' or ran else (3, 11),
    )
    setup_env.set_up('/my/python', venv, venv.parent)
    assert ran[0] == '.venv from /my/python'


def test_the_fingerprint_knows_version_and_folder(setup_env: ModuleType, project: Path) -> None:
    first = setup_env.fingerprint(project, '(3, 11)')
    assert first == setup_env.fingerprint(project, '(3, 11)')
    assert first != setup_env.fingerprint(project, '(3, 12)')
    moved = project.parent / f'{project.name}_moved'
    shutil.copytree(project, moved)
    assert first != setup_env.fingerprint(moved, '(3, 11)')


def test_choice_skips_what_does_not_run_or_is_not_supported(
    setup_env: ModuleType, tmp_path: Path
) -> None:
    for folder, name in (('shims', 'python3.12'), ('usr', 'python3.10'), ('usr', 'python3')):
        (tmp_path / folder).mkdir(exist_ok=True)
        executable = tmp_path / folder / name
        executable.write_text('#!/bin/sh\n')
        executable.chmod(0o755)
    versions = {str(tmp_path / 'usr/python3.10'): (3, 10), str(tmp_path / 'usr/python3'): (3, 13)}
    path = f'{tmp_path / "shims"}:{tmp_path / "usr"}'
    assert setup_env.choose_python('', path, versions.get) == str(tmp_path / 'usr/python3.10')


def test_no_python_is_a_clear_error(setup_env: ModuleType) -> None:
    with pytest.raises(setup_env.SetupError, match=r'No Python 3\.10, 3\.11, 3\.12 found'):
        setup_env.choose_python('', '', lambda python: (3, 13))


@pytest.mark.parametrize(('version', 'text'), [((3, 9), r'is Python 3\.9'), (None, 'does not run')])
def test_a_requested_python_must_qualify(
    setup_env: ModuleType, version: tuple[int, int] | None, text: str
) -> None:
    with pytest.raises(setup_env.SetupError, match=f'PYTHON=/my/python {text}'):
        setup_env.choose_python('/my/python', '', lambda python: version)


def test_python_version_asks_the_interpreter(setup_env: ModuleType, tmp_path: Path) -> None:
    assert setup_env.python_version(sys.executable) == sys.version_info[:2]
    assert setup_env.python_version(sys.executable, 'no_such_module') is None
    assert setup_env.python_version(str(tmp_path / 'absent')) is None
    shim = tmp_path / 'shim'
    shim.write_text('#!/bin/sh\necho "pyenv: version not installed" >&2\nexit 127\n')
    shim.chmod(0o755)
    assert setup_env.python_version(str(shim)) is None


def test_a_failing_step_names_itself_and_its_log(
    setup_env: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / 'log.txt'
    step = setup_env.Step('breaking', [sys.executable, '-c', 'raise SystemExit("it broke")'])
    with pytest.raises(setup_env.SetupError, match='it broke') as caught:
        setup_env.run_step('[1/1]', step, log)
    assert f'in the step "breaking" (exit code 1). Everything it printed: {log}' in str(
        caught.value
    )
    assert capsys.readouterr().out == '[1/1] breaking ... failed\n'


def hold_lock(script: Path, lock: Path, held: float) -> None:
    with load(script).locked(lock):
        (lock.parent / 'held').touch()
        time.sleep(held)


def test_two_runs_wait_for_each_other(setup_env: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / 'lock'
    script = Path(setup_env.__file__ or '')
    other = multiprocessing.get_context('fork').Process(target=hold_lock, args=(script, lock, 0.5))
    other.start()
    while not (tmp_path / 'held').exists():
        time.sleep(0.01)
    with setup_env.locked(lock):
        assert not other.is_alive() or other.join(1) is None
    other.join()
    assert other.exitcode == 0


def test_nothing_but_the_venv_is_installed_into(setup_env: ModuleType) -> None:
    for step in setup_env.steps('/the/venv/bin/python'):
        assert step.command[0] == '/the/venv/bin/python'
