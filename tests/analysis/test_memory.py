# SPDX-License-Identifier: Apache-2.0
"""The meter sees what is allocated, and checkpointing lowers the peak of a step."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from deepmark.analysis.memory import (
    STATUS,
    _measure_resident_set,
    drawn_batch,
    measure_training_step,
)
from deepmark.models.heads.centernet_keypoint_head import garments_of
from deepmark.schema import DEEPFASHION2

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
MB = 2**20
NARROW = {
    'model.backbone.stage_channels': (64, 8, 8, 8, 8, 8),
    'model.backbone.stage_blocks': (2, 1, 1, 1, 1, 1),
    'model.backbone.feat_channel': 8,
    'model.bbox_head.in_channels': 8,
    'model.bbox_head.feat_channels': 8,
}
CHECKPOINTED = [
    'backbone.stem.1',
    *(f'backbone.hourglass_modules.{i}.{part}' for i in (0, 1) for part in ('up1', 'low1', 'low3')),
]

pytestmark = [
    pytest.mark.skipif(not STATUS.exists(), reason='the resident set is read from Linux'),
    pytest.mark.filterwarnings('ignore:torch.utils.checkpoint'),
    pytest.mark.filterwarnings('ignore:None of the inputs have requires_grad'),
]


@pytest.mark.parametrize('megabytes', [64, 256])
def test_the_resident_set_grows_by_what_is_touched(megabytes: int) -> None:
    # The smaller one comes second: a peak that is not reset would hide it.
    for size in (2 * megabytes, megabytes):
        use = _measure_resident_set(lambda size=size: torch.ones(size * MB // 4))
        assert use.peak - use.before == pytest.approx(size * MB, abs=8 * MB)


def test_drawn_batches_have_garments_of_every_category() -> None:
    batch = drawn_batch(DEEPFASHION2, 7, (64, 32))
    assert [tuple(image.shape) for image in batch['inputs']] == [(3, 32, 64)] * 7
    garments = garments_of(batch['data_samples'], DEEPFASHION2.max_keypoints, torch.device('cpu'))
    assert sorted(set(garments.labels.tolist())) == list(range(DEEPFASHION2.num_categories))
    assert (garments.boxes_xyxy[:, 2:] <= torch.tensor([64, 32])).all()
    assert (garments.boxes_xyxy[:, 2:] > garments.boxes_xyxy[:, :2]).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason='counts the memory of the CPU')
def test_checkpointing_lowers_the_peak_of_a_step() -> None:
    cfg = Config.fromfile(CONFIGS / 'deepmark_hg104_8xb37.py')
    cfg.merge_from_dict(NARROW)
    cfg.optim_wrapper.dtype = 'float32'
    steps = []
    for names in (None, CHECKPOINTED):
        cfg.activation_checkpointing = names
        use = measure_training_step(cfg, batch_size=2, input_size_wh=(512, 256))
        steps.append((use.peak - use.before) / MB)
    plain, checkpointed = steps
    # Two images of 128 x 64 cells: a map of the 64 channels has 4 MB, of the 294 landmarks 18 MB.
    assert plain > 150
    assert checkpointed < 0.85 * plain
