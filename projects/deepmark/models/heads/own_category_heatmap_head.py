# SPDX-License-Identifier: Apache-2.0
"""mmpose's heatmap head for categories with landmark lists of their own.

The head has a channel for each slot (294 for DeepFashion2), of which a garment needs those of its
own category, 8 to 39. Only these are computed, trained and decoded.

Legend: B garments, S slots, K_max landmarks of the longest list, C channels of the features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.models.heads import HeatmapHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from deepmark.registry import MODELS
from deepmark.schema import LandmarkSchema, get_schema


@MODELS.register_module()
class OwnCategoryHeatmapHead(HeatmapHead):
    """HeatmapHead that works on the own category's channels of each sample.

    The weights are those of mmpose's HeatmapHead with ``out_channels=S``, and so is the layout of
    the results: ``keypoints`` (1, S, 2) and ``keypoint_scores`` (1, S) in slots, as mmpose's
    visualizer and metrics read them, with the score 0 for other categories. The targets are
    class-local: list ``deepmark.TakeOwnLandmarks`` before GenerateTarget. ``forward`` (for export)
    gives all slots.

    The loss is the one of HeatmapHead with dense targets, divided by K_max / S: mmpose's
    KeypointMSELoss averages over all maps, and here there are K_max of them instead of S.

    Args:
        schema: categories and landmarks; DeepFashion2's by default.
        kwargs: as for mmpose's HeatmapHead, but ``out_channels`` is the schema's number of slots,
            and the final layer a 1x1 convolution.

    Raises:
        ValueError: another final layer.
    """

    def __init__(
        self,
        schema: LandmarkSchema | str | Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.schema = get_schema(schema)
        final_layer = kwargs.get('final_layer', {'kernel_size': 1})
        if final_layer is None or dict(final_layer) != {'kernel_size': 1}:
            raise ValueError(
                f'OwnCategoryHeatmapHead: final_layer={final_layer}, must be dict(kernel_size=1), '
                'of which single channels can be computed'
            )
        super().__init__(out_channels=self.schema.num_slots, **kwargs)
        valid = torch.from_numpy(self.schema.keypoint_valid.copy())
        slots = torch.from_numpy(self.schema.slots.copy()).clamp(min=0)
        self.register_buffer('own_valid', valid, persistent=False)
        self.register_buffer('own_slots', slots, persistent=False)
        flip_index = torch.from_numpy(self.schema.flip_index.copy())
        self.register_buffer('own_flip_index', flip_index, persistent=False)

    def own_heatmaps(self, feats: Sequence[Tensor], labels: Tensor) -> Tensor:
        """Maps (B, K_max, H, W) of the own landmarks, 0 in the padding.

        Args:
            feats: the last one is read, (B, C, H, W) of the neck or backbone.
            labels: (B,) int64, 0 .. C - 1.
        """
        features = self.conv_layers(self.deconv_layers(feats[-1]))
        valid, slots = self.own_valid[labels], self.own_slots[labels]
        weight = self.final_layer.weight.flatten(1)[slots] * valid[..., None]  # (B, K_max, C)
        bias = self.final_layer.bias[slots] * valid
        maps = torch.baddbmm(bias[..., None], weight, features.flatten(2))
        result: Tensor = maps.unflatten(2, features.shape[-2:])
        return result

    def loss(
        self,
        feats: Sequence[Tensor],
        batch_data_samples: Sequence[Any],
        train_cfg: Mapping[str, Any] | None = None,
    ) -> dict[str, Tensor]:
        """``loss_kpt``, and ``acc_pose`` unless ``train_cfg`` has ``compute_acc=False``.

        Raises:
            ValueError: targets of all slots instead of the own ones.
        """
        heatmaps = self.own_heatmaps(feats, self._labels(batch_data_samples))
        target = torch.stack([sample.gt_fields.heatmaps for sample in batch_data_samples])
        labels = [sample.gt_instance_labels for sample in batch_data_samples]
        weights = torch.cat([label.keypoint_weights for label in labels])
        if target.shape != heatmaps.shape:
            raise ValueError(
                f'target maps have the shape {tuple(target.shape)}, the predicted ones '
                f"{tuple(heatmaps.shape)}. Fix: list dict(type='deepmark.TakeOwnLandmarks') before "
                "GenerateTarget, and give the codec the network's input and output sizes"
            )
        heatmaps = heatmaps.float()
        losses = {'loss_kpt': self.loss_module(heatmaps, target, weights)}
        if (train_cfg or {}).get('compute_acc', True):
            _, accuracy, _ = pose_pck_accuracy(
                to_numpy(heatmaps), to_numpy(target), to_numpy(weights) > 0
            )
            losses['acc_pose'] = torch.tensor(accuracy, device=target.device)
        return losses

    def predict(
        self,
        feats: Sequence[Any],
        batch_data_samples: Sequence[Any],
        test_cfg: Mapping[str, Any] | None = None,
    ) -> Any:
        """Landmarks in slots, in pixels of the network's input, as mmpose's HeatmapHead gives them.

        Args:
            feats: of the batch; with ``flip_test`` of the batch and of its mirror images.
            batch_data_samples: with the metainfo ``category_id``.
            test_cfg: ``flip_test``, ``shift_heatmap``, ``output_heatmaps`` as in mmpose.
        """
        test_cfg = test_cfg or {}
        labels = self._labels(batch_data_samples)
        if test_cfg.get('flip_test', False):
            plain, mirrored = (self.own_heatmaps(view, labels) for view in feats)
            heatmaps = (plain + self._unflipped(mirrored, labels, test_cfg)) * 0.5
        else:
            heatmaps = self.own_heatmaps(feats, labels)
        heatmaps = heatmaps.float()
        instances = self.decode(heatmaps)
        for instance, label in zip(instances, labels.tolist(), strict=True):
            self._place_in_slots(instance, label)
        if test_cfg.get('output_heatmaps', False):
            return instances, [PixelData(heatmaps=maps) for maps in heatmaps.detach()]
        return instances

    def _unflipped(self, mirrored: Tensor, labels: Tensor, test_cfg: Mapping[str, Any]) -> Tensor:
        shift = test_cfg.get('shift_heatmap', False)
        maps: Tensor = flip_heatmaps(mirrored, flip_indices=None, shift_heatmap=shift)
        samples = torch.arange(len(labels), device=maps.device)[:, None]
        return maps[samples, self.own_flip_index[labels]]

    def _place_in_slots(self, instance: Any, label: int) -> None:
        start, end = self.schema.slot_offsets[label : label + 2].tolist()
        for name, own in list(instance.items()):
            slots = np.zeros((1, self.schema.num_slots, *own.shape[2:]), own.dtype)
            slots[:, start:end] = own[:, : end - start]
            instance.set_field(slots, name)

    def _labels(self, batch_data_samples: Sequence[Any]) -> Tensor:
        ids = [int(sample.metainfo['category_id']) for sample in batch_data_samples]
        labels = [self.schema.label_of(category_id) for category_id in ids]
        return torch.tensor(labels, device=self.own_slots.device)
