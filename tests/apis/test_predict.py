# SPDX-License-Identifier: Apache-2.0
"""tools/predict.py from the command line to the exit code."""

from __future__ import annotations

import copy
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from deepmark.apis.inferencer import DeepMarkInferencer

from .fake_detector import fake_config

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'predict.py'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config, a checkpoint and one good photo."""
    fake_config().dump(tmp_path / 'config.py')
    torch.save({'state_dict': {'score': torch.tensor(0.5)}}, tmp_path / 'weights.pth')
    (tmp_path / 'photos').mkdir()
    assert cv2.imwrite(str(tmp_path / 'photos' / 'good.jpg'), np.zeros((40, 60, 3), np.uint8))
    return tmp_path


def run_tool(monkeypatch: pytest.MonkeyPatch, folder: Path, *switches: str) -> int:
    """The exit code of the tool on the photos."""
    fixed = ['config.py', 'weights.pth', 'photos', '--device', 'cpu', '--out-dir', 'out']
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *fixed, *switches])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOL), run_name='__main__')
    return int(end.value.code or 0)


def test_all_good_is_exit_code_zero(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tool(monkeypatch, folder) == 0
    assert (folder / 'out/vis/good.jpg').is_file()
    assert (folder / 'out/preds/good.json').is_file()
    assert (
        'images: 1, garments in them: 1, video frames: 0, failed: 0; see out'
        in capsys.readouterr().out
    )


def test_a_broken_photo_is_named_and_gives_exit_code_one(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / 'photos' / 'broken.jpg').write_bytes(b'no image')
    assert run_tool(monkeypatch, folder) == 1
    assert (folder / 'out/preds/good.json').is_file()
    captured = capsys.readouterr()
    assert 'failed: ' in captured.err
    assert 'broken.jpg: ' in captured.err


def test_outputs_are_kept_without_overwrite(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tool(monkeypatch, folder, '--no-vis') == 0
    assert not (folder / 'out/vis').exists()
    assert run_tool(monkeypatch, folder) == 1
    assert '--overwrite' in capsys.readouterr().err
    assert run_tool(monkeypatch, folder, '--overwrite', '--no-json') == 0


def test_a_missing_checkpoint_is_one_line(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / 'weights.pth').unlink()
    assert run_tool(monkeypatch, folder) == 1
    assert 'error: weights.pth: there is no such checkpoint file' in capsys.readouterr().err


def test_tta_takes_what_the_config_says(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tool(monkeypatch, folder, '--tta') == 1
    assert 'error: --tta: the config has none of' in capsys.readouterr().err
    cfg = Config.fromfile(folder / 'config.py')
    cfg.tta_pipeline = copy.deepcopy(cfg.test_dataloader.dataset.dataset.pipeline)
    cfg.tta_pipeline[1].scale = (32, 32)
    cfg.dump(folder / 'config.py')
    used: list[Config] = []

    class Recorder(DeepMarkInferencer):
        def __init__(self, model: Config, *args: object, **kwargs: object) -> None:
            used.append(model)
            super().__init__(model, *args, **kwargs)

    monkeypatch.setattr('deepmark.apis.predict.DeepMarkInferencer', Recorder)
    assert run_tool(monkeypatch, folder, '--tta') == 0
    assert used[0].test_dataloader.dataset.dataset.pipeline[1].scale == (32, 32)
    assert (folder / 'out/preds/good.json').is_file()
