# SPDX-License-Identifier: Apache-2.0
"""DeepMark around any backbone: normalisation, head, losses, decoding.

Losses, weights and thresholds are CenterNet's (xingyizhou/CenterNet at 4c50fd3): the paper states
none of its own. Soft-NMS is CenterNet's for joined detections; the paper does not name its kind.
"""

soft_nms = dict(type='soft_nms', method='gaussian', sigma=0.5, min_score=0.001, offset=1)

model = dict(
    type='deepmark.DeepMark',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        # CenterNet's constants, BGR, in 0..255.
        mean=[0.40789654 * 255, 0.44719302 * 255, 0.47026115 * 255],
        std=[0.28863828 * 255, 0.27408164 * 255, 0.27809835 * 255],
        bgr_to_rgb=False,
    ),
    bbox_head=dict(
        type='deepmark.CenterNetKeypointHead',
        in_channels=256,
        feat_channels=256,
        num_stacks=1,
        codec=dict(stride=4, radius='centernet', boxes_without_keypoints=True),
        loss_center_heatmap=dict(type='deepmark.SparseFocalLoss', loss_weight=1.0),
        loss_box_size=dict(type='deepmark.MaskedL1Loss', loss_weight=0.1),
        loss_center_offset=dict(type='deepmark.MaskedL1Loss', loss_weight=1.0),
        loss_coarse_keypoints=dict(type='deepmark.MaskedL1Loss', loss_weight=1.0),
        loss_keypoint_heatmap=dict(type='deepmark.SparseFocalLoss', loss_weight=1.0),
        loss_keypoint_offset=dict(type='deepmark.MaskedL1Loss', loss_weight=1.0),
    ),
    test_cfg=dict(
        detections=100,
        keypoint_threshold=0.1,
        max_distance=0.3,
        refine=True,
        flip=False,
        nms=soft_nms,
        max_per_img=100,
    ),
)
# `tools/test.py --tta`: the paper's fusion.
tta_model = dict(type='deepmark.with_test_cfg', test_cfg=dict(flip=True, nms=soft_nms))
