# SPDX-License-Identifier: Apache-2.0
"""DeepMark as a detector of mmdet.

Source: DeepMark (arXiv 1910.01225).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet.models.detectors import SingleStageDetector
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor, nn

from deepmark.models.detectors.views import View, join_views, same_size_groups, split_views
from deepmark.registry import MODELS


@MODELS.register_module()
class DeepMark(SingleStageDetector):
    """Backbone, optional neck, :class:`~deepmark.models.heads.CenterNetKeypointHead`.

    Testing follows the head's ``test_cfg`` (flip fusion, NMS) and the data: a batch from
    ``deepmark.MultiScaleWarp`` holds several scales of each photo, which are decoded one by one,
    joined in pixels of the photo and passed through NMS together. Inputs of different sizes run
    apart, so that an image's result does not depend on what else is in its batch.

    Args:
        backbone: config; returns feature maps, stride 4 first (or the Hourglass' stacks).
        bbox_head: config of the head.
        neck: config.
        train_cfg: passed to the head.
        test_cfg: passed to the head, see there.
        data_preprocessor: config.
        frozen_modules: parts that keep their weights and batch statistics in training, by their
            names in the model, e.g. ``('backbone',)``.
        channels_last: run the network in this memory format, which is faster in bfloat16.
        init_cfg: mmengine's.

    Raises:
        ValueError: a name in ``frozen_modules`` that the model does not have.
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        bbox_head: Mapping[str, Any],
        neck: Mapping[str, Any] | None = None,
        train_cfg: Mapping[str, Any] | None = None,
        test_cfg: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        frozen_modules: Sequence[str] = (),
        channels_last: bool = False,
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
        self.frozen_modules = tuple(frozen_modules)
        for module in self._frozen():
            module.requires_grad_(False)
        self.channels_last = channels_last
        if channels_last:
            self.to(memory_format=torch.channels_last)

    def _frozen(self) -> list[nn.Module]:
        try:
            return [self.get_submodule(name) for name in self.frozen_modules]
        except AttributeError as error:
            parts = ', '.join(name for name, _ in self.named_children())
            raise ValueError(
                f'DeepMark.frozen_modules {list(self.frozen_modules)}: {error}; '
                f'the parts are {parts}'
            ) from error

    def train(self, mode: bool = True) -> DeepMark:
        """Switch the mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        for module in self._frozen():
            module.eval()
        return self

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Feature maps of preprocessed images (B, 3, H, W)."""
        if self.channels_last:
            batch_inputs = batch_inputs.contiguous(memory_format=torch.channels_last)
        features: tuple[Tensor, ...] = super().extract_feat(batch_inputs)
        return features

    def predict(
        self, batch_inputs: Tensor, batch_data_samples: list[DetDataSample], rescale: bool = True
    ) -> list[DetDataSample]:
        """Predict one preprocessed batch.

        Args:
            batch_inputs: (B, 3, H, W).
            batch_data_samples: B samples; ``pred_instances`` is added to them.
            rescale: True for pixels of the original image, False for input pixels.
        """
        decoded = self.decode(batch_inputs, batch_data_samples, rescale)
        results = [self.bbox_head.strategy.suppress(instances) for instances in decoded]
        samples: list[DetDataSample] = self.add_pred_to_datasample(batch_data_samples, results)
        return samples

    def decode(
        self, batch_inputs: Tensor, batch_data_samples: list[DetDataSample], rescale: bool = True
    ) -> list[InstanceData]:
        """The garments of one preprocessed batch before NMS; arguments as for :meth:`predict`."""
        mirrored = None
        if self.bbox_head.strategy.flip:
            mirrored = self.extract_feat(batch_inputs.flip(-1))
        features = self.extract_feat(batch_inputs)
        instances: list[InstanceData] = self.bbox_head.decode(
            features, batch_data_samples, rescale, mirrored
        )
        return instances

    def test_step(self, data: Mapping[str, Any]) -> list[DetDataSample]:
        """Predict a collated batch, of one scale or of several, whatever the images' sizes.

        Raises:
            ValueError: several scales and no NMS that could join them.
        """
        views = split_views(data)
        strategy = self.bbox_head.strategy
        if len(views) > 1 and strategy.nms is None:
            raise ValueError(
                'the test pipeline gives several scales (deepmark.MultiScaleWarp), whose '
                'detections are joined by NMS: set model.test_cfg.nms'
            )
        samples, decoded = zip(*(self._decode_view(view) for view in views), strict=True)
        results = [strategy.suppress(instances) for instances in join_views(decoded)]
        predicted: list[DetDataSample] = self.add_pred_to_datasample(samples[0], results)
        return predicted

    def val_step(self, data: Mapping[str, Any]) -> list[DetDataSample]:
        """As :meth:`test_step`."""
        return self.test_step(data)

    def _decode_view(self, view: View) -> tuple[list[DetDataSample], list[InstanceData]]:
        """The preprocessed samples of one scale, and the garments of each before NMS."""
        samples: dict[int, DetDataSample] = {}
        results: dict[int, InstanceData] = {}
        for rows in same_size_groups(view.inputs):
            batch = {
                'inputs': [view.inputs[row] for row in rows],
                'data_samples': [view.data_samples[row] for row in rows],
            }
            batch = self.data_preprocessor(batch, False)
            decoded = self.decode(batch['inputs'], batch['data_samples'])
            samples.update(zip(rows, batch['data_samples'], strict=True))
            results.update(zip(rows, decoded, strict=True))
        order = range(len(view.inputs))
        return [samples[row] for row in order], [results[row] for row in order]


@MODELS.register_module()
def with_test_cfg(module: Mapping[str, Any], test_cfg: Mapping[str, Any]) -> nn.Module:
    """The model ``module`` with ``test_cfg`` laid over its own: a config's ``tta_model``.

    mmdet's ``tools/test.py --tta`` wraps the model in it; mmdet's own ``DetTTAModel`` joins boxes
    and would drop the landmarks.
    """
    merged = {**dict(module.get('test_cfg') or {}), **test_cfg}
    model: nn.Module = MODELS.build({**module, 'test_cfg': merged})
    return model
