# SPDX-License-Identifier: Apache-2.0
"""The model index in OpenMMLab's form: ``model-index.yml`` and a ``metafile.yml`` per family.

Made of what is written down already: a leaf's docstring (``family.parse_leaf``), the data folder
that it or its bases name, and the sizes in docs/family.md. ``Results`` holds only
what was measured here, never a paper's figure; there are no ``Weights``, because none ship.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from mmengine.config import Config

from deepmark.analysis.family import parse_leaf
from deepmark.analysis.model_families import FAMILIES, Family
from deepmark.atomic_write import atomic_write

INDEX = 'model-index.yml'
HEADER = '# Made by `make model-index` of the docstrings of the configs; a test compares.\n'
FLOPS = '# Parameters and FLOPs: from docs/family.md, rounded; a multiply-add counts twice.\n'
DATA = {
    'data/DeepFashion2': 'DeepFashion2',
    'data/deepfashion2_sample': 'DeepFashion2 (two photos)',
    'data/deepfashion_c': 'DeepFashion-C',
    'data/fld': 'FLD',
    'data/fld_sample': 'FLD (two photos)',
    'data/garments': 'Drawn garments',
    'data/garments_benchmark': 'Drawn garments (benchmark)',
    'data/garments_fld': 'Drawn garments in the layout of FLD',
}
"""Data folder that a config names -> what it is called in the index."""

BOXES, LANDMARKS = 'Object Detection', 'Fashion 2D Keypoint'
NUMBER = r'([01]?\.\d+)'
METRICS = {
    (BOXES, 'box AP'): rf'box AP {NUMBER}',
    (LANDMARKS, 'landmark AP (visible + occluded)'): rf'landmark AP {NUMBER}',
    (LANDMARKS, 'landmark AP (visible)'): rf'visible {NUMBER}|{NUMBER} \(visible\)',
    (LANDMARKS, 'NE'): rf'\bNE {NUMBER}',
}
"""(Task, metric) -> how a leaf's ``Measured:`` writes it."""


class ModelIndexError(ValueError):
    """The index cannot be made of the configs; the message names the file and what is missing."""


class Size(NamedTuple):
    """Parameters and operations of one image, as docs/family.md rounds them."""

    parameters: int
    flops: int


def model_index_files(root: str | PathLike[str]) -> dict[str, str]:
    """Make the index and the metafiles of the project at ``root``.

    Returns:
        Path below ``root`` -> text.

    Raises:
        FamilyError: A leaf's docstring is incomplete.
        ModelIndexError: Two leaves have one name, a folder belongs to no family, or a config names
            no data folder that has a name here.
    """
    root = Path(root)
    leaves = _leaves(root)
    sizes = _sizes_on_page(root / 'docs' / 'family.md')
    files = {INDEX: HEADER + _yaml({'Import': [_metafile(family) for family in leaves]})}
    for family, paths in leaves.items():
        models = [_model(path, root, family, sizes.get(path.stem)) for path in paths]
        content = {'Collections': [{'Name': family.name, **family.facts}], 'Models': models}
        sized = any('FLOPs' in model['Metadata'] for model in models)
        files[_metafile(family)] = HEADER + (FLOPS if sized else '') + _yaml(content)
    return files


def write_model_index(root: str | PathLike[str], overwrite: bool = False) -> list[Path]:
    """Write the files that are missing or say something else.

    Returns:
        What was written.

    Raises:
        FileExistsError: A file would change, and ``overwrite`` is false; nothing is written.
    """
    texts = {Path(root, name): text for name, text in model_index_files(root).items()}
    changed = [path for path, text in texts.items() if not path.is_file() or _read(path) != text]
    existing = [str(path) for path in changed if path.exists()]
    if existing and not overwrite:
        raise FileExistsError(f'{", ".join(existing)} would change; give --overwrite')
    for path in changed:
        with atomic_write(path, overwrite) as file:
            file.write(texts[path].encode())
    return changed


