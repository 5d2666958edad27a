# SPDX-License-Identifier: Apache-2.0
"""Build script: packages, requirement files, the .pth file of the stand-ins, the folder .mim.

The distribution is called ``deepmark-mm`` (``deepmark`` on PyPI belongs to somebody else); the
import name is ``deepmark``.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_py import build_py

# setuptools provides distutils, also on Python 3.12; hence the order.
from distutils.command.install_data import install_data  # isort: skip

ROOT = Path(__file__).parent.resolve()
# What mim and mmengine (`deepmark::NAME.py`) read in a package's folder .mim.
MIM = ('configs', 'tools', 'model-index.yml')


def version() -> str:
    """Read ``__version__`` without importing the package."""
    text = (ROOT / 'projects/deepmark/version.py').read_text(encoding='utf-8')
    found = re.search(r"^__version__ = '([^']+)'", text, re.MULTILINE)
    if found is None:
        raise RuntimeError("projects/deepmark/version.py has no line __version__ = '...'")
    return found.group(1)


def requirements(name: str) -> list[str]:
    """Read the lines of a requirements file without comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    stripped = (line.split('#')[0].strip() for line in lines)
    return [line for line in stripped if line]


class InstallBesidePackages(install_data):
    """Puts data files into site-packages, where Python looks for .pth files."""

    def finalize_options(self) -> None:
        """Take the folder of the packages instead of the environment's root."""
        super().finalize_options()
        self.install_dir = self.get_finalized_command('install').install_lib


class BuildWithMim(build_py):
    """Fills the package's folder ``.mim``: copies in a wheel, links in a source tree.

    git has the links; an editable install makes them where an unpacked sdist does not.
    """

    def run(self) -> None:
        """Build the modules, then the folder."""
        super().run()
        editable = getattr(self, 'editable_mode', False)
        base = ROOT / 'projects' if editable else Path(self.build_lib)
        folder = base / 'deepmark' / '.mim'
        folder.mkdir(parents=True, exist_ok=True)
        for name in MIM:
            if editable and not (folder / name).exists():
                (folder / name).symlink_to(os.path.relpath(ROOT / name, folder))
            elif not editable:
                replace_by_copy(ROOT / name, folder / name)


def replace_by_copy(source: Path, target: Path) -> None:
    """Copy a file or a folder over what an earlier build left there."""
    if source.is_file():
        shutil.copyfile(source, target)
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns('__pycache__', '*.py[cod]'))


class DistributionWithData(Distribution):
    """Lets editable installs carry data files: setuptools asks for a ``has_data``."""

    has_data = Distribution.has_data_files


setup(
    name='deepmark-mm',
    version=version(),
    description='One-shot clothing detection and fashion-landmark estimation for OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8')
    if (ROOT / 'README.md').exists()
    else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10,<3.13',
    package_dir={'': 'projects'},
    packages=find_packages('projects'),
    include_package_data=False,
    package_data={
        'deepmark': ['py.typed', '**/*.yaml', '**/*.yml', '**/*.json', '**/*.txt'],
        'deepmark_standins': ['py.typed'],
    },
    data_files=[('', ['projects/deepmark_standins.pth'])],
    cmdclass={'build_py': BuildWithMim, 'install_data': InstallBesidePackages},
    distclass=DistributionWithData,
    install_requires=requirements('runtime'),
    extras_require={
        'demo': requirements('demo'),
        'export': requirements('export'),
        'fast': requirements('fast'),
        'tests': requirements('tests'),
        'optional': requirements('optional'),
    },
    entry_points={'console_scripts': ['deepmark = deepmark.cli:main']},
    zip_safe=False,
)
