# SPDX-License-Identifier: Apache-2.0
"""The one-shot control: mmpose's YOLOX-Pose with every landmark list padded to the longest one.

What toolkits advise for categories with different landmarks: one list of K_max outputs (39 for
DeepFashion2) whose meaning depends on the predicted category; where that category has fewer, the
outputs are neither trained nor read. Source: YOLOXPoseHead of mmpose 1.3.2, whose network, assigner
and losses these are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.structures import InstanceData
from mmpose.models.heads.hybrid_heads import YOLOXPoseHead
from torch import Tensor

from deepmark.models.heads.padded_targets import padded_targets, valid_keypoints
from deepmark.models.heads.suppression import InferenceStrategy
from deepmark.registry import MODELS
from deepmark.schema import LandmarkSchema, get_schema


@MODELS.register_module()
class PaddedYOLOXPoseHead(YOLOXPoseHead):
    """YOLOXPoseHead for several categories and the samples of ``deepmark.PackLandmarkInputs``.

    It differs from mmpose's in what several categories need: padded landmarks have no loss, OKS
    takes the sigmas of the own category (losses and assigner of ``landmark_unit_oks``), NMS runs
    within a category instead of across all (a garment's box often nearly equals that of one of
    another category). And in bfloat16 boxes and landmarks are decoded in float32.

    Args:
        num_keypoints: K_max of the schema.
        num_classes: C of the schema, as ``head_module_cfg.num_classes``.
        schema: categories and landmarks; DeepFashion2's by default.
        kwargs: as for mmpose's YOLOXPoseHead.

    Raises:
        ValueError: counts that are not the schema's.
    """

    use_aux_loss: bool

    def __init__(
        self,
        num_keypoints: int,
        num_classes: int,
        schema: LandmarkSchema | str | Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.schema = get_schema(schema)
        self._check_count('num_keypoints', num_keypoints, self.schema.max_keypoints)
        self._check_count('num_classes', num_classes, self.schema.num_categories)
        outputs = kwargs['head_module_cfg'].get('num_classes', 1)
        self._check_count('head_module_cfg.num_classes', outputs, self.schema.num_categories)
        super().__init__(num_keypoints=num_keypoints, num_classes=num_classes, **kwargs)

    def forward(self, feats: Sequence[Tensor]) -> tuple[list[Tensor], ...]:
        """Class, objectness, box, landmark and visibility maps of each level, float32."""
        outputs = super().forward(feats)
        return tuple([level.float() for level in levels] for levels in outputs)

    def loss(
        self,
        feats: Sequence[Tensor],
        batch_data_samples: Sequence[Any],
        train_cfg: Mapping[str, Any] | None = None,
    ) -> dict[str, Tensor]:
        """The losses of mmpose's head on padded garments.

        Args:
            feats: feature maps, finest first.
            batch_data_samples: with ``gt_instances`` in input pixels; they are given
                ``gt_instance_labels``, see :func:`padded_targets`.
            train_cfg: unused, the host passes it.
        """
        for sample in batch_data_samples:
            targets = padded_targets(sample.gt_instances, self.schema, feats[0].device)
            sample.gt_instance_labels = targets
        auxiliary = self.use_aux_loss
        # The host cannot make the auxiliary targets of a batch without any garment. Its recipe has
        # no such batch, but here a window may have cut off all landmarks.
        self.use_aux_loss = auxiliary and any(len(s.gt_instance_labels) for s in batch_data_samples)
        try:
            losses: dict[str, Tensor] = super().loss(feats, batch_data_samples, train_cfg or {})
        finally:
            self.use_aux_loss = auxiliary
        return losses

    def predict(
        self,
        feats: Sequence[Tensor],
        batch_data_samples: Sequence[Any],
        test_cfg: Mapping[str, Any] | None = None,
    ) -> list[InstanceData]:
        """Garments of each image in input pixels, best first.

        Args:
            feats: feature maps, finest first.
            batch_data_samples: with ``img_shape``.
            test_cfg: ``score_thr``, ``nms_pre``, ``nms_thr`` as in mmpose; ``max_per_img`` (100).

        Returns:
            bboxes (D, 4), scores (D,), labels (D,), keypoints (D, K_max, 2) and keypoint_scores
            (D, K_max), both 0 in the padding; tensors.
        """
        test_cfg = dict(test_cfg or {})
        strategy = InferenceStrategy(
            nms=dict(type='nms', iou_threshold=test_cfg.pop('nms_thr', 1.0)),
            max_per_img=test_cfg.pop('max_per_img', 100),
        )
        for sample in batch_data_samples:
            height, width = sample.img_shape[:2]
            sample.set_metainfo(dict(input_size=(width, height)))
        found = super().predict(feats, batch_data_samples, test_cfg)
        return [strategy.suppress(self._cut(instances)) for instances in found]

    def _cut(self, found: InstanceData) -> InstanceData:
        """The host's result without the padding, as our own heads give it."""
        found = found.to_tensor()
        valid = valid_keypoints(self.schema, found.labels)
        return InstanceData(
            bboxes=found.bboxes,
            scores=found.scores,
            labels=found.labels,
            keypoints=found.keypoints * valid[..., None],
            keypoint_scores=found.keypoint_scores * valid,
        )

    def _check_count(self, name: str, given: int, expected: int) -> None:
        if given != expected:
            raise ValueError(
                f'PaddedYOLOXPoseHead: {name}={given}, but {self.schema} needs {expected}. Fix: '
                f'write {name}={expected}'
            )
