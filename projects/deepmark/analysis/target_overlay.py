# SPDX-License-Identifier: Apache-2.0
"""The heatmap targets that a config's codec makes of a sample, as colours over the input."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch
from mmengine.config import Config

from deepmark.codecs import CenterKeypointCodec, CenterKeypointTargets, Garments
from deepmark.engine.errors import RunError
from deepmark.registry import TASK_UTILS
from deepmark.visualization.garment_drawing import GarmentSet

Image = npt.NDArray[np.uint8]
TargetMaps = Literal['centers', 'landmarks']
_HEAD = 'CenterNetKeypointHead'
_OPACITY = 0.9
_DIMMED = 0.45
_GROUP_COLOR = (255, 255, 255)  # a channel that several categories share


def codec_of(cfg: Config) -> CenterKeypointCodec:
    """The codec that the config's head trains with.

    Raises:
        RunError: the head has none.
    """
    head = (cfg.get('model') or {}).get('bbox_head') or {}
    if not isinstance(head, dict) or str(head.get('type', '')).split('.')[-1] != _HEAD:
        raise RunError(
            f'--targets: model.bbox_head is {head.get("type") if isinstance(head, dict) else head}'
            f', only {_HEAD} draws heatmaps of targets. Fix: leave --targets out'
        )
    settings = {'type': 'deepmark.CenterKeypointCodec', **(head.get('codec') or {})}
    codec: CenterKeypointCodec = TASK_UTILS.build({**settings, 'schema': head.get('schema')})
    return codec


def targets_of(
    garments: GarmentSet, codec: CenterKeypointCodec, input_hw: tuple[int, int]
) -> CenterKeypointTargets:
    """What the codec encodes for one image; the garments in its pixels."""
    count, most = len(garments), codec.schema.max_keypoints
    keypoints = np.zeros((count, most, 2)) if garments.keypoints is None else garments.keypoints
    visibility = garments.visibility
    visible = np.zeros((count, most), np.bool_) if visibility is None else visibility > 0
    rows = Garments(
        image_index=torch.zeros(count, dtype=torch.int64),
        labels=torch.from_numpy(np.asarray(garments.labels, np.int64)),
        boxes_xyxy=torch.from_numpy(np.asarray(garments.boxes_xyxy, np.float32)),
        keypoints=torch.from_numpy(np.asarray(keypoints, np.float32)),
        visible=torch.from_numpy(visible),
    )
    return codec.encode(rows, _map_hw(codec, input_hw))


def dimmed(picture: Image) -> Image:
    """Darker and greyer, so that the colours on it stand out."""
    grey = picture.mean(axis=2, keepdims=True)
    darker: Image = np.round(_DIMMED * 0.5 * (picture + grey)).astype(np.uint8)
    return darker


def draw_targets(
    picture: Image,
    targets: CenterKeypointTargets,
    codec: CenterKeypointCodec,
    input_hw: tuple[int, int],
    maps: TargetMaps,
) -> Image:
    """Colour the cells of the maps, and mark the integer centres with a white dot.

    Args:
        picture: (h, w, 3) RGB, the input enlarged or reduced.
        targets: of :func:`targets_of`.
        codec: what made them.
        input_hw: size of the input.
        maps: ``'centers'`` or ``'landmarks'``; the highest value of all categories is shown in the
            category's colour.
    """
    value, color = _strongest(targets, codec, _map_hw(codec, input_hw), maps)
    zoom = picture.shape[1] / input_hw[1]
    # Cell i lies at input pixel stride * i; pixel centres stay centres when the picture is scaled.
    shift = 0.5 * zoom - 0.5
    step = codec.stride * zoom
    to_picture = np.array([[step, 0, shift], [0, step, shift]])
    size_wh = picture.shape[1], picture.shape[0]
    value = cv2.warpAffine(value, to_picture, size_wh, flags=cv2.INTER_NEAREST)
    color = cv2.warpAffine(color, to_picture, size_wh, flags=cv2.INTER_NEAREST)
    opacity = _OPACITY * value[..., None]
    drawn: Image = np.round((1 - opacity) * picture + opacity * color).astype(np.uint8)
    for cell in targets.center_cell.numpy():
        position = tuple(np.round(step * cell + shift).astype(int).tolist())
        for ink, radius in (((0, 0, 0), 3), ((255, 255, 255), 2)):
            cv2.circle(drawn, position, radius, ink, cv2.FILLED, cv2.LINE_AA)
    return drawn


def _strongest(
    targets: CenterKeypointTargets,
    codec: CenterKeypointCodec,
    map_hw: tuple[int, int],
    maps: TargetMaps,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(h, w) the highest value over all channels, and (h, w, 3) the colour of its channel."""
    palette: Any = np.array(codec.schema.palette, np.float32)
    support = targets.center_support if maps == 'centers' else targets.keypoint_support
    count = len(palette)
    if maps == 'landmarks':
        count = codec.channels.count
        own_slots = count == codec.schema.num_slots
        palette = palette[codec.schema.slot_labels] if own_slots else np.array([_GROUP_COLOR])
    flat = np.zeros(count * map_hw[0] * map_hw[1], np.float32)
    flat[support.position.numpy()] = support.value.numpy()
    dense = flat.reshape(count, *map_hw)
    color = palette[dense.argmax(axis=0) % len(palette)].astype(np.float32)
    return dense.max(axis=0), color


def _map_hw(codec: CenterKeypointCodec, input_hw: tuple[int, int]) -> tuple[int, int]:
    return input_hw[0] // codec.stride, input_hw[1] // codec.stride
