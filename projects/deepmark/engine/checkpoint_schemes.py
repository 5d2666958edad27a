# SPDX-License-Identifier: Apache-2.0
"""Let mmengine read every checkpoint by `deepmark.engine.checkpoint_file`.

mmengine looks a checkpoint's reader up by the prefix of its name (``CheckpointLoader``). Every
prefix that it knows gets a reader here, so that resuming, testing, ``load_from`` and
``init_cfg=dict(type='Pretrained', ...)`` obey one rule, in mmdet's own tools too. Importing
``deepmark`` registers them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as host

from deepmark.engine.checkpoint_file import load_checkpoint_file
from deepmark.engine.errors import CheckpointError

BACKBONE_PREFIX = 'backbone.'
URL_SCHEMES = ('http://', 'https://')


def load_from_local(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read a file of this machine."""
    return load_checkpoint_file(filename, map_location)


def load_from_http(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Fetch a file into torch's cache, on rank 0 first, and read it from there."""
    if is_main_process():
        path = fetch(filename)
    barrier()
    if not is_main_process():
        path = fetch(filename)
    return load_checkpoint_file(path, map_location)


def fetch(url: str) -> Path:
    """Download a file into torch's cache of checkpoints unless it lies there.

    Raises:
        CheckpointError: The download failed.
    """
    path = cached_path(url)
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # torch's own cached names end in the start of the file's hash: "name-1a2b3c4d.pth".
    stated = torch.hub.HASH_REGEX.search(path.name)
    try:
        torch.hub.download_url_to_file(
            url, str(path), stated.group(1) if stated else None, progress=os.isatty(0)
        )
    except (OSError, RuntimeError) as error:
        raise CheckpointError(
            f'{url}: the checkpoint cannot be downloaded ({error}); fetch it by other means and '
            'give the path of the file'
        ) from error
    return path


def cached_path(url: str) -> Path:
    """Where torch's cache of checkpoints has this file, or would have it."""
    return Path(torch.hub.get_dir()) / 'checkpoints' / os.path.basename(urlparse(url).path)


def load_from_torchvision(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read ``torchvision://resnet50`` and the like."""
    return load_from_http(location_of(filename), map_location)


def load_from_openmmlab(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read ``open-mmlab://...``, whose table may also name a file in mmengine's home."""
    target = location_of(filename)
    if target.startswith(URL_SCHEMES):
        return load_from_http(target, map_location)
    return load_checkpoint_file(target, map_location)


def load_from_mmcls(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Read ``mmcls://...`` and keep the backbone alone, its prefix cut off."""
    checkpoint = load_from_http(location_of(filename), map_location)
    weights = checkpoint.get('state_dict', checkpoint)
    return {
        'state_dict': {
            key[len(BACKBONE_PREFIX) :]: value
            for key, value in weights.items()
            if key.startswith(BACKBONE_PREFIX)
        }
    }


def refuse_remote_store(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Refuse the object stores, which mmengine can only unpickle fully.

    Raises:
        CheckpointError: Always.
    """
    raise CheckpointError(
        f'{filename}: checkpoints in this store are not read; copy the file to a '
        'local folder and give its path'
    )


def register_safe_loaders() -> None:
    """Put the readers of this module in the place of mmengine's."""
    readers = {
        '': load_from_local,
        'http://': load_from_http,
        'https://': load_from_http,
        'torchvision://': load_from_torchvision,
        'modelzoo://': load_from_torchvision,
        'open-mmlab://': load_from_openmmlab,
        'openmmlab://': load_from_openmmlab,
        'mmcls://': load_from_mmcls,
        'pavi://': refuse_remote_store,
        r'(\S+\:)?s3://': refuse_remote_store,
        r'(\S+\:)?petrel://': refuse_remote_store,
    }
    for prefix, reader in readers.items():
        CheckpointLoader.register_scheme(prefix, reader, force=True)


def location_of(filename: str) -> str:
    """Find what a name such as ``torchvision://resnet50`` stands for.

    Returns:
        A URL, or the path of a local file; names without an entry in mmengine's tables as they are.

    Raises:
        CheckpointError: The table of the scheme has no such name.
    """
    scheme, _, name = filename.partition('://')
    if scheme in ('torchvision', 'modelzoo'):
        return _look_up(filename, host.get_torchvision_models())
    if scheme == 'mmcls':
        return _look_up(filename, host.get_mmcls_models())
    if scheme in ('open-mmlab', 'openmmlab'):
        name = host.get_deprecated_model_names().get(name, name)
        target = _look_up(f'open-mmlab://{name}', host.get_external_models())
        # The table of a user may name a file in mmengine's home.
        local = not target.startswith(URL_SCHEMES)
        return str(Path(host._get_mmengine_home()) / target) if local else target
    return filename


def _look_up(filename: str, urls: dict[str, str]) -> str:
    name = filename.split('://', 1)[1]
    if name not in urls:
        raise CheckpointError(f'{filename}: no checkpoint of this name is known to mmengine')
    return urls[name]
