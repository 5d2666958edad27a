# SPDX-License-Identifier: Apache-2.0
"""What is recorded is what the neck computed, and it lies on the photo where it belongs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from deepmark.analysis.attention import (
    AttendedPhoto,
    AttentionReader,
    StepAttention,
    TopDownAttentionReader,
    _enlarged,
    _input_to_photo,
    _landmarks_in_photo,
    _photo_to_input,
    affinity_matrix,
    dafe_neck_of,
    recorded_attention,
)
from deepmark.engine import RunError
from deepmark.models.necks import DAFENeck, TopDownFusion
from deepmark.models.necks.dafe import channel_affinity
from deepmark.registry import MODELS
from deepmark.visualization.attention_maps import (
    draw_attention,
    most_varying,
    on_picture,
    shrunk,
    write_attention,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
WIDTHS, STRIDES = (2, 3, 4), (4, 8, 32)


def pyramid(batch: int = 1, seed: int = 0) -> list[Tensor]:
    """Of an input of 64 x 96."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(batch, channels, 64 // stride, 96 // stride, generator=generator)
        for channels, stride in zip(WIDTHS, STRIDES, strict=True)
    ]


def neck(**changes: Any) -> DAFENeck:
    torch.manual_seed(0)
    return DAFENeck(**{'in_channels': WIDTHS, 'strides': STRIDES, 'out_channels': 5, **changes})


def record(module: DAFENeck, *batches: list[Tensor]) -> list[StepAttention]:
    with recorded_attention(module) as steps, torch.no_grad():
        for features in batches:
            module(features)
    return steps


class TestRecording:
    def test_the_coarsest_step_by_hand(self) -> None:
        module = neck()
        for parameter in module.parameters():
            nn.init.constant_(parameter, 0.0)
        step = module.steps['1']
        nn.init.constant_(step.spatial.logits[0].bias, 100.0)
        # y = 2 everywhere, attention 1 and nothing from above: the channels' means are 2.
        step.channel.weights[0].weight.data.fill_(0.5)  # 3 channels to one: 3
        step.channel.weights[2].weight.data.copy_(torch.tensor([1.0, 2.0, -1.0]).view(3, 1, 1, 1))
        features = pyramid()
        features[1].fill_(2.0)
        fine, coarse = record(module, features)
        assert (coarse.stride, coarse.coarser_stride) == (8, 32)
        assert np.array_equal(coarse.spatial, np.ones((3, 8, 12)))
        assert coarse.weights.tolist() == [3.0, 6.0, -3.0]
        assert coarse.affinity is None
        assert (fine.stride, fine.coarser_stride) == (4, 8)
        assert np.array_equal(fine.spatial, np.full((2, 16, 24), 0.5))
        assert fine.weights.tolist() == [0.0, 0.0]

    def test_the_first_image_of_the_first_pass_counts(self) -> None:
        module, two = neck(), pyramid(batch=2)
        alone = record(module, [level[:1] for level in two])
        both = record(module, two, pyramid(seed=1))
        other = record(module, [level[1:] for level in two])
        for one, found, different in zip(alone, both, other, strict=True):
            np.testing.assert_allclose(found.spatial, one.spatial, atol=1e-6)
            np.testing.assert_allclose(found.weights, one.weights, atol=1e-6)
            assert not np.allclose(found.spatial, different.spatial, atol=1e-3)

    def test_affinity_is_the_mixture_that_the_neck_applies(self) -> None:
        features = torch.randn(1, 4, 3, 5, generator=torch.Generator().manual_seed(0)) / 3
        mixed = (affinity_matrix(features[0]) @ features[0].flatten(1)).view_as(features)
        torch.testing.assert_close(mixed, channel_affinity(features))
        (fine, _) = record(neck(channel_attention='affinity'), pyramid())
        assert fine.weights is None
        assert fine.affinity.shape == (2, 2)
        np.testing.assert_allclose(fine.affinity.sum(axis=1), 1, atol=1e-6)

    @pytest.mark.parametrize(
        ('change', 'has_spatial', 'has_weights'),
        [({'spatial_attention': False}, False, True), ({'channel_attention': None}, True, False)],
    )
    def test_a_part_that_is_off_is_none(
        self, change: dict[str, Any], has_spatial: bool, has_weights: bool
    ) -> None:
        for step in record(neck(**change), pyramid()):
            assert (step.spatial is not None) == has_spatial
            assert (step.weights is not None) == has_weights
            assert step.affinity is None

    def test_nothing_is_left_behind_even_after_an_error(self) -> None:
        module = neck()
        record(module, pyramid())
        with pytest.raises(ValueError, match='channels'), recorded_attention(module):
            module(pyramid()[:2])
        assert not any(part._forward_hooks for part in module.modules())


