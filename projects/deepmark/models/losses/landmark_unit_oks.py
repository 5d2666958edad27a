# SPDX-License-Identifier: Apache-2.0
"""mmpose's OKS with a unit of length for each landmark, for categories with sigmas of their own.

mmpose divides a landmark's distance by ``sqrt(area)`` of its instance and by one row of ``2 sigma``
that all instances share. Here ``areas`` holds the product for each landmark,

    areas = area * (2 sigma)^2      (..., K), pixels^2,

so that any instance brings the sigmas of its own category; these classes have none themselves.

Legend: N predictions, G true instances, K landmarks of the longest list.
"""

from __future__ import annotations

from typing import Any

from mmpose.models.losses import OKSLoss
from mmpose.models.task_modules.assigners.metric_calculators import PoseOKS
from torch import Tensor

from deepmark.registry import MODELS, TASK_UTILS


@MODELS.register_module()
class LandmarkUnitOKSLoss(OKSLoss):
    """mmpose's OKSLoss; its arguments, without ``metainfo``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metainfo=None, **kwargs)

    def forward(
        self, output: Tensor, target: Tensor, target_weight: Tensor, areas: Tensor
    ) -> Tensor:
        """``1 - OKS`` of each prediction (or what ``mode`` and ``reduction`` say).

        Args:
            output: predicted x, y (N, K, 2), pixels.
            target: true x, y (N, K, 2).
            target_weight: (N, K), 0 where there is no landmark.
            areas: squared units (N, K), see the module.
        """
        unit = areas.sqrt()[..., None]
        loss: Tensor = super().forward(output / unit, target / unit, target_weight)
        return loss


@TASK_UTILS.register_module()
class LandmarkUnitOKS(PoseOKS):
    """mmpose's PoseOKS, the similarity that its assigner calculates."""

    def __init__(self) -> None:
        super().__init__(metainfo=None)

    def __call__(
        self, output: Tensor, target: Tensor, target_weights: Tensor, areas: Tensor
    ) -> Tensor:
        """OKS (N, G) of all pairs.

        Args:
            output: predicted x, y (N, 1, K, 2), pixels.
            target: true x, y (1, G, K, 2).
            target_weights: (1, G, K), 0 where there is no landmark.
            areas: squared units (1, G, K), see the module.
        """
        unit = areas.sqrt()[..., None]
        one = areas.new_ones(areas.shape[1])
        similarity: Tensor = super().__call__(output / unit, target / unit, target_weights, one)
        return similarity
