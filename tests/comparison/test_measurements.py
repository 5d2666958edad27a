# SPDX-License-Identifier: Apache-2.0
"""Operations counted by hand or a second way; kinds; turns by a clock that the test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mmdet
import mmpose
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor, nn

from deepmark.analysis import config_complexity, model_complexity
from deepmark.comparison import counting
from deepmark.comparison.kinds import scope_of
from deepmark.comparison.measurements import (
    TimedModel,
    count,
    kind_of,
    peak_memory_mib,
    time_models,
)
from deepmark.comparison.prepared_images import prepare_images
from deepmark.comparison.timing import take_turns
from deepmark.engine import RunError
from deepmark.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
MMDET = Path(mmdet.__file__).parent / '.mim/configs'
MMPOSE = Path(mmpose.__file__).parent / '.mim/configs/body_2d_keypoint'


@MODELS.register_module(force=True)
class OneConvolution(BaseModel):
    """A detector that is a convolution of stride 2, and fails when told so."""

    def __init__(self, fails: str = '', data_preprocessor: Any = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
        self.fails = fails

    def forward(self, inputs: Tensor, data_samples: list[Any], mode: str) -> Any:
        if mode == self.fails:
            raise LookupError(f'no mode {mode}\nfor a start')
        return self.conv(inputs)


def one_convolution(keep_ratio: bool = False, **model: Any) -> Config:
    preprocessor = {'type': 'mmdet.DetDataPreprocessor', 'mean': [0.0] * 3, 'std': [1.0] * 3}
    pipeline = [
        {'type': 'deepmark.LoadImage'},
        {'type': 'Resize', 'scale': (32, 16), 'keep_ratio': keep_ratio},
        {'type': 'PackDetInputs', 'meta_keys': ('img_id', 'img_shape', 'ori_shape')},
    ]
    dataset = {
        'type': 'deepmark.DeepFashion2Dataset',
        'data_root': 'no/such/folder',
        'split': 'validation',
        'test_mode': True,
        'pipeline': pipeline,
    }
    settings = {'type': 'deepmark.OneConvolution', 'data_preprocessor': preprocessor, **model}
    return Config(
        {
            'default_scope': 'mmdet',
            'model': settings,
            'test_dataloader': {'dataset': dataset},
        }
    )


def small(file: str) -> Config:
    """A detector of mmdet with a narrow ResNet-18, on images of 96 x 64."""
    cfg = Config.fromfile(MMDET / file)
    cfg.model.backbone.update(depth=18, base_channels=8, init_cfg=None)
    detr = cfg.model.type == 'DETR'
    cfg.model.neck.in_channels = [64] if detr else [8, 16, 32, 64]
    if detr:
        cfg.model.encoder.num_layers = cfg.model.decoder.num_layers = 1
    cfg.test_dataloader.dataset.pipeline[1].scale = (96, 64)
    return cfg


def test_a_convolution_counted_by_hand() -> None:
    counted = count(one_convolution())
    assert counted.parameters == 4 * 3 * 9
    # On 16 x 8 cells, four channels of 27 multiply-adds.
    assert counted.flops == 2 * (16 * 8) * 4 * 27
    assert counted.input_size_wh == (32, 16)
    assert counted.note is None
    noted = count(one_convolution(keep_ratio=True))
    assert noted.flops == counted.flops
    assert noted.note == 'at the full input, 32 x 16; other shapes of photos need less'


def test_what_cannot_be_counted_is_none_with_a_reason() -> None:
    counted = count(one_convolution(fails='tensor'))
    assert counted.parameters == 108
    assert counted.flops is None
    assert counted.input_size_wh == (32, 16)
    assert counted.note == 'operations not counted: LookupError: no mode tensor'
    without_data = one_convolution()
    without_data.pop('test_dataloader')
    counted = count(without_data)
    assert (counted.parameters, counted.flops, counted.input_size_wh) == (108, None, None)
    assert 'test_dataloader' in str(counted.note)
    with pytest.raises(RunError, match='no model'):
        count(Config({}))
    with pytest.raises(RunError, match='cannot be built'):
        count(one_convolution(wrong=1))


def test_deepmark_has_the_numbers_of_its_family_page() -> None:
    cfg = Config.fromfile(CONFIGS / 'deepmark_garments_small.py')
    assert kind_of(cfg) == 'one-shot'
    assert count(cfg) == (*config_complexity(cfg), None)


def test_a_one_stage_detector_is_counted_like_deepmark() -> None:
    cfg = small('retinanet/retinanet_r50_fpn_1x_coco.py')
    with scope_of(cfg):
        expected = model_complexity(cfg.model, (96, 64))
    counted = count(cfg)
    assert counted[:3] == expected
    assert 'other shapes of photos need less' in str(counted.note)


def test_two_stages_are_the_first_one_and_the_work_on_its_proposals() -> None:
    cfg = small('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py')
    counted = count(cfg)
    assert counted.input_size_wh == (96, 64)
    assert counted.note is not None
    proposals = int(counted.note.split()[2])
    assert counted.note.startswith(f'work on {proposals} proposals of a noise image included; ')
    assert 50 < proposals <= 1000
    first = {key: cfg.model[key] for key in ('data_preprocessor', 'backbone', 'neck', 'rpn_head')}
    with scope_of(cfg):
        rest = {'type': 'RPN', 'train_cfg': None, 'test_cfg': cfg.model.test_cfg}
        first_stage = model_complexity({**first, **rest}, (96, 64))
    # Two hidden layers on 7 x 7 cells of 256 channels, 80 classes and the background, 80 boxes.
    each = 2 * (256 * 7 * 7 * 1024 + 1024 * 1024 + 1024 * (81 + 320))
    assert counted.flops == first_stage.flops + proposals * each
    assert count(cfg) == counted


def test_fake_tensors_count_a_transformer_as_real_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = small('detr/detr_r50_8xb2-150e_coco.py')
    fake = count(cfg)
    monkeypatch.setattr(counting, '_STATIC', ())
    assert count(cfg) == fake
    assert fake.flops is not None
    # At least the feed-forward layers: 3 x 2 cells, 100 queries, both ways between 256 and 2048.
    assert fake.flops > 2 * 106 * 2 * 256 * 2048


@pytest.mark.parametrize(
    ('file', 'published'),
    [
        ('topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py', 5.46e9),
        ('rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py', 0.68e9),
    ],
)
def test_top_down_estimators_have_their_published_size(file: str, published: float) -> None:
    cfg = Config.fromfile(MMPOSE / file)
    assert kind_of(cfg) == 'top-down'
    counted = count(cfg)
    assert counted.input_size_wh == (192, 256)
    # mmpose's tables count a multiply-add once, and norms with it.
    assert counted.flops == pytest.approx(2 * published, rel=0.02)
    assert counted.note == 'one pass counted, the flip test needs a second one'


@pytest.mark.parametrize(
    ('name', 'note'),
    [
        ('test_flip', 'one pass counted, the flip test needs a second one'),
        ('2scales', 'one scale counted, the test has several'),
    ],
)
def test_what_a_test_does_more_than_once_is_said(name: str, note: str) -> None:
    """The count is that of the config without."""
    cfg = Config.fromfile(CONFIGS / 'ablations' / f'garments_{name}.py')
    assert note in (count(cfg).note or '')


def test_kinds() -> None:
    assert kind_of(
        Config.fromfile(MMPOSE / 'yoloxpose/coco/yoloxpose_s_8xb32-300e_coco-640.py')
    ) == ('one-shot')
    assert kind_of(Config.fromfile(CONFIGS / 'dafe/deepfashion2_r50_dafe_256x192.py')) == 'top-down'
    assert kind_of(small('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py')) == 'boxes'
    assert kind_of(one_convolution()) == 'unknown'
    assert kind_of(Config({'model': {'type': 'NoSuchModel'}})) == 'unknown'
    assert kind_of(Config({})) == 'unknown'


def test_models_take_turns_and_each_round_begins_with_another_one() -> None:
    order: list[tuple[str, int]] = []

    def predict(name: str, seconds: float) -> Any:
        def one(index: int) -> float:
            order.append((name, index))
            # Slower from prediction to prediction, so that every round has another time.
            return seconds * sum(done == name for done, _ in order)

        return one

    turns = take_turns({'a': predict('a', 0.001), 'b': predict('b', 0.01)}, rounds=3, images=2)
    a, b = [('a', 0), ('a', 1)], [('b', 0), ('b', 1)]
    warm_up = a + b
    assert order == warm_up + (a + b) + (b + a) + (a + b)
    # Predictions 3 and 4 in the first round, 5 and 6, 7 and 8.
    assert turns.milliseconds['a'] == pytest.approx([3.5, 5.5, 7.5])
    assert turns.milliseconds['b'] == pytest.approx([35, 55, 75])
    assert turns.errors == {}


def test_a_model_that_fails_in_a_round_leaves_the_turns() -> None:
    left = [5]

    def failing(index: int) -> float:
        left[0] -= 1
        if left[0] < 0:
            raise MemoryError('no memory\nleft')
        return 1.0

    turns = take_turns({'bad': failing, 'good': lambda index: 0.002}, rounds=4, images=3)
    assert turns.errors == {'bad': 'MemoryError: no memory left'}
    assert turns.milliseconds == {'good': pytest.approx([2.0] * 4)}
    assert take_turns({}, rounds=2, images=1) == ({}, {})


def test_time_models_goes_on_after_failures(tmp_path: Path) -> None:
    saved = tmp_path / 'weights.pth'
    with scope_of(one_convolution()):
        torch.save(MODELS.build(one_convolution().model).state_dict(), saved)
    outcome = time_models(
        [
            TimedModel('random', one_convolution(), None),
            TimedModel('saved', one_convolution(), saved),
            TimedModel('predicts not', one_convolution(fails='predict'), None),
            TimedModel('no weights', one_convolution(), tmp_path / 'absent.pth'),
        ],
        rounds=3,
        images=2,
        device='cpu',
    )
    assert list(outcome.timings) == ['random', 'saved']
    for timing in outcome.timings.values():
        assert 0 < timing.low <= timing.median <= timing.high
        assert (timing.rounds, timing.images, timing.input_size_wh) == (3, 2, (32, 16))
    assert outcome.errors.keys() == {'predicts not', 'no weights'}
    assert outcome.errors['predicts not'] == 'LookupError: no mode predict for a start'
    assert 'absent.pth' in outcome.errors['no weights']
    absent = 'the test data are absent: timed on a made-up photo'
    assert outcome.notes['saved'] == absent
    assert outcome.notes['random'] == f'timed with random weights; {absent}'
    with pytest.raises(ValueError, match='different names'):
        time_models([TimedModel('a', one_convolution(), None)] * 2)


def test_images_are_spread_over_the_test_set_and_repeated(tmp_path: Path) -> None:
    from deepmark.datasets.garments import make_garments

    make_garments(tmp_path / 'data', 'validation', 4, workers=1, progress=False)
    cfg = one_convolution()
    cfg.test_dataloader.dataset.data_root = str(tmp_path / 'data')

    def ids(number: int) -> list[int]:
        images = prepare_images(cfg, number)
        assert images.note is None
        return [batch['data_samples'][0].img_id for batch in images.batches]

    everything = ids(4)
    assert len(set(everything)) == 4
    assert ids(2) == [everything[0], everything[2]]
    assert ids(6) == everything + everything[:2]


def test_peak_memory_is_that_of_the_process() -> None:
    before = peak_memory_mib()
    assert before > 20  # the interpreter and torch
    block = torch.ones(64, 2**20)  # 256 MiB
    assert peak_memory_mib() >= before
    assert peak_memory_mib() > 256
    del block
