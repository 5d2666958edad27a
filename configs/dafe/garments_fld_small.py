# SPDX-License-Identifier: Apache-2.0
"""DAFE on drawn garments in FLD's layout: ResNet-18 from scratch, 128 x 128.

The images come from `python tools/make_fashion_landmarks.py --out data/garments_fld`. Evaluated on
the test split at the end.

Row: none: for tests and experiments on a CPU.
Paper: -
Measured: not measured

    python tools/train.py configs/dafe/garments_fld_small.py
"""

_base_ = '_base_/small_dafe.py'

epochs = 8
train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=epochs,
        convert_to_iter_based=True,
    ),
]
loader = dict(batch_size=16, num_workers=1)
drawn = dict(data_root='data/garments_fld')
train_dataloader = dict(**loader, dataset=dict(**drawn, pipeline=_base_.small_train_pipeline))
val_dataloader = dict(
    **loader, dataset=dict(**drawn, split='test', pipeline=_base_.small_test_pipeline)
)
test_dataloader = val_dataloader