class TestFindingTheNeck:
    @staticmethod
    def model(**parts: nn.Module) -> nn.Module:
        model = nn.Module()
        for name, part in parts.items():
            model.add_module(name, part)
        return model

    def test_alone_or_within_another_neck(self) -> None:
        module = neck()
        assert dafe_neck_of(self.model(neck=module)) is module
        assert dafe_neck_of(self.model(neck=nn.Sequential(module))) is module

    def test_models_without_it(self) -> None:
        with pytest.raises(RunError, match='Module has no neck, not a DAFENeck'):
            dafe_neck_of(self.model())
        with pytest.raises(RunError, match='has the neck TopDownFusion'):
            dafe_neck_of(self.model(neck=TopDownFusion(WIDTHS)))

    def test_without_any_attention(self) -> None:
        off = neck(spatial_attention=False, channel_attention=None)
        for module in (off, neck(out_indices=(2,))):
            with pytest.raises(RunError, match=r'neither spatial nor channel attention'):
                dafe_neck_of(self.model(neck=module))


def photo(
    picture_hw: tuple[int, int] = (2, 3), matrix: Any = None, **changes: Any
) -> AttendedPhoto:
    picture = np.full((*picture_hw, 3), 90, np.uint8)
    spatial = np.linspace(0, 1, 2 * 3 * 2, dtype=np.float32).reshape(2, 2, 3)
    fields: dict[str, Any] = dict(
        name='photo.jpg',
        picture=picture,
        drawn=picture,
        landmarks=np.array([[1.0, 0.0]]),
        input_hw=(2, 3),
        to_picture=np.eye(2, 3) if matrix is None else np.array(matrix, np.float64),
        steps=[StepAttention(4, 8, spatial, np.array([0.5, -2.0]), None)],
    )
    return AttendedPhoto(**{**fields, **changes})


