# SPDX-License-Identifier: Apache-2.0
"""mmpose's schedule for heatmaps, in as many samples: 210 epochs of COCO's 150,000 persons.

DeepFashion2 has 312,186 garments, so 100 epochs; the drops stand where mmpose's are (170 and 200 of
210). DAFE's own schedule is not known.
"""

topdown_epochs = 210 * 150_000 // 312_186

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=topdown_epochs, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(
        type='MultiStepLR',
        by_epoch=True,
        begin=0,
        end=topdown_epochs,
        milestones=[topdown_epochs * 170 // 210, topdown_epochs * 200 // 210],
        gamma=0.1,
    ),
]
optim_wrapper = dict(optimizer=dict(type='Adam', lr=5e-4))
auto_scale_lr = dict(enable=False, base_batch_size=512)
