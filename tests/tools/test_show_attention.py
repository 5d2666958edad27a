# SPDX-License-Identifier: Apache-2.0
"""The attention picture and the costs of necks, as a user asks for them, for both runners."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from .conftest import RunScript
from .toy_runs import ROOT, TOOLS

TOOL = TOOLS / 'analysis' / 'show_attention.py'
NECK_COSTS = TOOLS / 'analysis' / 'neck_costs.py'
DETECTOR = ROOT / 'configs' / 'deepmark_garments_small_dafe.py'
OTHER_NECK = ROOT / 'configs' / 'deepmark_garments_small.py'

TOP_DOWN = """
default_scope = 'mmpose'
custom_imports = dict(imports=['deepmark'], allow_failed_imports=False)
codec = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, out_indices=(0, 1, 2, 3)),
    neck=dict(type='deepmark.DAFENeck', in_channels=(64, 128, 256, 512), out_channels=16),
    head=dict(
        type={head!r}, in_channels=16, {channels} deconv_out_channels=None, decoder=codec),
    test_cfg=dict(flip_test=True))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='TopdownAffine', input_size=(48, 64)),
    dict(type='PackPoseInputs')]))
"""


def write_weights(config: Path, folder: Path) -> Path:
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    path = folder / f'{config.stem}.pth'
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / 'photo.png'
    pixels = np.random.default_rng(0).integers(0, 255, (90, 60, 3), dtype=np.uint8)
    cv2.imwrite(str(path), pixels)
    return path


def is_picture(path: Path) -> bool:
    picture = cv2.imread(str(path))
    return picture is not None and min(picture.shape[:2]) > 300 and picture.std() > 10


def test_a_detector(
    tmp_path: Path, photo: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = write_weights(DETECTOR, tmp_path), tmp_path / 'a.png'
    command = (TOOL, DETECTOR, weights, photo, '--out', out, '--channels', 1, '--device', 'cpu')
    assert run_script(*command) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out)
    assert is_picture(out)

    assert run_script(*command) == 1
    assert 'a.png exists already' in capsys.readouterr().err
    (tmp_path / 'empty.jpg').touch()
    for image, problem in (
        (tmp_path / 'empty.jpg', 'empty.jpg: image is empty'),
        (tmp_path / 'absent.jpg', 'absent.jpg: image cannot be opened'),
    ):
        assert run_script(TOOL, DETECTOR, weights, image, '--out', tmp_path / 'b.png') == 1
        assert problem in capsys.readouterr().err
    boxed = (*command[:4], '--out', tmp_path / 'b.png', '--box', 0, 0, 9, 9)
    assert run_script(*boxed) == 1
    assert '--box and --category are for top-down models' in capsys.readouterr().err
    assert not (tmp_path / 'b.png').exists()


def test_models_without_it(
    tmp_path: Path, photo: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = write_weights(OTHER_NECK, tmp_path)
    assert run_script(TOOL, OTHER_NECK, weights, photo, '--out', tmp_path / 'a.png') == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert (
        error == 'error: DeepMark has the neck TopDownFusion, not a DAFENeck: no attention to show'
    )


def test_a_top_down_model(tmp_path: Path, photo: Path, run_script: RunScript) -> None:
    config, out = tmp_path / 'top_down.py', tmp_path / 'a.png'
    config.write_text(TOP_DOWN.format(head='HeatmapHead', channels='out_channels=8,'))
    command = (TOOL, config, write_weights(config, tmp_path), photo, '--out', out)
    assert run_script(*command, '--score-thr', -9) == 0
    assert is_picture(out)
    assert run_script(*command, '--box', 10, 10, 50, 80, '--overwrite') == 0
    assert is_picture(out)


def test_a_top_down_model_of_several_categories(
    tmp_path: Path, photo: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    config, out = tmp_path / 'top_down.py', tmp_path / 'a.png'
    config.write_text(TOP_DOWN.format(head='deepmark.OwnCategoryHeatmapHead', channels=''))
    command = (TOOL, config, write_weights(config, tmp_path), photo, '--out', out)
    assert run_script(*command) == 1
    assert "--category with one of 'short sleeve top'" in capsys.readouterr().err
    assert run_script(*command, '--category', 'hat') == 1
    assert "category name 'hat' is not in schema" in capsys.readouterr().err
    assert run_script(*command, '--category', 'skirt') == 0
    assert is_picture(out)


def test_neck_costs(
    tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'costs.json'
    command = (NECK_COSTS, '--pyramid', 'dla34', '--size', 64, '--repeats', 1, '--out', out)
    assert run_script(*command, '--format', 'markdown') == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index(
        '| neck | parameters (M) | GFLOPs | forward (ms) | forward + backward (ms) |'
    )
    rows = [line.split(' | ') for line in lines[start + 2 :]]
    record = json.loads(out.read_text())
    assert {key: record[key] for key in ('pyramid', 'size', 'repeats')} == {
        'pyramid': 'dla34',
        'size': 64,
        'repeats': 1,
    }
    assert [row[0].removeprefix('| ') for row in rows] == [n['name'] for n in record['necks']]
    dafe = next(neck for neck in record['necks'] if neck['name'] == 'DAFE')
    # Two 1x1 convolutions to each level's width, two to a quarter of it and back, one to 64.
    widths = ((512, 256), (256, 128), (128, 64))
    steps = sum(2 * (c * d + d) + 2 * d * (d // 4) + d // 4 + d for c, d in widths)
    assert dafe['parameters'] == steps + 64 * 64 + 64
    assert run_script(*command) == 1
    assert 'costs.json exists already' in capsys.readouterr().err
    assert run_script(NECK_COSTS, '--size', 100) == 1
    assert '--size 100: must be a multiple of 32' in capsys.readouterr().err
