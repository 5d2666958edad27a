# SPDX-License-Identifier: Apache-2.0
"""DeepMark (arXiv 1910.01225): one network, one pass, boxes and landmarks of every category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdet.models.detectors import SingleStageDetector

from deepmark.registry import MODELS


@MODELS.register_module()
class DeepMark(SingleStageDetector):
    """Backbone, optional neck, :class:`~deepmark.models.heads.CenterNetKeypointHead`.

    All of the model lies in its parts; this class gives it its name and takes mmdet's arguments.

    Args:
        backbone: config; returns feature maps, stride 4 first (or the Hourglass' stacks).
        bbox_head: config of the head.
        neck: config.
        train_cfg: passed to the head.
        test_cfg: passed to the head, see there.
        data_preprocessor: config.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        bbox_head: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        train_cfg: Mapping[str, Any] | None = None,
        test_cfg: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            bbox_head=bbox_head,
            train_cfg=train_cfg,
            test_cfg=test_cfg,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
        )
