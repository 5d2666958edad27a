# SPDX-License-Identifier: Apache-2.0
"""Checks before a run that would otherwise fail late: paths, and what there is to resume."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from deepmark.engine.checkpoint_file import is_complete
from deepmark.engine.errors import RunError
from deepmark.engine.start_checkpoint_hook import is_absent


def require_config_file(path: str | os.PathLike[str]) -> None:
    """Check that the config is there.

    Raises:
        RunError: It is not.
    """
    if not Path(path).is_file():
        raise RunError(f'{path}: there is no such config file (looked from {Path.cwd()})')


def require_writable(folder: str | os.PathLike[str]) -> None:
    """Create the work directory and write a file into it.

    Raises:
        RunError: It cannot be created or written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunError(
            f'the work directory {folder} cannot be written ({error.strerror}); give '
            'another one with --work-dir'
        ) from error


def require_data(cfg: Config, loader_names: tuple[str, ...]) -> None:
    """Check that the data sets' folders and annotation files are there.

    Only local paths are checked: a data set with ``backend_args`` reads from elsewhere.

    Args:
        cfg: The config.
        loader_names: Such as ``train_dataloader``; those that the config leaves out are skipped.

    Raises:
        RunError: Names the config key and the path.
    """
    for loader_name in loader_names:
        loader = cfg.get(loader_name) or {}
        for key, dataset in _iterate_datasets(loader.get('dataset'), f'{loader_name}.dataset'):
            if dataset.get('backend_args'):
                continue
            root = dataset.get('data_root') or ''
            if root and not _is_remote(root) and not Path(root).is_dir():
                raise RunError(_missing(f'{key}.data_root', root))
            annotations = dataset.get('ann_file') or ''
            if (
                annotations
                and not _is_remote(annotations)
                and not _is_remote(root)
                and not Path(root, annotations).exists()
                and not Path(annotations).exists()
            ):
                raise RunError(_missing(f'{key}.ann_file', os.path.join(root, annotations)))


def require_checkpoint(path: str | os.PathLike[str], key: str) -> None:
    """Check that a checkpoint with a local name is there.

    Args:
        path: A path, or a name with a scheme such as ``https://``, which is not checked.
        key: What asked for it, for the message.

    Raises:
        RunError: It is not.
    """
    if is_absent(path):
        raise RunError(f'{key}: {path}: there is no such checkpoint file')


def find_checkpoint_to_resume(work_dir: str | os.PathLike[str]) -> Path | None:
    """Find the newest whole checkpoint of a work directory.

    mmengine's ``last_checkpoint`` names the newest one. After a kill it may name a file that
    ``max_keep_ckpts`` has removed already, while its successor is half written: then the newest
    whole one among ``epoch_N.pth`` and ``iter_N.pth`` is taken.

    Returns:
        The checkpoint, or None when an earlier run was stopped before its first checkpoint.

    Raises:
        RunError: There is no earlier run, or its checkpoints are all damaged.
    """
    folder = Path(work_dir)
    pointer = folder / 'last_checkpoint'
    named = Path(pointer.read_text().strip()) if pointer.is_file() else None
    if named is not None and not named.is_file():
        named = folder / named.name  # the work directory was moved since
    if named is not None and is_complete(named):
        return named
    numbered = sorted(folder.glob('*.pth'), key=_checkpoint_order, reverse=True)
    for path in numbered:
        if is_complete(path):
            return path
    if numbered:
        raise RunError(
            f'--resume: no checkpoint in {folder} is whole (tried '
            f'{", ".join(path.name for path in numbered)}); start anew without --resume'
        )
    if not any(folder.glob('*/*.log')):
        raise RunError(
            f'--resume: {folder} holds no earlier run to resume; check --work-dir, or '
            'start without --resume'
        )
    return None


def _checkpoint_order(path: Path) -> tuple[bool, int]:
    number = re.search(r'^(?:epoch|iter)_(\d+)$', path.stem)
    return (number is not None, int(number.group(1)) if number else 0)


def _iterate_datasets(node: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the data set configs inside wrappers (``dataset=``) and joins (``datasets=[...]``)."""
    if not isinstance(node, Mapping):
        return
    yield key, node
    yield from _iterate_datasets(node.get('dataset'), f'{key}.dataset')
    for index, part in enumerate(node.get('datasets') or ()):
        yield from _iterate_datasets(part, f'{key}.datasets.{index}')


def _is_remote(path: str) -> bool:
    return '://' in path


def _missing(key: str, path: str) -> str:
    return (
        f'{key}: {path} does not exist (looked from {Path.cwd()}); set it in the config or '
        f'with --cfg-options {key}=PATH'
    )
