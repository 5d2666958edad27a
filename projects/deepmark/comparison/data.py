# SPDX-License-Identifier: Apache-2.0
"""The data of a comparison: drawn where they are missing, and every config pointed at them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from mmengine.config import Config

from deepmark.apis.preflight import require_data
from deepmark.datasets.garments import is_current, make_garments
from deepmark.datasets.garments.writer import MANIFEST
from deepmark.engine.errors import RunError

GARMENTS = 'garments'
DEEPFASHION2 = 'deepfashion2'
GARMENTS_ROOT = Path('data') / 'garments_benchmark'
GARMENTS_SPLITS = {'train': 2000, 'validation': 500}
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_PARTS = (*LOADERS, 'val_evaluator', 'test_evaluator')


class Data(NamedTuple):
    """Where the data are.

    Attributes:
        name: 'garments', 'deepfashion2' or the folder's name.
        root: What configs are pointed at; None leaves them as they are.
    """

    name: str
    root: Path | None


def find_data(choice: str, garments_root: Path = GARMENTS_ROOT) -> Data:
    """Understand ``--data``; nothing is drawn yet.

    Raises:
        RunError: It is neither a name nor a folder.
    """
    if choice == GARMENTS:
        return Data(GARMENTS, garments_root)
    if choice == DEEPFASHION2:
        return Data(DEEPFASHION2, None)
    root = Path(choice)
    if not root.is_dir():
        raise RunError(
            f'--data {choice}: there is no such folder; give {GARMENTS}, {DEEPFASHION2} or a '
            "folder with train/ and validation/ in DeepFashion2's layout"
        )
    return Data(root.resolve().name, root)


def draw_garments(root: Path, splits: Mapping[str, int] | None = None) -> None:
    """Draw the garments of the benchmark where they are missing or of an older generator."""
    for split, count in (splits or GARMENTS_SPLITS).items():
        if not is_current(root, split, count):
            make_garments(root, split, count, overwrite=True)


def describe_data(data: Data, cfg: Config) -> dict[str, object]:
    """What a reader of the results must know of the data.

    Args:
        data: Where they are.
        cfg: A config that was pointed at them; its data sets say which splits there are.
    """
    described: dict[str, object] = {'name': data.name}
    root = data.root or next((Path(found) for found in _roots(cfg) if Path(found).is_dir()), None)
    for folder in sorted(root.iterdir()) if root is not None else []:
        if (folder / MANIFEST).is_file():
            described[folder.name] = msgspec.json.decode((folder / MANIFEST).read_bytes())
        elif (folder / 'image').is_dir():
            described[folder.name] = {'images': sum(1 for _ in os.scandir(folder / 'image'))}
    return described


def point_at(cfg: Config, root: Path) -> None:
    """Point all data sets and the evaluators' paths at a folder, in place.

    Every ``data_root`` becomes the folder; any other path that begins with a former one does too.
    """
    former = _roots(cfg)
    for part in _PARTS:
        if cfg.get(part) is not None:
            _replace(cfg[part], former, root.as_posix())


def require_all_data(cfg: Config, name: str, only_test: bool = False) -> None:
    """Check that the data of a config are there.

    Args:
        cfg: The config.
        name: Of the config, for the message.
        only_test: Nothing is trained.

    Raises:
        RunError: They are not; names the config, the key and the path.
    """
    try:
        require_data(cfg, ('test_dataloader',) if only_test else LOADERS)
    except RunError as error:
        raise RunError(
            f'{name}: {error}. Or compare on drawn garments: --data {GARMENTS}'
        ) from error


def _roots(cfg: Config) -> list[str]:
    """The ``data_root`` of all data sets, longest first, without a slash at the end."""
    found = {
        str(node['data_root']).rstrip('/')
        for loader in LOADERS
        for node in _mappings(cfg.get(loader))
        if node.get('data_root')
    }
    return sorted(found, key=len, reverse=True)


def _mappings(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from _mappings(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _mappings(value)


def _replace(node: Any, former: list[str], root: str) -> None:
    if isinstance(node, MutableMapping):
        entries: Any = list(node.items())
    elif isinstance(node, MutableSequence):
        entries = list(enumerate(node))
    else:
        return
    for key, value in entries:
        if isinstance(value, str):
            node[key] = root if key == 'data_root' else _moved(value, former, root)
        else:
            _replace(value, former, root)


def _moved(path: str, former: list[str], root: str) -> str:
    for old in former:
        if path == old or path.startswith(f'{old}/'):
            return root + path[len(old) :]
    return path
