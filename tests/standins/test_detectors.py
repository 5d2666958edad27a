# SPDX-License-Identifier: Apache-2.0
"""mmdet's detectors and an mmpose estimator build, predict and train a step on the stand-ins.

Their own configurations at reduced width, on one 64 x 96 image on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mmdet
import mmpose
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

HEIGHT, WIDTH = 64, 96
MMDET = Path(mmdet.__file__).parent / '.mim/configs'
MMPOSE = Path(mmpose.__file__).parent / '.mim/configs'


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def narrow_resnet(model: Any) -> None:
    """ResNet-18 of width 8: four levels of 8, 16, 32 and 64 channels."""
    model.backbone.update(depth=18, base_channels=8, init_cfg=None)


def with_fpn(model: Any) -> None:
    narrow_resnet(model)
    model.neck.in_channels = [8, 16, 32, 64]


def rtmdet(model: Any) -> None:
    model.backbone.update(widen_factor=0.0625, deepen_factor=0.167, init_cfg=None)
    model.backbone.norm_cfg = model.neck.norm_cfg = model.bbox_head.norm_cfg = dict(type='BN')
    model.neck.update(in_channels=[16, 32, 64], out_channels=16, num_csp_blocks=1)
    model.bbox_head.update(in_channels=16, feat_channels=16)


def yolox(model: Any) -> None:
    model.backbone.update(widen_factor=0.0625, deepen_factor=0.167)
    model.neck.update(in_channels=[16, 32, 64], out_channels=16, num_csp_blocks=1)
    model.bbox_head.update(in_channels=16, feat_channels=16)


def centernet(model: Any) -> None:
    narrow_resnet(model)
    model.neck.update(in_channels=64, num_deconv_filters=(32, 16, 8))
    model.bbox_head.update(in_channels=8, feat_channels=8)


def detr(model: Any) -> None:
    narrow_resnet(model)
    model.neck.in_channels = [64]
    model.encoder.num_layers = model.decoder.num_layers = 1


DETECTORS: dict[str, tuple[str, Callable[[Any], None]]] = {
    'Faster R-CNN': ('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', with_fpn),
    'RetinaNet': ('retinanet/retinanet_r50_fpn_1x_coco.py', with_fpn),
    'FCOS': ('fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py', with_fpn),
    'ATSS': ('atss/atss_r50_fpn_1x_coco.py', with_fpn),
    'RTMDet': ('rtmdet/rtmdet_tiny_8xb32-300e_coco.py', rtmdet),
    'YOLOX': ('yolox/yolox_tiny_8xb8-300e_coco.py', yolox),
    'CenterNet': ('centernet/centernet_r18-dcnv2_8xb16-crop512-140e_coco.py', centernet),
    'DETR': ('detr/detr_r50_8xb2-150e_coco.py', detr),
}


def build_detector(name: str) -> Any:
    file, reduce = DETECTORS[name]
    model = Config.fromfile(MMDET / file).model
    reduce(model)
    with DefaultScope.overwrite_default_scope('mmdet'):
        from mmdet.registry import MODELS
        from mmdet.utils import register_all_modules

        register_all_modules(init_default_scope=False)
        return MODELS.build(model)


def detection_batch() -> dict[str, Any]:
    from mmdet.structures import DetDataSample

    sample = DetDataSample(
        metainfo=dict(
            img_id=0, img_shape=(HEIGHT, WIDTH), ori_shape=(HEIGHT, WIDTH),
            batch_input_shape=(HEIGHT, WIDTH), pad_shape=(HEIGHT, WIDTH), scale_factor=(1.0, 1.0),
            border=[0, HEIGHT, 0, WIDTH],
        )
    )  # fmt: skip
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor([[8.0, 6.0, 60.0, 58.0]]), labels=torch.tensor([3])
    )
    sample.ignored_instances = InstanceData(
        bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long)
    )
    return dict(inputs=torch.randn(1, 3, HEIGHT, WIDTH), data_samples=[sample])


@pytest.mark.slow
@pytest.mark.parametrize('name', DETECTORS)
def test_detector_trains_a_step_and_predicts(name: str) -> None:
    torch.manual_seed(0)
    model = build_detector(name)
    batch = detection_batch()
    loss, _ = model.parse_losses(model.loss(batch['inputs'], batch['data_samples']))
    loss.backward()
    assert loss.isfinite()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
    model.eval()
    with torch.no_grad():
        (result,) = model.predict(batch['inputs'], batch['data_samples'])
    prediction = result.pred_instances
    assert prediction.bboxes.shape == (len(prediction), 4)
    assert prediction.scores.shape == prediction.labels.shape == (len(prediction),)


def test_detector_predicts_something() -> None:
    """The tests above would pass with empty predictions: CenterNet always has its top 100."""
    torch.manual_seed(0)
    model = build_detector('CenterNet').eval()
    batch = detection_batch()
    with torch.no_grad():
        (result,) = model.predict(batch['inputs'], batch['data_samples'])
    assert len(result.pred_instances) == 100


def test_mmpose_top_down_estimator_predicts() -> None:
    from mmpose.registry import MODELS
    from mmpose.structures import PoseDataSample
    from mmpose.utils import register_all_modules

    folder = MMPOSE / 'body_2d_keypoint/topdown_heatmap/coco'
    model = Config.fromfile(folder / 'td-hm_res50_8xb64-210e_coco-256x192.py').model
    model.backbone.update(depth=18, base_channels=8, init_cfg=None)
    model.head.update(in_channels=64, deconv_out_channels=(16, 16, 16))
    register_all_modules(init_default_scope=False)
    with DefaultScope.overwrite_default_scope('mmpose'):
        estimator = MODELS.build(model).eval()
    sample = PoseDataSample(
        metainfo=dict(
            input_size=np.array([192, 256]), input_center=np.array([48.0, 32.0]),
            input_scale=np.array([96.0, 128.0]),
            flip_indices=list(range(17)),
        )
    )  # fmt: skip
    sample.gt_instances = InstanceData(bboxes=np.array([[0.0, 0, 96, 64]]), bbox_scores=np.ones(1))
    with torch.no_grad():
        (result,) = estimator.predict(torch.randn(1, 3, 256, 192), [sample])
    assert result.pred_instances.keypoints.shape == (1, 17, 2)
