# SPDX-License-Identifier: Apache-2.0
"""Configs by name, from any folder: ``deepmark::NAME.py``, or a model's name in the index."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import yaml

import deepmark
from deepmark.apis.preflight import require_config_file
from deepmark.engine.errors import RunError
from deepmark_standins.config_scope import config_file, is_ours

MIM = Path(deepmark.__file__).parent / '.mim'


def find_config(model: str | os.PathLike[str]) -> tuple[Path, bool]:
    """Find the config that a user names.

    Args:
        model: A config file, 'deepmark::dafe/fld_r50_dafe_224.py', or 'fld_r50_dafe_224'.

    Returns:
        The file, and whether it was found by its name in the index or the package.

    Raises:
        RunError: There is none; says what is near.
    """
    name = os.fspath(model)
    if Path(name).is_file():
        return Path(name), False
    if is_ours(name):
        try:
            return Path(config_file(name)), True
        except FileNotFoundError as error:
            raise RunError(str(error)) from error
    if Path(name).name != name or Path(name).suffix:
        require_config_file(name)  # a path, of no file: its error says so
    return _config_of_model(name), True


def named_configs() -> dict[str, Path]:
    """Model name of the index -> its config.

    Raises:
        RunError: The package came without its ``.mim`` folder.
    """
    index = MIM / 'model-index.yml'
    if not index.is_file():
        raise RunError(f'{index} is missing: give the config as a file, or install deepmark anew')
    metafiles = [MIM / name for name in _load(index)['Import']]
    models = [model for metafile in metafiles for model in _load(metafile)['Models']]
    return {model['Name']: MIM / model['Config'] for model in models}


def require_weights(model: str | os.PathLike[str], weights: str | os.PathLike[str] | None) -> None:
    """Refuse a name alone: it promises a trained model, and none ships.

    Raises:
        RunError: Without weights.
    """
    if weights is None:
        raise RunError(
            f'{os.fspath(model)}: no trained weights ship with this project, so a name alone does '
            "not predict; give a checkpoint that you trained or converted: weights='epoch_5.pth'"
        )


def _config_of_model(name: str) -> Path:
    configs = named_configs()
    if name not in configs:
        near = difflib.get_close_matches(name, configs, n=3)
        hint = f'; near: {", ".join(near)}' if near else ''
        raise RunError(
            f'{name}: there is no such config file (looked from {Path.cwd()}), and no model of '
            f'this name in the model index{hint}'
        )
    return configs[name]


def _load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding='utf-8'))
    return content
