# SPDX-License-Identifier: Apache-2.0
"""Short trainings of the small network: five epochs with a warm-up and a cosine."""

small_epochs = 5

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=small_epochs, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=small_epochs,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
randomness = dict(seed=0)
