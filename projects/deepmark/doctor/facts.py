# SPDX-License-Identifier: Apache-2.0
"""What the checks look at: versions, who provides which import name, and what can be imported."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata

PROBED = (
    'numpy', 'scipy', 'matplotlib', 'cv2', 'pycocotools.mask', 'torch', 'torchvision', 'mmengine',
    'mmcv', 'mmcv._ext', 'mmdet.models', 'xtcocotools.cocoeval', 'mmpose.models',
)  # fmt: skip
"""Modules that are imported in another process, lowest first."""

PROBE = """
import contextlib, importlib, io, json, sys, warnings
warnings.simplefilter('ignore')
for name in sys.argv[1:]:
    sys.stdout.write(json.dumps({'start': name}) + chr(10)); sys.stdout.flush()
    chatter, error = io.StringIO(), None
    with contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter):
        try:
            module = importlib.import_module(name)
        except BaseException as exception:
            error = f'{type(exception).__name__}: {exception}'
            if 'NumPy 1.x' in chatter.getvalue():
                error += ' (compiled using NumPy 1.x)'
    file = getattr(sys.modules.get(name), '__file__', None)
    print(json.dumps({'name': name, 'error': error, 'file': file}), flush=True)
torch = sys.modules.get('torch')
if torch is not None and hasattr(torch, 'cuda'):
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    print(json.dumps({'gpus': gpus}), flush=True)
"""


@dataclass(frozen=True)
class Import:
    """How the import of one module went: the error's type and text, or None, and its file."""

    error: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class Facts:
    """An environment, as far as the checks care; built by hand in tests.

    Attributes:
        python: (major, minor).
        pip: The command that is pip of this environment.
        versions: Distribution name (normalized) to version.
        providers: Import name to the distributions that bring it.
        torch_wanted: What torchvision's metadata asks of torch, such as '2.14.1'; None if unknown.
        imports: Module to how its import went; a module that was not tried is missing.
        gpus: Names of the CUDA devices.
    """

    python: tuple[int, int] = (3, 11)
    pip: str = 'python -m pip'
    versions: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    torch_wanted: str | None = None
    imports: Mapping[str, Import] = field(default_factory=dict)
    gpus: Sequence[str] = ()

    def error_of(self, module: str) -> str | None:
        """Text of the import error of a module; None when it works or was not tried."""
        return self.imports.get(module, Import()).error


def collect_facts() -> Facts:
    """Look at the environment of this interpreter."""
    versions: dict[str, str] = {}
    providers: dict[str, list[str]] = {}
    for distribution in metadata.distributions():
        name = normalized(distribution.metadata['Name'] or '')
        if not name or name in versions:
            continue  # a leftover, or shadowed by one earlier on the path
        versions[name] = distribution.version
        for package in import_names(distribution):
            providers.setdefault(package, []).append(name)
    imports, gpus = probe_imports(PROBED)
    return Facts(
        python=(sys.version_info[0], sys.version_info[1]),
        pip=f'{shlex.quote(sys.executable)} -m pip',
        versions=versions,
        providers=providers,
        torch_wanted=torch_wanted_by_torchvision(),
        imports=imports,
        gpus=gpus,
    )


def import_names(distribution: metadata.Distribution) -> set[str]:
    """Top-level names that a distribution brings.

    ``importlib.metadata.packages_distributions`` of Python 3.10 misses those without top_level.txt.
    """
    listed = distribution.read_text('top_level.txt')
    if listed:
        return set(listed.split())
    files = [file for file in distribution.files or () if file.suffix == '.py']
    return {file.parts[0] if len(file.parts) > 1 else file.stem for file in files}


def normalized(name: str) -> str:
    """Spell a distribution name as PEP 503 does.

    >>> normalized('Onedl_MMCV')
    'onedl-mmcv'
    """
    return re.sub(r'[-_.]+', '-', name).lower()


def torch_wanted_by_torchvision() -> str | None:
    """Return the exact torch version in torchvision's metadata, if it pins one."""
    try:
        requirements = metadata.requires('torchvision') or []
    except metadata.PackageNotFoundError:
        return None
    found = re.search(r'^torch\s*\(?==\s*([^;),\s]+)', '\n'.join(requirements), re.MULTILINE)
    return found.group(1) if found else None


def run_probe(modules: Sequence[str]) -> tuple[str, int]:
    """Import the modules in a new interpreter; return what it prints and its exit code."""
    command = [sys.executable, '-c', PROBE, *modules]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout, done.returncode


def probe_imports(
    modules: Sequence[str], run: Callable[[Sequence[str]], tuple[str, int]] = run_probe
) -> tuple[dict[str, Import], list[str]]:
    """Import modules elsewhere, so that a crash there is a finding here.

    Returns:
        How each import went, and the CUDA devices.
    """
    imports: dict[str, Import] = {}
    gpus: list[str] = []
    remaining = list(modules)
    while remaining:
        printed, code = run(remaining)
        started = remaining[0]
        for line in filter(lambda text: text.startswith('{'), printed.splitlines()):
            record = json.loads(line)
            started = record.get('start', started)
            gpus = record.get('gpus', gpus)
            if 'name' in record:
                imports[record['name']] = Import(record['error'], record['file'])
        if code == 0:
            break
        imports.setdefault(started, Import(f'the interpreter crashed (exit code {code})'))
        remaining = [name for name in remaining if name not in imports]
    return imports, gpus
