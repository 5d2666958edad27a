# SPDX-License-Identifier: Apache-2.0
"""mmpose's own schedule of its fashion configs; DAFE's is not known.

Adam 5e-4 for 512 images an iteration, 210 epochs with drops after 170 and 200, 500 iterations of
warm-up: ``td-hm_res50_8xb64-210e_deepfashion_full-256x192`` of mmpose 1.3.2.
"""

max_epochs = 210

train_cfg = dict(by_epoch=True, max_epochs=max_epochs, val_interval=10)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', begin=0, end=500, start_factor=0.001, by_epoch=False),
    dict(
        type='MultiStepLR',
        begin=0,
        end=max_epochs,
        milestones=[max_epochs - 40, max_epochs - 10],
        gamma=0.1,
        by_epoch=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=8 * 64)
