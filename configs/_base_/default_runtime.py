# SPDX-License-Identifier: Apache-2.0
"""Runner settings of every config: logging, checkpoints, pictures, curves."""

default_scope = 'mmdet'
custom_imports = dict(imports=['deepmark'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook',
        interval=1,
        max_keep_ckpts=3,
        save_best='deepfashion2/keypoints_AP',
        rule='greater',
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='mmdet.DetVisualizationHook'),
)
custom_hooks = [
    dict(type='deepmark.CurvesHook'),
    dict(type='deepmark.StartCheckpointHook'),
    dict(type='deepmark.ActivationCheckpointingHook'),
    dict(type='deepmark.CheckpointGuardHook'),
]

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # Rank 0 evaluates while the others wait: two hours instead of NCCL's ten minutes.
    dist_cfg=dict(backend='nccl', timeout=7200),
)

vis_backends = [dict(type='LocalVisBackend')]
# Without a name it takes the run's: a second run in the same process gets its own.
visualizer = dict(type='deepmark.LandmarkVisualizer', vis_backends=vis_backends)
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True)
log_level = 'INFO'
resume = False
