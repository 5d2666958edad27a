# SPDX-License-Identifier: Apache-2.0
"""The small DAFE model on two real photos of FLD, by heart: no generalisation.

The photos and their annotations are mmpose's sample (test_fld.json).

Row: none: trained and evaluated on the same photos, it shows that real annotations go through.
Paper: -
Measured: NE .0079 after 150 iterations, 46 s of one CPU core

    python tools/train.py configs/dafe/fld_sample_overfit.py
"""

_base_ = '_base_/small_dafe.py'

iterations = 150
train_cfg = dict(by_epoch=False, max_iters=iterations, val_interval=iterations)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=10),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=False, begin=0, end=iterations),
]
photos = dict(data_root='data/fld_sample', ann_file='test_fld.json')
endless = dict(_delete_=True, type='InfiniteSampler', shuffle=True)
loader = dict(num_workers=0, persistent_workers=False)
# As in testing: the photos are to be learnt as they are.
by_heart = [
    *_base_.fashion_load,
    _base_.small_crop,
    dict(type='GenerateTarget', encoder=_base_.small_codec),
    _base_.fashion_pack,
]
train_dataloader = dict(
    **loader, batch_size=4, sampler=endless, dataset=dict(**photos, pipeline=by_heart)
)
val_dataloader = dict(
    **loader, batch_size=2, dataset=dict(**photos, pipeline=_base_.small_test_pipeline)
)
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=2e-3))
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(by_epoch=False, interval=iterations))
log_processor = dict(by_epoch=False)
