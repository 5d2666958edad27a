# SPDX-License-Identifier: Apache-2.0
"""DeepMark's head: CenterNet whose categories have landmarks of their own.

Source: DeepMark (arXiv 1910.01225, figures 1 and 2); losses and weights of CenterNet's multi-pose
task (xingyizhou/CenterNet at 4c50fd3). Six branches on the stride-4 map, 901 channels for
DeepFashion2:

    center_heatmap    C      one channel a category
    box_size          2      (w, h), cells
    center_offset     2      centre minus integer centre
    coarse_keypoints  2 G    landmark minus integer centre, (x, y) a channel
    keypoint_heatmap  G      one channel a landmark
    keypoint_offset   2      landmark minus its cell

G is the number of landmark slots (294), or of landmark groups with ``codec=dict(grouped=True)``;
the codec also switches the sub-cell offsets off, which leaves branch and loss out.
Only the heatmaps are computed densely; the other branches are read at single cells (see
:mod:`deepmark.models.heads.branch`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Protocol, cast

import torch
from mmdet.structures import DetDataSample
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor, nn

from deepmark.codecs import CenterKeypointCodec, CenterKeypointTargets, Garments
from deepmark.models.heads.branch import Branch, CellReader
from deepmark.models.heads.flip_fusion import HeadMaps, fuse_mirrored
from deepmark.models.heads.results import detections_to_instances
from deepmark.models.heads.suppression import InferenceStrategy
from deepmark.registry import MODELS, TASK_UTILS
from deepmark.schema import LandmarkSchema, get_schema

ConfigType = Mapping[str, Any]
SchemaType = LandmarkSchema | str | PathLike[str] | Mapping[str, Any] | None


class FlatMapReader(Protocol):
    """Gives the losses single cells of the regression branches."""

    def read_flat(self, branch: str, image_index: Tensor, cells: Tensor) -> Tensor:
        """Values (n, channels) at cells (n, 2) of the images ``image_index`` (n,)."""
        ...


@MODELS.register_module()
class CenterNetKeypointHead(BaseModule):
    """Boxes of every category and, per category, its own landmarks, from one feature map.

    Args:
        in_channels: channels of the stride-4 feature map.
        feat_channels: hidden channels of each branch.
        num_stacks: how many maps carry a head and a loss, the Hourglass' stacks; the losses are
            averaged over them and the last one predicts. 1 takes the finest level of a neck.
        schema: categories and landmarks.
        codec: arguments of :class:`deepmark.codecs.CenterKeypointCodec` for training.
        heatmap_bias: initial bias of both heatmaps, logit of 0.1.
        loss_center_heatmap, loss_box_size, loss_center_offset, loss_coarse_keypoints,
        loss_keypoint_heatmap, loss_keypoint_offset: configs of the losses.
        train_cfg: unused, the hosts pass it.
        test_cfg: the inference strategy, :class:`~deepmark.models.heads.InferenceStrategy` (flip,
            NMS, thresholds), and arguments that the codec takes in testing instead, e.g.
            ``dict(refine=False)``.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        in_channels: int,
        feat_channels: int = 256,
        num_stacks: int = 1,
        schema: SchemaType = None,
        codec: ConfigType | None = None,
        heatmap_bias: float = -2.19,
        loss_center_heatmap: ConfigType | None = None,
        loss_box_size: ConfigType | None = None,
        loss_center_offset: ConfigType | None = None,
        loss_coarse_keypoints: ConfigType | None = None,
        loss_keypoint_heatmap: ConfigType | None = None,
        loss_keypoint_offset: ConfigType | None = None,
        train_cfg: ConfigType | None = None,
        test_cfg: ConfigType | None = None,
        init_cfg: ConfigType | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.schema = get_schema(schema)
        self.num_stacks = num_stacks
        self.strategy, codec_in_testing = InferenceStrategy.split(test_cfg)
        self.codec = self._build_codec(codec)
        self.test_codec = self._build_codec({**dict(codec or {}), **codec_in_testing})
        self._require_same_branches()
        channels = {
            'center_heatmap': (self.schema.num_categories, heatmap_bias),
            'box_size': (2, 0.0),
            'center_offset': (2, 0.0),
            'coarse_keypoints': (2 * self.codec.channels.count, 0.0),
            'keypoint_heatmap': (self.codec.channels.count, heatmap_bias),
            'keypoint_offset': (2, 0.0),
        }
        for name in self._switched_off(self.codec):
            del channels[name]
        self.stacks = nn.ModuleList(
            nn.ModuleDict(
                {
                    name: Branch(in_channels, feat_channels, width, bias)
                    for name, (width, bias) in channels.items()
                }
            )
            for _ in range(num_stacks)
        )
        focal, l1 = {'type': 'deepmark.SparseFocalLoss'}, {'type': 'deepmark.MaskedL1Loss'}
        self.loss_center_heatmap = MODELS.build(loss_center_heatmap or focal)
        self.loss_box_size = MODELS.build(loss_box_size or {**l1, 'loss_weight': 0.1})
        self.loss_center_offset = MODELS.build(loss_center_offset or l1)
        self.loss_coarse_keypoints = MODELS.build(loss_coarse_keypoints or l1)
        self.loss_keypoint_heatmap = MODELS.build(loss_keypoint_heatmap or focal)
        self.loss_keypoint_offset = MODELS.build(loss_keypoint_offset or l1)

    def _build_codec(self, config: ConfigType | None) -> CenterKeypointCodec:
        settings = {'type': 'deepmark.CenterKeypointCodec', **dict(config or {})}
        codec: CenterKeypointCodec = TASK_UTILS.build({**settings, 'schema': self.schema})
        return codec

    def _require_same_branches(self) -> None:
        """Testing may leave out branches that were trained, and can add none."""
        if self.test_codec.channels.count != self.codec.channels.count:
            raise ValueError(
                "'grouped' decides the network's channels: set it in codec, not test_cfg"
            )
        absent = self._switched_off(self.codec) - self._switched_off(self.test_codec)
        if absent:
            raise ValueError(
                f'test_cfg switches on {", ".join(map(repr, sorted(absent)))}, a branch that codec '
                'switches off in the network: set it in codec'
            )

    @staticmethod
    def _switched_off(codec: CenterKeypointCodec) -> set[str]:
        """Names of the branches that a codec does without."""
        used = {'center_offset': codec.center_offset, 'keypoint_offset': codec.keypoint_offset}
        return {name for name, is_used in used.items() if not is_used}

    def forward(self, features: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """All maps of every stack, dense: name -> (B, channels, H, W), heatmaps as logits."""
        return [
            {name: branch(feature) for name, branch in self._branches(stack).items()}
            for stack, feature in enumerate(self._stack_features(features))
        ]

    def loss(
        self, features: Sequence[Tensor], batch_data_samples: Sequence[DetDataSample]
    ) -> dict[str, Tensor]:
        """The six losses (fewer without offsets), averaged over the stacks.

        Args:
            features: feature maps (B, F, H, W), one a stack.
            batch_data_samples: with ``gt_instances`` in input pixels.
        """
        features = self._stack_features(features)
        garments = garments_of(batch_data_samples, self.schema.max_keypoints, features[0].device)
        height, width = features[0].shape[-2:]
        targets = self.codec.encode(garments, (height, width))
        per_stack = [
            self._stack_loss(self._branches(stack), feature, targets)
            for stack, feature in enumerate(features)
        ]
        return {
            name: torch.stack([losses[name] for losses in per_stack]).mean()
            for name in per_stack[0]
        }

    def _stack_loss(
        self, branches: dict[str, Branch], feature: Tensor, targets: CenterKeypointTargets
    ) -> dict[str, Tensor]:
        return self.loss_by_maps(
            branches['center_heatmap'](feature),
            branches['keypoint_heatmap'](feature),
            CellReader(feature, branches),
            targets,
        )

    def loss_by_maps(
        self,
        center_logits: Tensor,
        keypoint_logits: Tensor,
        maps: FlatMapReader,
        targets: CenterKeypointTargets,
    ) -> dict[str, Tensor]:
        """The six weighted losses of one stack; those of offsets that are off are left out.

        Args:
            center_logits: (B, C, H, W).
            keypoint_logits: (B, G, H, W).
            maps: reads the other branches.
            targets: of the batch.
        """
        at_center = (targets.image_index, targets.center_cell)
        coarse = maps.read_flat('coarse_keypoints', *at_center).unflatten(-1, (-1, 2))
        own = coarse.gather(1, targets.channels[..., None].expand(-1, -1, 2))
        box_size = maps.read_flat('box_size', *at_center)
        box_weight = targets.box_weight
        losses = {
            'loss_center_heatmap': self.loss_center_heatmap(center_logits, targets.center_support),
            'loss_box_size': self.loss_box_size(box_size, targets.box_size, box_weight),
        }
        if self.codec.center_offset:
            losses['loss_center_offset'] = self.loss_center_offset(
                maps.read_flat('center_offset', *at_center), targets.center_offset, box_weight
            )
        losses['loss_coarse_keypoints'] = self.loss_coarse_keypoints(
            own, targets.coarse_keypoints, targets.coarse_weight
        )
        losses['loss_keypoint_heatmap'] = self.loss_keypoint_heatmap(
            keypoint_logits, targets.keypoint_support
        )
        if self.codec.keypoint_offset:
            at_keypoint = (targets.keypoint_image_index, targets.keypoint_cell)
            losses['loss_keypoint_offset'] = self.loss_keypoint_offset(
                maps.read_flat('keypoint_offset', *at_keypoint),
                targets.keypoint_offset,
                torch.ones_like(targets.keypoint_offset[:, 0]),
            )
        return losses

    def predict(
        self,
        features: Sequence[Tensor],
        batch_data_samples: Sequence[DetDataSample],
        rescale: bool = True,
        mirrored_features: Sequence[Tensor] | None = None,
    ) -> list[InstanceData]:
        """Garments of each image, best first: :meth:`decode`, then NMS and thresholds.

        Args:
            features: feature maps (B, F, H, W), one a stack.
            batch_data_samples: their metainfo holds ``inverse_warp_matrix`` or ``scale_factor``.
            rescale: True for pixels of the original image, False for input pixels.
            mirrored_features: those of the images mirrored left to right, to be averaged with.

        Returns:
            B times bboxes (D, 4), scores (D,), labels (D,), keypoints (D, K_max, 2),
            keypoint_scores (D, K_max).
        """
        decoded = self.decode(features, batch_data_samples, rescale, mirrored_features)
        return [self.strategy.suppress(instances) for instances in decoded]

    def decode(
        self,
        features: Sequence[Tensor],
        batch_data_samples: Sequence[DetDataSample],
        rescale: bool = True,
        mirrored_features: Sequence[Tensor] | None = None,
    ) -> list[InstanceData]:
        """Garments of each image before NMS; arguments and results as for :meth:`predict`."""
        maps = self._maps(features)
        if mirrored_features is not None:
            flip_index = self.test_codec.flip_index(maps.center_heatmap.device)
            maps = fuse_mirrored(
                maps,
                self._maps(mirrored_features),
                flip_index,
                self.test_codec.stride,
                self.strategy.flip_offsets,
            )
        detections = self.test_codec.decode(*maps)
        return detections_to_instances(
            detections, self.test_codec, batch_data_samples, rescale, self.strategy.score_thr
        )

    def _maps(self, features: Sequence[Tensor]) -> HeadMaps:
        """The last stack's maps, those that testing reads."""
        feature, branches = self._stack_features(features)[-1], self._branches(-1)
        return HeadMaps(
            branches['center_heatmap'](feature).float().sigmoid(),
            branches['keypoint_heatmap'](feature).float().sigmoid(),
            CellReader(feature, branches),
        )

    def _branches(self, stack: int) -> dict[str, Branch]:
        modules = cast(nn.ModuleDict, self.stacks[stack])
        return {name: cast(Branch, branch) for name, branch in modules.items()}

    def _stack_features(self, features: Sequence[Tensor]) -> list[Tensor]:
        if len(features) < self.num_stacks:
            raise ValueError(
                f'CenterNetKeypointHead(num_stacks={self.num_stacks}) was given {len(features)} '
                'feature maps; num_stacks must not exceed what backbone and neck return'
            )
        return list(features[: self.num_stacks])


def garments_of(
    batch_data_samples: Sequence[DetDataSample], max_keypoints: int, device: torch.device
) -> Garments:
    """Ground truth of a batch as flat rows; data without landmarks has none that is visible.

    Raises:
        ValueError: the landmarks are of another schema.
    """
    rows: list[tuple[Tensor, ...]] = []
    for index, sample in enumerate(batch_data_samples):
        truth = sample.gt_instances
        count = len(truth)
        points, visible = _keypoints_of(truth, max_keypoints, device)
        boxes = getattr(truth.bboxes, 'tensor', truth.bboxes)
        rows.append(
            (
                torch.full((count,), index, device=device),
                truth.labels.to(device),
                boxes.to(device).float(),
                points,
                visible,
            )
        )
    return Garments(*(torch.cat(column) for column in zip(*rows, strict=True)))


def _keypoints_of(
    truth: InstanceData, max_keypoints: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Landmarks (n, K_max, 2) and which are labelled (n, K_max); none where the data has none."""
    if 'keypoints' not in truth:
        points = torch.zeros(len(truth), max_keypoints, 2, device=device)
        return points, torch.zeros_like(points[..., 0], dtype=torch.bool)
    points = torch.as_tensor(truth.keypoints, dtype=torch.float32, device=device)
    if points.shape[1:] != (max_keypoints, 2):
        raise ValueError(
            f'the ground truth has keypoints of shape {tuple(points.shape)}, the head expects '
            f'(N, {max_keypoints}, 2): give data set, transforms and head the same schema'
        )
    return points, torch.as_tensor(truth.keypoints_visible, device=device) > 0
