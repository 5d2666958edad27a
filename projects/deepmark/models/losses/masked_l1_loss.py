# SPDX-License-Identifier: Apache-2.0
"""L1 loss over the coordinates that a mask names.

Source: CenterNet at 4c50fd3, ``src/lib/models/losses.py`` (RegL1Loss, RegWeightedL1Loss).
"""

from __future__ import annotations

from torch import Tensor, nn

from deepmark.registry import MODELS


@MODELS.register_module()
class MaskedL1Loss(nn.Module):
    """``sum(weight * |prediction - target|) / (sum(weight) + 1e-4)``, all per coordinate.

    Args:
        loss_weight: factor.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Weighted scalar loss.

        Args:
            prediction: (..., 2).
            target: (..., 2), same unit.
            weight: (...) 0 or 1 for both coordinates of a point.
        """
        weight = weight[..., None].expand_as(target)
        error = (prediction.float() - target).abs() * weight
        return self.loss_weight * error.sum() / (weight.sum() + 1e-4)
