# SPDX-License-Identifier: Apache-2.0
"""What YOLOX-Pose needs for 13 categories whose landmark lists are padded to 39. Free names only.

The head is `deepmark.PaddedYOLOXPoseHead`; losses and assigner are mmpose's with the sigmas of the
own category. These are narrower than COCO's: at the start OKS is 0 nearly everywhere, and so are
its gradient and class targets that follow it. So two of the host's own switches are thrown: the
auxiliary L1 losses from the first epoch on, and IoU for the assigner's counts and class targets.
"""

landmarks = 39

padded_head = dict(
    type='deepmark.PaddedYOLOXPoseHead',
    num_keypoints=landmarks,
    num_classes=13,
    head_module_cfg=dict(num_classes=13),
    assigner=dict(dynamic_k_indicator='iou', oks_calculator=dict(type='deepmark.LandmarkUnitOKS')),
    use_aux_loss=True,
    # The host averages over all outputs and divides by their number once more.
    loss_kpt_aux=dict(
        type='L1Loss', reduction='mean', use_target_weight=True, loss_weight=10 * landmarks
    ),
    loss_oks=dict(
        _delete_=True,
        type='deepmark.LandmarkUnitOKSLoss',
        reduction='none',
        norm_target_weight=True,
        loss_weight=30.0,
    ),
)
padded_truth = [
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='deepmark.LoadLandmarks'),
]
padded_pack = dict(type='deepmark.PackLandmarkInputs')
padded_checkpoints = dict(save_best='deepfashion2/keypoints_AP', rule='greater')
padded_hooks = [dict(type='deepmark.CheckpointGuardHook')]
