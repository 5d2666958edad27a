# SPDX-License-Identifier: Apache-2.0
"""The paper's schedule: 50 epochs at 3e-4, 3 at 3e-5, 10 at 1e-5.

The two drops differ (1/10, then 1/3), so they are two schedulers. Optimiser: Adam without weight
decay as in CenterNet; the paper does not name one.
"""

paper_epochs = 50 + 3 + 10

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=paper_epochs, val_interval=3)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[50], gamma=3e-5 / 3e-4),
    dict(type='MultiStepLR', by_epoch=True, milestones=[50 + 3], gamma=1e-5 / 3e-5),
]
optim_wrapper = dict(
    type='deepmark.AutocastOptimWrapper',
    dtype=None,  # float32; leaves switch mixed precision on with 'bfloat16'
    optimizer=dict(type='Adam', lr=3e-4),
)
auto_scale_lr = dict(enable=False, base_batch_size=37)