class TestPlaces:
    def test_cells_are_squares_cut_at_the_border_of_the_input(self) -> None:
        laid = on_picture(np.array([[1.0, 2.0]]), 2, photo())
        assert laid.tolist() == [[1, 1, 2], [1, 1, 2]]

    def test_the_picture_may_reach_further_than_the_input(self) -> None:
        # The input lies one pixel to the right and one down.
        laid = on_picture(np.array([[1.0, 2.0]]), 2, photo((3, 4), [[1, 0, 1], [0, 1, 1]]))
        nan = np.nan
        expected = [[nan, nan, nan, nan], [nan, 1, 1, 2], [nan, 1, 1, 2]]
        np.testing.assert_array_equal(laid, expected)

    def test_enlarged_cells_keep_whole_pixels(self) -> None:
        matrix = _enlarged(np.eye(2, 3), 2)
        laid = on_picture(np.array([[1.0, 2.0]]), 2, photo((4, 6), matrix))
        assert laid.tolist() == [[1, 1, 1, 1, 2, 2]] * 4

    def test_shrinking_keeps_places(self) -> None:
        # 4 x 8 pixels to 2 x 4: the centre of pixel 2 and 3 together is that of new pixel 1.
        small = shrunk(photo((4, 8), landmarks=np.array([[2.5, 0.5]])), 4)
        assert small.picture.shape == small.drawn.shape == (2, 4, 3)
        assert small.landmarks.tolist() == [[1.0, 0.0]]
        place = small.to_picture @ [2.5, 0.5, 1.0]
        assert place.tolist() == [1.0, 0.0]
        assert shrunk(small, 4) is small

    def test_an_input_resized_by_mmdet(self) -> None:
        # Twice as wide, half as high: pixels 0 and 1 lie on photo pixel 0.
        matrix = _input_to_photo({'scale_factor': (2.0, 0.5)})
        assert (matrix @ [0.5, 0.0, 1.0]).tolist() == [0.0, 0.5]

    def test_an_input_warped_by_us(self) -> None:
        warp = [[2.0, 0.0, 5.0], [0.0, 2.0, 7.0]]
        assert _input_to_photo({'inverse_warp_matrix': warp}).tolist() == warp

    def test_a_crop_of_mmpose(self) -> None:
        # The box from (10, 20) to (30, 60) becomes 40 x 80.
        meta = {
            'input_size': (40, 80),
            'input_center': np.array([20.0, 40.0]),
            'input_scale': np.array([20.0, 40.0]),
        }
        matrix = _photo_to_input(meta)
        assert (matrix @ [10, 20, 1]).tolist() == [0, 0]
        assert (matrix @ [30, 60, 1]).tolist() == [40, 80]

    def test_landmarks_of_other_categories_and_low_scores_are_left_out(self) -> None:
        points = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]])
        found = SimpleNamespace(keypoints=points, keypoint_scores=torch.tensor([[0.9, 0.2, 0.0]]))
        sample = SimpleNamespace(pred_instances=found)
        assert _landmarks_in_photo(sample, 0.3).tolist() == [[1, 2]]
        assert _landmarks_in_photo(sample, -1.0).tolist() == [[1, 2], [3, 4]]

    def test_channels_that_vary_most(self) -> None:
        spatial = np.zeros((4, 1, 2))
        spatial[:, 0] = [[9, 9], [0, 1], [3, 0], [0, 2]]
        assert most_varying(spatial, 3).tolist() == [2, 3, 1]
        assert len(most_varying(spatial, 9)) == 4


@MODELS.register_module(force=True)
class BrightnessPyramid(BaseModule):
    """The mean brightness of each cell of strides 4, 8, 16, 32."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        gray = images.mean(dim=1, keepdim=True)
        return tuple(F.avg_pool2d(gray, stride, ceil_mode=True) for stride in (4, 8, 16, 32))


BRIGHT = dict(
    backbone=dict(type='deepmark.BrightnessPyramid'),
    neck=dict(type='deepmark.DAFENeck', in_channels=(1,) * 4, out_channels=2),
)
TOP_DOWN_CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)


def detector_config() -> Config:
    cfg = Config.fromfile(CONFIGS / 'deepmark_garments_small_dafe.py')
    cfg.model.backbone, cfg.model.neck = BRIGHT['backbone'], BRIGHT['neck']
    cfg.model.bbox_head.in_channels = 2
    return cfg


def top_down_config() -> Config:
    head = dict(type='HeatmapHead', in_channels=2, out_channels=8, deconv_out_channels=None)
    model = dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[128] * 3, std=[64] * 3),
        **BRIGHT,
        head={**head, 'decoder': TOP_DOWN_CODEC},
    )
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=(48, 64)),
        dict(type='PackPoseInputs'),
    ]
    dataset = dict(pipeline=pipeline)
    return Config(dict(default_scope='mmpose', model=model, test_dataloader=dict(dataset=dataset)))


def write_weights(cfg: Config, path: Path) -> Path:
    """All zero, so that each step passes its low level on, but attention follows the high one."""
    init_default_scope(cfg.default_scope)
    state = {
        name: torch.zeros_like(value)
        for name, value in MODELS.build(cfg.model).state_dict().items()
    }
    for name, value in state.items():
        if name.endswith('spatial.logits.0.weight'):
            value.fill_(1.0)
    torch.save({'state_dict': state}, path)
    return path


class TestReaders:
    """A photo higher than wide, black with a white square: attention is where it is bright."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        pixels = np.zeros((200, 120, 3), np.uint8)
        pixels[110:170, 10:50] = 255
        cv2.imwrite(str(tmp_path / 'photo.png'), pixels)
        return tmp_path / 'photo.png'

    @staticmethod
    def check(found: AttendedPhoto, at_least: float) -> None:
        assert found.name == 'photo.png'
        assert [step.stride for step in found.steps] == [4, 8, 16]
        fine = found.steps[0]
        laid = on_picture(fine.spatial[0], fine.stride, found)
        assert laid.shape == found.picture.shape[:2] == found.drawn.shape[:2]
        brightness = found.picture.mean(axis=2)
        assert np.corrcoef(laid.ravel(), brightness.ravel())[0, 1] > at_least
        mirrored = np.corrcoef(laid[:, ::-1].ravel(), brightness.ravel())[0, 1]
        assert mirrored < 0.2

    def test_detector(self, path: Path, tmp_path: Path) -> None:
        cfg = detector_config()
        reader = AttentionReader(cfg, write_weights(cfg, tmp_path / 'w.pth'), 'cpu')
        found = reader.read(path)
        assert found.picture.shape == (200, 120, 3)
        assert found.input_hw == (128, 128)
        self.check(found, 0.9)

    def test_top_down(self, path: Path, tmp_path: Path) -> None:
        cfg = top_down_config()
        weights = write_weights(cfg, tmp_path / 'w.pth')
        found = TopDownAttentionReader(cfg, weights, 'cpu', (0, 80, 100, 180)).read(path, -1.0)
        assert found.input_hw == (64, 48)
        assert found.picture.shape == (8 * 64, 8 * 48, 3)
        self.check(found, 0.85)
        # The box, of which mmpose takes 1.25 times as much, is widened to 3 : 4; white starts at
        # x 10 of the photo, and the crop is 125 wide around x 50.
        left = np.flatnonzero(found.picture[300, :, 0] > 127)[0]
        assert left == pytest.approx((10 - (50 - 62.5)) / 125 * 384, abs=4)


