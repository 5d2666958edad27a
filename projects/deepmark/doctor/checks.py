# SPDX-License-Identifier: Apache-2.0
"""The checks: each is a pure function of :class:`~deepmark.doctor.facts.Facts`.

A check returns the problems that it finds, each with the one command that mends it. The order of
``CHECKS`` is that of mending: whatever rests on torch comes after torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from deepmark.doctor.facts import Facts

SUPPORTED_PYTHON = ((3, 10), (3, 11), (3, 12))

PREFERRED = (
    'opencv-python-headless', 'onedl-mmcv', 'onedl-mmengine', 'onedl-mmdetection', 'pillow',
)  # fmt: skip
"""Distribution that stays when several bring the same import name."""

IMPORT_NAMES = (
    'cv2', 'mmcv', 'mmdet', 'mmengine', 'mmpose', 'numpy', 'PIL', 'pycocotools', 'torch',
    'torchvision', 'deepmark',
)  # fmt: skip

DISTRIBUTION_OF = {
    'cv2': 'opencv-python-headless',
    'mmengine': 'onedl-mmengine',
    'mmcv': 'onedl-mmcv',
    'mmdet': 'onedl-mmdetection',
    'imgaug': 'imaug',
    'PIL': 'pillow',
    'skimage': 'scikit-image',
    'yaml': 'pyyaml',
}
"""Import name to the distribution to install, where they differ."""

_NUMPY_ABI = re.compile(
    r'numpy\.dtype size changed|compiled using NumPy 1|_ARRAY_API not found'
    r'|numpy\.core\.(multiarray|umath) failed to import|Numpy is not available'
)
_MISSING_MODULE = re.compile(r"No module named '(\w+)")
_MISSING_LIBRARY = re.compile(
    r'(lib(?:GL|gthread|glib|SM|Xext|Xrender)[^\s:]*): cannot open shared'
)


class Problem(NamedTuple):
    """What is wrong, and the command that mends it."""

    text: str
    command: str


def check_python(facts: Facts) -> list[Problem]:
    """The interpreter is one that the tested set has wheels for."""
    if facts.python in SUPPORTED_PYTHON:
        return []
    version = '.'.join(map(str, facts.python))
    text = f'Python {version} is not supported; deepmark needs 3.10, 3.11 or 3.12.'
    return [Problem(text, 'make setup PYTHON=python3.11')]


def check_duplicates(facts: Facts) -> list[Problem]:
    """One distribution per import name: two overwrite each other's files."""
    problems = []
    for name in IMPORT_NAMES:
        rivals = sorted(set(facts.providers.get(name, ())))
        if len(rivals) < 2:
            continue
        kept = next((rival for rival in PREFERRED if rival in rivals), rivals[0])
        version = facts.versions.get(kept)
        pinned = f'{kept}=={version}' if version else kept
        problems.append(
            Problem(
                f'{len(rivals)} distributions bring the import name {name}: {", ".join(rivals)}.',
                f'{facts.pip} uninstall -y {" ".join(rivals)} && '
                f'{facts.pip} install --no-deps {pinned}',
            )
        )
    return problems


def check_torch_pair(facts: Facts) -> list[Problem]:
    """Torchvision is built for exactly one torch; a wrong pair has no ``torchvision::nms``."""
    torch, torchvision = facts.versions.get('torch'), facts.versions.get('torchvision')
    if torch is None or torchvision is None:
        return []
    fits = facts.torch_wanted is None or _public(facts.torch_wanted) == _public(torch)
    error = facts.error_of('torchvision')
    if fits and (error is None or facts.error_of('torch') is not None):
        return []
    reason = f'it was built for torch {facts.torch_wanted}' if not fits else str(error)
    mend = f'{facts.pip} install torch=={_public(torch)} "torchvision{_torchvision_for(torch)}"'
    return [Problem(f'torchvision {torchvision} does not fit torch {torch}: {reason}.', mend)]


def check_opencv(facts: Facts) -> list[Problem]:
    """OpenCV finds its system libraries; the headless build needs none for windows."""
    found = _MISSING_LIBRARY.search(facts.error_of('cv2') or '')
    if found is None:
        return []
    rivals = ' '.join(facts.providers.get('cv2', ('opencv-python',)))
    return [
        Problem(
            f'cv2 cannot be imported: {found.group(1)} is missing on this machine.',
            f'{facts.pip} uninstall -y {rivals} && '
            f'{facts.pip} install --no-deps "opencv-python-headless<4.13"',
        )
    ]


