# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2 for mmpose's top-down recipes: all 13 categories in one model of 294 landmarks.

Only free names: a leaf inherits the host's recipe, whose keys may not stand in two bases. Head,
codec, schedule and batch are the recipe's; the augmentation is that of mmpose's own DeepFashion2
configs. Tested with the true boxes, or a detector's:
`--cfg-options test_dataloader.dataset.bbox_file=FILE`.
"""

custom_imports = dict(imports=['deepmark'], allow_failed_imports=False)

pose_landmarks = 294
pose_root = 'data/DeepFashion2'
pose_load = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
pose_crop = dict(type='TopdownAffine', input_size=(192, 256))
# Before the target, which is made by the recipe's codec.
pose_augmented = [
    *pose_load,
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform'),
    pose_crop,
]
pose_pack = dict(type='PackPoseInputs')

pose_train_set = dict(
    _delete_=True,
    type='deepmark.DeepFashion2TopDownDataset',
    data_root=pose_root,
    split='train',
)
pose_val_set = dict(
    _delete_=True,
    type='deepmark.DeepFashion2TopDownDataset',
    data_root=pose_root,
    split='validation',
    test_mode=True,
    pipeline=[*pose_load, pose_crop, pose_pack],
)
pose_metric = dict(
    _delete_=True, type='deepmark.DeepFashion2Metric', ann_file=f'{pose_root}/validation/annos'
)
pose_checkpoints = dict(save_best='deepfashion2/keypoints_AP', rule='greater', max_keep_ckpts=3)