def data_root_of(config: str | PathLike[str]) -> str | None:
    """Folder ``data/NAME`` that a config names, or else its bases; None when none does.

    Where bases name several, the config is loaded, which says which one it trains on. Configs of
    other packages (``mmdet::...``) are not searched: their recipes come with data of their own.
    """
    roots = _roots_named(Path(config))
    if len(roots) > 1:
        cfg = Config.fromfile(config, import_custom_modules=False)
        return str(cfg.train_dataloader.dataset.data_root)
    return next(iter(roots), None)


def _roots_named(path: Path) -> set[str]:
    """Folders of the nearest file that names one, in each branch of the bases."""
    tree = ast.parse(_read(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.match(r'data/\w+', node.value)
            if found:
                return {found.group()}
    bases = [path.parent / base for base in _bases(tree) if '::' not in base]
    return set().union(*map(_roots_named, bases))


def _leaves(root: Path) -> dict[Family, list[Path]]:
    """The leaves of every family that has some, by the order of FAMILIES."""
    configs = root / 'configs'
    folders = {path.parent for path in configs.rglob('*.py') if '_base_' not in path.parts}
    unknown = sorted(folders - {configs / family.folder for family in FAMILIES})
    if unknown:
        raise ModelIndexError(f'{unknown[0]} is the folder of no family in model_families.py')
    leaves = {f: sorted((configs / f.folder).glob('*.py')) for f in FAMILIES}
    names: dict[str, Path] = {}
    for path in (path for paths in leaves.values() for path in paths):
        if path.stem in names:
            raise ModelIndexError(f'{path} and {names[path.stem]} have one name; rename one')
        names[path.stem] = path
    return {family: paths for family, paths in leaves.items() if paths}


def _model(path: Path, root: Path, family: Family, size: Size | None) -> dict[str, Any]:
    leaf = parse_leaf(path)
    data = _data_name(path)
    metadata: dict[str, Any] = {'Training Data': data}
    if size is not None:
        metadata.update(Parameters=size.parameters, FLOPs=size.flops)
    if leaf.changes:
        metadata['Changes'] = leaf.changes
    model = {
        'Name': path.stem,
        'In Collection': family.name,
        'Config': path.relative_to(root).as_posix(),
        'Metadata': {**metadata, 'Measured': leaf.measured},
    }
    results = list(_results(leaf.measured, data))
    return {**model, 'Results': results} if results else model


def _data_name(path: Path) -> str:
    folder = data_root_of(path)
    if folder is None:
        raise ModelIndexError(f'{path}: neither it nor its bases name a folder data/...')
    if folder not in DATA:
        raise ModelIndexError(f'{path}: {folder} has no name in the DATA of model_index.py')
    return DATA[folder]


def _results(measured: str, data: str) -> Iterator[dict[str, Any]]:
    """Entries of what a leaf says it measured, one a task."""
    for task in (BOXES, LANDMARKS):
        metrics = {}
        for (of_task, name), pattern in METRICS.items():
            found = re.search(pattern, measured) if of_task == task else None
            if found is not None:
                metrics[name] = float(next(filter(None, found.groups())))
        if metrics:
            yield {'Task': task, 'Dataset': data, 'Metrics': metrics}


def _sizes_on_page(page: Path) -> dict[str, Size]:
    """Read the columns of sizes of the table that ``tools/print_family.py`` makes."""
    if not page.is_file():
        return {}
    lines = [line for line in _read(page).splitlines() if line.startswith('|')]
    rows = [[cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]] for line in lines]
    header, *rest = rows or [[]]
    if not {'config', 'parameters (M)', 'GFLOPs'} <= set(header):
        return {}
    cells = [dict(zip(header, row, strict=True)) for row in rest[1:]]
    return {
        row['config']: Size(
            round(float(row['parameters (M)']) * 1e6), round(float(row['GFLOPs']) * 1e9)
        )
        for row in cells
    }


def _bases(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_':
            bases = ast.literal_eval(node.value)
            return [bases] if isinstance(bases, str) else list(bases)
    return []


def _metafile(family: Family) -> str:
    return '/'.join(filter(None, ['configs', family.folder, 'metafile.yml']))


def _read(path: Path) -> str:
    return path.read_text(encoding='utf-8')


def _yaml(content: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    return text