def check_numpy_abi(facts: Facts) -> list[Problem]:
    """No extension module is compiled against another major version of numpy."""
    problems = []
    seen: set[str] = set()
    for module, outcome in facts.imports.items():
        error = outcome.error or ''
        if error in seen or not _NUMPY_ABI.search(error):
            continue  # the same error again: a later module imports the broken one
        seen.add(error)
        package = module.partition('.')[0]
        text = (
            f'{package} is compiled for another numpy than the installed '
            f'{facts.versions.get("numpy", "one")}: {_first_line(outcome.error)}'
        )
        problems.append(Problem(text, _mend_numpy_abi(facts, package)))
    return problems


def check_hosts(facts: Facts) -> list[Problem]:
    """Mmcv comes with mmengine and mmdet; mmpose is optional."""
    problems = []
    for package in ('mmengine', 'mmcv', 'mmdet'):
        if facts.providers.get(package):
            continue
        beside = ' (mmcv is)' if package == 'mmdet' and facts.providers.get('mmcv') else ''
        distribution = DISTRIBUTION_OF[package]
        if 'mmcv' in facts.providers.get('mmcv', ()):  # upstream's: stay with upstream
            distribution = package
        text = f'{package} is not installed{beside}.'
        problems.append(Problem(text, f'{facts.pip} install --no-deps {distribution}'))
    return problems


def check_stand_ins(facts: Facts) -> list[Problem]:
    """``mmcv._ext`` is found, compiled or ours."""
    error = facts.error_of('mmcv._ext') or ''
    if facts.error_of('mmcv') is not None or "No module named 'mmcv._ext'" not in error:
        return []
    text = 'mmcv has no compiled ops, and the stand-ins of deepmark are not active.'
    return [Problem(text, f'{facts.pip} install --force-reinstall --no-deps -e .')]


def check_imports(facts: Facts) -> list[Problem]:
    """The first module that cannot be imported for another reason; later ones rest on it."""
    module = next((name for name in facts.imports if _fails(facts, name)), None)
    if module is None:
        return []
    package = module.partition('.')[0]
    earlier = [p.text for check in CHECKS[: CHECKS.index(check_imports)] for p in check(facts)]
    if re.search(rf'\b{package}\b', ' '.join(earlier)):
        return []
    error = _first_line(facts.error_of(module))
    text = f'{module} cannot be imported: {error}'
    missing = _MISSING_MODULE.search(error)
    if missing and missing.group(1) not in facts.providers:
        name = DISTRIBUTION_OF.get(missing.group(1), missing.group(1))
        return [Problem(text, f'{facts.pip} install --no-deps {name}')]
    name = next(iter(facts.providers.get(package, ())), DISTRIBUTION_OF.get(package, package))
    version = facts.versions.get(name)
    pinned = f'{name}=={_public(version)}' if version else name
    return [Problem(text, f'{facts.pip} install --force-reinstall --no-deps "{pinned}"')]


CHECKS: tuple[Callable[[Facts], list[Problem]], ...] = (
    check_python,
    check_duplicates,
    check_torch_pair,
    check_opencv,
    check_numpy_abi,
    check_hosts,
    check_stand_ins,
    check_imports,
)


def diagnose(facts: Facts) -> list[Problem]:
    """Run every check."""
    return [problem for check in CHECKS for problem in check(facts)]


def _fails(facts: Facts, module: str) -> bool:
    """Tell whether an import failed that has to work."""
    package = module.partition('.')[0]
    optional = package in ('mmpose', 'xtcocotools') and not facts.providers.get(package)
    return facts.error_of(module) is not None and not optional


def _mend_numpy_abi(facts: Facts, package: str) -> str:
    if package == 'xtcocotools':
        return f'{facts.pip} uninstall -y xtcocotools'  # the stand-in takes its place
    names = facts.providers.get(package) or (DISTRIBUTION_OF.get(package, package),)
    options = '--upgrade --force-reinstall --no-cache-dir --no-deps'
    return f'{facts.pip} install {options} {names[0]}'


def _public(version: str) -> str:
    """Version without its local part: 2.14.1+cpu is 2.14.1."""
    return version.partition('+')[0]


def _torchvision_for(torch: str) -> str:
    """Specifier of the torchvision that belongs to a torch: 0.(m + 15) for 2.m."""
    found = re.match(r'2\.(\d+)', torch)
    return f'==0.{int(found.group(1)) + 15}.*' if found else ''


def _first_line(text: str | None) -> str:
    """First line of an error, as one sentence without its full stop."""
    return (text or '').strip().partition('\n')[0].rstrip('.')
