# SPDX-License-Identifier: Apache-2.0
"""What happens to an image's detections once they lie in one frame: NMS, thresholds, a limit.

Source: CenterNet runs Gaussian soft-NMS (sigma 0.5, scores below 0.001 dropped, widths counted as
x2 - x1 + 1) on the detections in image pixels, per class, and carries the landmarks along
(xingyizhou/CenterNet at 4c50fd3, ``detectors/multi_pose.py``, ``external/nms.pyx``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from mmcv.ops import batched_nms
from mmengine.structures import InstanceData

from deepmark.models.heads.flip_fusion import FlipOffsets


@dataclass(frozen=True, kw_only=True)
class InferenceStrategy:
    """The switches of ``test_cfg`` that are not the codec's.

    Attributes:
        flip: average the maps with those of the mirror image.
        flip_offsets: see :func:`~deepmark.models.heads.flip_fusion.fuse_mirrored`.
        nms: mmcv's NMS config, per category, e.g. ``dict(type='soft_nms', method='gaussian',
            sigma=0.5, min_score=0.001, offset=1)``, or None. Soft-NMS lowers scores.
        score_thr: detections with a lower score, before or after NMS, are dropped.
        max_per_img: the best so many are kept; None keeps all.
    """

    flip: bool = False
    flip_offsets: FlipOffsets = 'unflipped'
    nms: Mapping[str, Any] | None = None
    score_thr: float = 0.0
    max_per_img: int | None = 100

    def __post_init__(self) -> None:
        if self.flip_offsets not in get_args(FlipOffsets):
            raise ValueError(
                f'test_cfg.flip_offsets is {self.flip_offsets!r}, must be one of '
                f'{", ".join(map(repr, get_args(FlipOffsets)))}'
            )
        if self.nms is not None and 'type' not in self.nms:
            raise ValueError(f"test_cfg.nms {dict(self.nms)} has no 'type' (nms or soft_nms)")

    @classmethod
    def split(cls, test_cfg: Mapping[str, Any] | None) -> tuple[InferenceStrategy, dict[str, Any]]:
        """The strategy in a ``test_cfg``, and what is left of it (the codec's arguments)."""
        rest = dict(test_cfg or {})
        own = {field.name: rest.pop(field.name) for field in fields(cls) if field.name in rest}
        return cls(**own), rest

    def suppress(self, instances: InstanceData) -> InstanceData:
        """Final detections of one image, best first.

        Args:
            instances: bboxes (D, 4) xyxy, scores (D,), labels (D,) and anything else with D rows,
                in one frame; those of several scales one after the other.
        """
        # A box below the threshold can only lower boxes that end below it too.
        instances = instances[instances.scores >= self.score_thr]
        if self.nms is not None and len(instances):
            boxes = instances.bboxes.float()
            # mmcv keeps categories apart by shifting them, and counts on coordinates >= 0.
            kept_boxes, keep = batched_nms(
                boxes - boxes.min(),
                instances.scores.float().contiguous(),
                instances.labels,
                dict(self.nms),
            )
            instances = instances[keep]
            instances.scores = kept_boxes[:, -1]
        instances = instances[instances.scores.argsort(descending=True, stable=True)]
        instances = instances[instances.scores >= self.score_thr]
        return instances[: self.max_per_img] if self.max_per_img is not None else instances
