# SPDX-License-Identifier: Apache-2.0
"""What is packaged: version, requirements against the tested set, and what must not be in files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from deepmark.version import __version__

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = sorted(p for p in (ROOT / 'requirements').glob('*.txt') if p.stem != 'constraints')
PYTHONS = ('3.10', '3.11', '3.12')


def read(path: Path) -> list[Requirement]:
    lines = (line.partition('#')[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def pinned_versions(name: str, python: str) -> list[Version]:
    """Versions that the constraints allow for a distribution under a Python version."""
    found = []
    for pin in read(ROOT / 'requirements/constraints.txt'):
        applies = pin.marker is None or pin.marker.evaluate({'python_version': python})
        if canonicalize_name(pin.name) == canonicalize_name(name) and applies:
            (specifier,) = pin.specifier
            assert specifier.operator == '==', pin
            found.append(Version(specifier.version))
    return found


def test_the_version_is_one() -> None:
    assert metadata.version('deepmark-mm') == __version__
    assert __version__ in (ROOT / 'CHANGELOG.md').read_text()


@pytest.mark.parametrize('path', REQUIREMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize('python', PYTHONS)
def test_the_tested_set_fulfils_every_requirement(path: Path, python: str) -> None:
    assert read(path)
    for requirement in read(path):
        versions = pinned_versions(requirement.name, python)
        assert len(versions) == 1, f'{requirement.name} under Python {python}: {versions}'
        assert versions[0] in requirement.specifier, requirement


@pytest.mark.parametrize('python', PYTHONS)
def test_every_constraint_is_unambiguous(python: str) -> None:
    for pin in read(ROOT / 'requirements/constraints.txt'):
        assert len(pinned_versions(pin.name, python)) == 1, f'{pin.name} under Python {python}'


def test_there_is_one_opencv() -> None:
    names = [r.name for path in REQUIREMENTS for r in read(path) if r.name.startswith('opencv')]
    assert names == ['opencv-python-headless']


def test_the_console_script_and_the_stand_ins_are_installed() -> None:
    files = metadata.files('deepmark-mm') or []
    assert 'deepmark_standins.pth' in {file.name for file in files}
    (script,) = metadata.entry_points(group='console_scripts', name='deepmark')
    assert script.value == 'deepmark.cli:main'


@pytest.mark.slow
def test_a_wheel_holds_everything_and_nothing_else(tmp_path: Path) -> None:
    copy = copy_of_what_git_would_keep(tmp_path / 'copy')
    command = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation']
    subprocess.run(
        [*command, '--no-index', '--disable-pip-version-check', '-w', str(tmp_path), str(copy)],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    (wheel,) = tmp_path.glob('deepmark_mm-*.whl')
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if '.dist-info/' not in name}
    projects = ROOT / 'projects'
    modules = {path.relative_to(projects).as_posix() for path in projects.rglob('*.py')}
    data = {
        'deepmark_standins.pth',
        'deepmark/py.typed',
        'deepmark/schemas/deepfashion2.yaml',
        'deepmark_standins/py.typed',
    }
    # Of the folder as it is, not of the copy: a source file that .gitignore hides is missing here.
    assert {'deepmark/apis/__init__.py', 'deepmark/datasets/garments/scene.py'} <= modules
    assert names == modules | data
    assert wheel.name == f'deepmark_mm-{__version__}-py3-none-any.whl'


def copy_of_what_git_would_keep(target: Path) -> Path:
    """Tracked and new files as they are now, without what .gitignore names."""
    if shutil.which('git') is None or not (ROOT / '.git').exists():
        pytest.skip('no git checkout: what belongs into a wheel is not known')
    command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split('\0')):
        if (ROOT / name).is_file():  # else deleted, not committed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
    return target


def test_no_registry_host_is_written_down() -> None:
    names = ('Makefile', 'setup.py', 'pyproject.toml', '.ci/run', 'tools/setup_env.py')
    paths = [ROOT / name for name in names] + list((ROOT / 'requirements').glob('*.txt'))
    for path in paths:
        found = re.findall(r'index-url|find-links|https?://\S+', path.read_text())
        assert found == [], path


def test_the_ci_runs_everything_and_fails_when_one_fails() -> None:
    path = ROOT / '.ci/run'
    assert path.stat().st_mode & 0o111
    assert re.findall(r'^run (\S+)$', path.read_text(), re.MULTILINE) == [
        'test',
        'lint',
        'test-slow',
    ]


def test_the_licence_is_apache() -> None:
    text = (ROOT / 'LICENSE').read_text()
    assert 'Apache License' in text
    assert text.count('\n') > 190
