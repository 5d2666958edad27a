# SPDX-License-Identifier: Apache-2.0
"""What a DAFE neck attends to in a photo, for models of both runners.

Forward hooks read the attention where it arises, while the model predicts one photo; the neck
keeps nothing. Of several passes (flip fusion, scales) the first one counts.

Legend: C channels and h x w cells of a step's low level. Frames: *cells* of a level, *input*
pixels of the network, and *picture* pixels: the picture is the photo for detectors, and for
top-down models the crop that they see.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from deepmark.apis.inference_inputs import ImageInput
from deepmark.apis.inference_pipeline import InferencePipeline, test_pipeline_of
from deepmark.apis.inferencer import DeepMarkInferencer
from deepmark.apis.preflight import require_config_file
from deepmark.as_array import as_array
from deepmark.engine import load_weights
from deepmark.engine.errors import RunError
from deepmark.models.necks.dafe import DAFENeck

Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating]
Captured = dict[str, Tensor]

CROP_SIDE = 512  # pixels; a crop is shown enlarged up to here, from the photo
SPATIAL, WEIGHTS, AFFINITY = 'spatial', 'weights', 'affinity'


class StepAttention(NamedTuple):
    """One DAFE step's attention, of one photo.

    Attributes:
        stride: Of the low level, whose cells are attended to.
        coarser_stride: Of the high level, which guides.
        spatial: (C, h, w), or None without spatial attention.
        weights: (C,) what 'squeeze' multiplies the channels by, else None.
        affinity: (C, C) the mixture of 'affinity', each row adds up to 1, else None.
    """

    stride: int
    coarser_stride: int
    spatial: FloatArray | None
    weights: FloatArray | None
    affinity: FloatArray | None


class AttendedPhoto(NamedTuple):
    """A photo with its attention and what the model found.

    Attributes:
        name: Of the file.
        picture: (H, W, 3) RGB: the photo, or the crop.
        drawn: The same with the garments found.
        landmarks: (K, 2) in picture pixels, to be drawn on top of ``drawn``.
        input_hw: Of the network's input, without what is padded for the batch.
        to_picture: (2, 3) from input to picture pixels.
        steps: Finest level first.
    """

    name: str
    picture: Image
    drawn: Image
    landmarks: FloatArray
    input_hw: tuple[int, int]
    to_picture: FloatArray
    steps: list[StepAttention]


def dafe_neck_of(model: nn.Module) -> DAFENeck:
    """Find the neck that has attention to show.

    Raises:
        RunError: The model has no DAFENeck, or one without any attention.
    """
    neck = getattr(model, 'neck', None)
    parts = neck.modules() if isinstance(neck, nn.Module) else ()
    found = next((part for part in parts if isinstance(part, DAFENeck)), None)
    if found is None:
        has = 'no neck' if neck is None else f'the neck {type(neck).__name__}'
        raise RunError(f'{type(model).__name__} has {has}, not a DAFENeck: no attention to show')
    if not any(step.spatial or step.channel for step in found.steps.values()):
        raise RunError(
            'the DAFENeck has neither spatial nor channel attention (spatial_attention=False, '
            f'channel_attention=None) in its {len(found.steps)} steps: nothing to show'
        )
    return found


@contextmanager
def recorded_attention(neck: DAFENeck) -> Iterator[list[StepAttention]]:
    """Give a list that holds every step's attention when the block has ended.

    Of a batch the first image is read, of several passes within the block the first one.
    """
    captured: dict[str, Captured] = {level: {} for level in neck.steps}
    found: list[StepAttention] = []
    with ExitStack() as hooks:
        for level, step in neck.steps.items():
            for handle in _hook_step(step, captured[level]):
                hooks.callback(handle.remove)
        yield found
    for level, parts in captured.items():
        arrays = {name: as_array(part.float()) for name, part in parts.items()}
        index = int(level)
        found.append(
            StepAttention(
                neck.strides[index],
                neck.strides[index + 1],
                *(arrays.get(name) for name in (SPATIAL, WEIGHTS, AFFINITY)),
            )
        )


def affinity_matrix(features: Tensor) -> Tensor:
    """softmax(S S^T), (C, C) of (C, h, w): the mixture in ``channel_affinity``."""
    flat = features.detach().float().flatten(1)
    return torch.softmax(flat @ flat.T, dim=-1)


def attention_reader(
    config: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str],
    device: str | None = None,
    box_xyxy: Sequence[float] | None = None,
    category: str | None = None,
) -> AttentionReader | TopDownAttentionReader:
    """Choose by the config's default scope: mmpose's models see the crop of a box.

    Args:
        config: A config file.
        checkpoint: Its weights.
        device: None takes a GPU when there is one.
        box_xyxy: See :class:`TopDownAttentionReader`.
        category: See there.

    Raises:
        RunError: No such config, or a box or category for a detector, which finds them itself.
    """
    require_config_file(config)
    cfg = Config.fromfile(os.fspath(config))
    if cfg.get('default_scope') == 'mmpose':
        return TopDownAttentionReader(cfg, checkpoint, device, box_xyxy, category)
    if box_xyxy is not None or category is not None:
        raise RunError(
            f'{config}: --box and --category are for top-down models of mmpose; this is a detector'
        )
    return AttentionReader(cfg, checkpoint, device)


class AttentionReader:
    """Predicts photos with a detector (mmdet's runner) and keeps what its DAFE neck attends to.

    Args:
        cfg: The config.
        checkpoint: Its weights.
        device: None takes a GPU when there is one.

    Raises:
        RunError: The model has no DAFE neck with attention.
        CheckpointError: The checkpoint cannot be read or does not fit.
    """

    def __init__(
        self, cfg: Config, checkpoint: str | os.PathLike[str], device: str | None = None
    ) -> None:
        self.inferencer = DeepMarkInferencer(cfg, checkpoint, device, show_progress=False)
        self.neck = dafe_neck_of(self.inferencer.model)

    def read(self, path: str | os.PathLike[str], score_thr: float = 0.3) -> AttendedPhoto:
        """Predict one photo.

        Args:
            path: An image file.
            score_thr: Garments with a lower score are not drawn.

        Raises:
            ImageReadError: The file cannot be read.
        """
        results = self.inferencer.pipeline.load(ImageInput(os.fspath(path), ''))
        photo = results['img']
        packed = self.inferencer.pipeline.prepare(results)
        with recorded_attention(self.neck) as steps:
            (sample,) = self.inferencer.forward(self.inferencer.collate_fn([packed]))
        (drawn,) = self.inferencer.visualize([photo], [sample], score_thr)
        inputs = packed['inputs']
        first = inputs if isinstance(inputs, Tensor) else inputs[0]  # of several scales
        return AttendedPhoto(
            Path(path).name,
            _as_rgb(photo),
            drawn,
            np.empty((0, 2)),
            (first.shape[-2], first.shape[-1]),
            _input_to_photo(sample.metainfo),
            steps,
        )


class TopDownAttentionReader:
    """The same for a top-down pose estimator (mmpose's runner): one box of a photo at a time.

    A flip test is left out: the attention shown is the one that led to the landmarks shown.

    Args:
        cfg: The config.
        checkpoint: Its weights.
        device: None takes a GPU when there is one.
        box_xyxy: Of the garment, in photo pixels; None takes the whole photo.
        category: Of the garment, for models of several categories with landmarks of their own.

    Raises:
        RunError: The model has no DAFE neck with attention, or needs a category.
        CheckpointError: The checkpoint cannot be read or does not fit.
        SchemaError: An unknown category.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: str | os.PathLike[str],
        device: str | None = None,
        box_xyxy: Sequence[float] | None = None,
        category: str | None = None,
    ) -> None:
        init_default_scope(cfg.default_scope)
        model = MODELS.build(cfg.model)
        load_weights(model, checkpoint)
        self.model = model.to(device or get_device()).eval()
        self.model.test_cfg = {**(model.test_cfg or {}), 'flip_test': False}
        self.neck = dafe_neck_of(self.model)
        self.pipeline = InferencePipeline(test_pipeline_of(cfg))
        self.box_xyxy = box_xyxy
        self.category_id = self._category_id(category)

    def read(self, path: str | os.PathLike[str], score_thr: float = 0.3) -> AttendedPhoto:
        """Predict the landmarks of the box.

        Args:
            path: An image file.
            score_thr: Landmarks with a lower score are not drawn.

        Raises:
            ImageReadError: The file cannot be read.
        """
        results = self.pipeline.load(ImageInput(os.fspath(path), ''))
        box = self.box_xyxy or (0, 0, results['width'], results['height'])
        results['bbox'] = np.array([box], np.float32)
        results['bbox_score'] = np.ones(1, np.float32)
        results['category_id'] = self.category_id
        photo = results['img']
        packed = self.pipeline.prepare(results)
        with recorded_attention(self.neck) as steps, torch.no_grad():
            (sample,) = self.model.test_step(pseudo_collate([packed]))
        width, height = (int(side) for side in sample.metainfo['input_size'])
        zoom = max(1, CROP_SIDE // max(width, height))
        matrix = _enlarged(_photo_to_input(sample.metainfo), zoom)
        crop = cv2.warpAffine(_as_rgb(photo), matrix, (width * zoom, height * zoom))
        points = _landmarks_in_photo(sample, score_thr)
        return AttendedPhoto(
            Path(path).name,
            crop,
            crop,
            points @ matrix[:, :2].T + matrix[:, 2],
            (height, width),
            _enlarged(np.eye(2, 3), zoom),
            steps,
        )

    def _category_id(self, category: str | None) -> int:
        schema = getattr(self.model.head, 'schema', None)
        if schema is None:
            return 1  # one kind of garment; nothing reads it
        if category is None:
            raise RunError(
                'the model has landmarks for several categories: say which garment it is, '
                f'--category with one of {", ".join(map(repr, schema.class_names))}'
            )
        return int(schema.categories[schema.label_of_name(category)].category_id)


def _hook_step(step: Any, captured: Captured) -> Iterator[Any]:
    """Register hooks that keep what the first image of the first pass gives."""

    def keep(name: str, value: Tensor) -> None:
        captured.setdefault(name, value.detach())

    if step.spatial is not None:
        yield step.spatial.register_forward_hook(lambda _, __, out: keep(SPATIAL, out[0]))
    if step.channel is None:
        return
    if step.channel.weights is not None:
        yield step.channel.weights.register_forward_hook(
            lambda _, __, out: keep(WEIGHTS, out[0, :, 0, 0])
        )
    else:
        yield step.channel.register_forward_hook(
            lambda _, args, __: keep(AFFINITY, affinity_matrix(args[0][0]))
        )


def _as_rgb(bgr: npt.NDArray[Any]) -> Image:
    return np.ascontiguousarray(bgr[..., ::-1]).clip(0, 255).astype(np.uint8)


def _input_to_photo(metainfo: dict[str, Any]) -> FloatArray:
    """Input to photo pixels, by our warps or by mmdet's resizing."""
    if 'inverse_warp_matrix' in metainfo:
        return np.asarray(metainfo['inverse_warp_matrix'], np.float64)
    width_factor, height_factor = metainfo.get('scale_factor', (1.0, 1.0))[:2]
    factors = 1 / np.array([width_factor, height_factor], np.float64)
    return np.concatenate([np.diag(factors), 0.5 * (factors - 1)[:, None]], axis=1)


def _photo_to_input(metainfo: dict[str, Any]) -> FloatArray:
    """The way back of mmpose's TopdownPoseEstimator, inverted."""
    size = np.asarray(metainfo['input_size'], np.float64)
    factors = size / metainfo['input_scale']
    shift = 0.5 * size - factors * metainfo['input_center']
    return np.concatenate([np.diag(factors), shift[:, None]], axis=1)


def _enlarged(matrix: FloatArray, zoom: int) -> FloatArray:
    """(2, 3) to the target enlarged by whole pixels, whose centres lie at whole numbers."""
    shift = 0.5 * (zoom - 1)
    return np.asarray(matrix * zoom + [[0, 0, shift]])


def _landmarks_in_photo(sample: Any, score_thr: float) -> FloatArray:
    """(K, 2) of mmpose's prediction for one garment, those that are not another category's."""
    scores = as_array(sample.pred_instances.keypoint_scores)[0]
    points: FloatArray = as_array(sample.pred_instances.keypoints)[0]
    return np.asarray(points[(scores >= score_thr) & (scores > 0)])
