# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2 for the one-shot control: DeepMark's own data, warp, flip and metric, 640 x 640.

Only free names. In place of the recipe's mosaic and mix-up, which mirror by one list of pairs, and
of its random input sizes, which resize targets that our head makes later, stands CenterNet's random
window.
"""

_base_ = 'padded_yolox_pose.py'

custom_imports = dict(imports=['deepmark'], allow_failed_imports=False)

padded_root = 'data/DeepFashion2'
padded_size_wh = (640, 640)
padded_load = dict(type='deepmark.LoadImage')
padded_train_set = dict(
    _delete_=True,
    type='deepmark.DeepFashion2Dataset',
    data_root=padded_root,
    split='train',
    filter_cfg=dict(filter_empty_gt=True),
    pipeline=[
        padded_load,
        *_base_.padded_truth,
        dict(type='deepmark.RandomFlipLandmarks', prob=0.5),
        dict(type='deepmark.RandomCenterCropScale', input_size=padded_size_wh),
        dict(type='deepmark.PhotometricJitter'),
        _base_.padded_pack,
    ],
)
padded_val_set = dict(
    _delete_=True,
    type='deepmark.DeepFashion2Dataset',
    data_root=padded_root,
    split='validation',
    test_mode=True,
    pipeline=[
        padded_load,
        dict(type='deepmark.AspectPreservingWarp', input_size=padded_size_wh),
        *_base_.padded_truth,
        _base_.padded_pack,
    ],
)
padded_metric = dict(_delete_=True, type='deepmark.DeepFashion2Metric')
padded_model = dict(
    type='deepmark.PaddedPoseEstimator',
    data_preprocessor=dict(batch_augments=None),
    head=_base_.padded_head,
)
