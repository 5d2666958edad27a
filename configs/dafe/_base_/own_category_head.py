# SPDX-License-Identifier: Apache-2.0
"""The estimator that all top-down models of DeepFashion2 share: preprocessing, head, flip test."""

_base_ = 'deepfashion2.py'

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    head=dict(
        type='deepmark.OwnCategoryHeatmapHead',
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=_base_.df2_codec,
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
)