def texts(figure: Figure) -> str:
    axes = [part for block in figure.subfigs for part in block.axes]
    words = [f'{part.get_title()} {part.get_ylabel()}' for part in axes]
    blocks = [block.get_suptitle() for block in figure.subfigs]
    return '\n'.join([figure.get_suptitle(), *blocks, *words])


class TestPicture:
    def test_cells_say_what_they_are(self) -> None:
        words = texts(draw_attention([photo(), photo()], channels=1, title='a title'))
        assert 'a title' in words
        assert words.count('photo.jpg') == 2
        assert words.count('what the model found') == 2
        assert words.count('stride 4\nguided by stride 8') == 2
        # The mean of 0 .. 5/11 and 6/11 .. 1.
        assert words.count('spatial: mean of 2 channels\n0.273 .. 0.727') == 2
        assert words.count('spatial: channel 0\n0.000 .. 0.455') == 2
        assert words.count('channel weights: 2 of 2\nall: -2.000 .. 0.500') == 2

    def test_parts_that_are_off_have_no_cells(self) -> None:
        affinity = np.array([[0.9, 0.1], [0.2, 0.8]])
        step = StepAttention(4, 8, None, None, affinity)
        words = texts(draw_attention([photo(steps=[step])]))
        assert 'spatial' not in words
        assert 'channel affinity, 2 channels\n0.100 .. 0.900' in words
        assert 'stride 4\nguided by stride 8' in words
        spatial_only = photo().steps[0]._replace(weights=None)
        words = texts(draw_attention([photo(steps=[spatial_only])]))
        assert 'spatial: mean' in words
        assert 'weights' not in words

    def test_fewer_channels_than_asked_for(self) -> None:
        figure = draw_attention([photo()], channels=4)
        assert texts(figure).count('spatial: channel') == 2
        drawn = [axes for axes in figure.subfigs[0].axes if axes.get_visible()]
        # The photo, the mean and two channels with a colour bar each, the weights.
        assert len(drawn) == 1 + 2 * 3 + 1

    def test_writing(self, tmp_path: Path) -> None:
        path = tmp_path / 'a.png'
        write_attention(path, [photo((40, 60))])
        assert path.read_bytes().startswith(b'\x89PNG')
        with pytest.raises(FileExistsError, match=r'a\.png'):
            write_attention(path, [photo()])
