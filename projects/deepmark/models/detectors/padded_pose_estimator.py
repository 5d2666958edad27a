# SPDX-License-Identifier: Apache-2.0
"""mmpose's one-shot estimator on samples of our own data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.structures import InstanceData
from mmpose.models.pose_estimators import BottomupPoseEstimator

from deepmark.models.heads.padded_targets import valid_keypoints
from deepmark.models.heads.results import input_to_original, transform_points
from deepmark.registry import MODELS


@MODELS.register_module()
class PaddedPoseEstimator(BottomupPoseEstimator):
    """BottomupPoseEstimator for pipelines that end with ``deepmark.PackLandmarkInputs``.

    So the padded control sees the images, the augmentation and the metric of DeepMark. Only the way
    back to the photo differs from mmpose's: it is the warp that the sample carries.
    """

    def add_pred_to_datasample(
        self,
        batch_pred_instances: Sequence[InstanceData],
        batch_pred_fields: None,
        batch_data_samples: Sequence[Any],
    ) -> Sequence[Any]:
        """Put the garments into the samples, in pixels of the original image.

        Args:
            batch_pred_instances: of the head, in input pixels.
            batch_pred_fields: the head has none.
            batch_data_samples: ``pred_instances`` is added to them.
        """
        for sample, found in zip(batch_data_samples, batch_pred_instances, strict=True):
            matrix = input_to_original(sample.metainfo).to(found.bboxes)
            corners = transform_points(found.bboxes.unflatten(-1, (2, 2)), matrix)
            found.bboxes = corners.flatten(1)
            own = valid_keypoints(self.head.schema, found.labels)
            found.keypoints = transform_points(found.keypoints, matrix) * own[..., None]
            sample.pred_instances = found
        return batch_data_samples
