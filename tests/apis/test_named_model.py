# SPDX-License-Identifier: Apache-2.0
"""Models by name, from any folder, with a checkpoint that the user has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from deepmark.apis import named_model
from deepmark.apis.inferencer import DeepMarkInferencer
from deepmark.apis.named_model import find_config, named_configs
from deepmark.engine.errors import RunError
from deepmark.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
NAME = 'deepmark_garments_small'
CONFIG = ROOT / 'configs' / f'{NAME}.py'


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model's."""
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(CONFIG).model)
    path = tmp_path_factory.mktemp('checkpoint') / 'epoch_1.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)
    return path


def predict(model: Any, checkpoint: Path) -> Any:
    inferencer = DeepMarkInferencer(model, checkpoint, device='cpu', show_progress=False)
    image = np.random.default_rng(0).integers(0, 255, (60, 40, 3), dtype=np.uint8)
    [record] = inferencer(image, score_thr=0.0).predictions
    return record.garments


@pytest.mark.parametrize('name', [NAME, f'deepmark::{NAME}.py'])
def test_a_name_predicts_what_the_file_predicts(
    name: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    garments = predict(name, checkpoint)
    assert len(garments) > 1
    assert garments == predict(CONFIG, checkpoint)


@pytest.mark.parametrize('name', [NAME, f'deepmark::{NAME}.py'])
def test_a_name_alone_says_that_no_weights_ship(name: str) -> None:
    with pytest.raises(RunError, match=rf"^{name}: no trained weights ship .*weights='epoch_5"):
        DeepMarkInferencer(name)


def test_a_wrong_name_gets_the_near_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=f'looked from {tmp_path}.*near: .*{NAME}'):
        find_config('deepmark_garment_small')
    with pytest.raises(RunError, match=r'in the model index$'):
        find_config('zzz')
    with pytest.raises(RunError, match=r'deepmark::zzz\.py: there is no such config; those of'):
        find_config('deepmark::zzz.py')
    with pytest.raises(RunError, match=r'dafe/zzz: there is no such config file'):
        find_config('dafe/zzz')


def test_a_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(NAME) == (ROOT / f'projects/deepmark/.mim/configs/{NAME}.py', True)
    (tmp_path / NAME).touch()
    assert find_config(NAME) == (Path(NAME), False)


def test_every_name_of_the_index_has_its_file() -> None:
    names = named_configs()
    assert {path.stem for path in (ROOT / 'configs').glob('*.py')} <= names.keys()
    assert all(path.is_file() and path.stem == name for name, path in names.items())


def test_a_package_without_the_index_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_model, 'MIM', tmp_path)
    with pytest.raises(RunError, match=r'model-index\.yml is missing: give the config as a file'):
        find_config('anything')
