# SPDX-License-Identifier: Apache-2.0
"""What is packaged: version, requirements against the tested set, and what must not be in files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
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
    wheel = build_wheel(copy, tmp_path)
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
    mim = {f'deepmark/.mim/{name}' for name in files_of_the_mim_folder(copy)}
    assert {'deepmark/.mim/model-index.yml', 'deepmark/.mim/configs/dafe/metafile.yml'} <= mim
    assert names == modules | data | mim
    assert wheel.name == f'deepmark_mm-{__version__}-py3-none-any.whl'


@pytest.mark.slow
def test_the_source_distribution_gives_the_same_wheel(tmp_path: Path) -> None:
    copy = copy_of_what_git_would_keep(tmp_path / 'copy')
    command = [sys.executable, 'setup.py', '-q', 'sdist', '--dist-dir', str(tmp_path)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, timeout=600)
    (archive,) = tmp_path.glob('deepmark_mm-*.tar.gz')
    with tarfile.open(archive) as tar:
        assert not [member.name for member in tar if member.issym() or '/.mim/' in member.name]
        tar.extractall(tmp_path / 'unpacked', filter='data')
    (unpacked,) = (tmp_path / 'unpacked').iterdir()
    wheel = build_wheel(unpacked, tmp_path)
    site = tmp_path / 'site'
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(site)
    folder = site / 'deepmark/.mim'
    assert not [path for path in folder.rglob('*') if path.is_symlink()]
    found = {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}
    assert found == files_of_the_mim_folder(copy)
    assert loads_a_config_by_name(site, tmp_path) == str(folder / 'configs/deepmark_dla34_8xb5.py')


@pytest.mark.slow
def test_an_editable_install_links_what_an_unpacked_archive_lacks(tmp_path: Path) -> None:
    copy = copy_of_what_git_would_keep(tmp_path / 'copy')
    folder = copy / 'projects/deepmark/.mim'
    shutil.rmtree(folder)
    command = [sys.executable, '-m', 'pip', 'install', '--no-deps', '--no-build-isolation']
    subprocess.run(
        [*command, '--no-index', '--target', str(tmp_path / 'site'), '--editable', str(copy)],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    assert {path.name: os.readlink(path) for path in folder.iterdir()} == {
        name: f'../../../{name}' for name in ('configs', 'tools', 'model-index.yml')
    }
    found = loads_a_config_by_name(copy / 'projects', tmp_path)
    assert found == str(folder / 'configs/deepmark_dla34_8xb5.py')


def build_wheel(source: Path, target: Path) -> Path:
    command = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation']
    subprocess.run(
        [*command, '--no-index', '--disable-pip-version-check', '-w', str(target), str(source)],
        check=True, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    (wheel,) = target.glob('deepmark_mm-*.whl')
    return wheel


def files_of_the_mim_folder(source: Path) -> set[str]:
    """Files of a source tree that belong into the package's folder ``.mim``."""
    folders = (source / 'configs', source / 'tools')
    paths = [path for folder in folders for path in folder.rglob('*') if path.is_file()]
    return {path.relative_to(source).as_posix() for path in [source / 'model-index.yml', *paths]}


def loads_a_config_by_name(site: Path, folder: Path) -> str:
    """Read a child of ``deepmark::...`` with the package at ``site``; where its base was found."""
    (folder / 'child.py').write_text("_base_ = 'deepmark::deepmark_dla34_8xb5.py'\n")
    code = (
        'from mmengine.config import Config\n'
        'from deepmark_standins.config_scope import config_file\n'
        "cfg = Config.fromfile('child.py', import_custom_modules=False)\n"
        'assert cfg.train_dataloader.batch_size == 5\n'
        "print(config_file('deepmark::deepmark_dla34_8xb5.py'))\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], env={**os.environ, 'PYTHONPATH': str(site)}, cwd=folder,
        check=True, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return done.stdout.strip()


def copy_of_what_git_would_keep(target: Path) -> Path:
    """Tracked and new files as they are now, without what .gitignore names."""
    if shutil.which('git') is None or not (ROOT / '.git').exists():
        pytest.skip('no git checkout: what belongs into a wheel is not known')
    command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split('\0')):
        if (ROOT / name).is_file() or (ROOT / name).is_symlink():  # else deleted, not committed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name, follow_symlinks=False)
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
