# SPDX-License-Identifier: Apache-2.0
"""YOLOX-Pose with padded landmarks on drawn garments: DeepMark small's data, backbone and schedule.

The host's neck and head at their own width stand on strides 8, 16 and 32. Only free names.
"""

_base_ = ['garments.py', 'padded_yolox_pose.py']

small_padded_model = dict(
    type='deepmark.PaddedPoseEstimator',
    data_preprocessor=dict(
        _delete_=True,
        type='PoseDataPreprocessor',
        mean=_base_.small_preprocessor.mean,
        std=_base_.small_preprocessor.std,
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone={**_base_.small_backbone, 'out_indices': (2, 3, 4)},
    neck=dict(in_channels=_base_.small_channels[1:]),
    head=_base_.padded_head,
)

steps = _base_.small_train.dataset.pipeline
train_steps = [
    _base_.small_load,
    *_base_.padded_truth,
    *[step for step in steps if step.type.startswith('deepmark.') and 'Load' not in step.type],
    _base_.padded_pack,
]
test_steps = [
    _base_.small_load,
    dict(type='deepmark.AspectPreservingWarp', input_size=_base_.small_size_wh),
    *_base_.padded_truth,
    _base_.padded_pack,
]
small_padded_train = {
    **_base_.small_train,
    'dataset': {**_base_.small_train.dataset, 'pipeline': train_steps},
}
small_padded_val = {
    **_base_.small_val,
    'dataset': {**_base_.small_val.dataset, 'pipeline': test_steps},
}
