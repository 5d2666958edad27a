# SPDX-License-Identifier: Apache-2.0
"""FLD: raw lists below data/fld, the box as the crop, normalised error.

Crop: the given box alone, both sides to 224, as the benchmarks evaluate (``deepmark.BoxAffine``).
Flip, scale and rotation in training are mmpose's defaults; DAFE's are not known.
"""

_base_ = 'default_runtime.py'

input_size_wh = (224, 224)
fashion_codec = dict(
    type='MSRAHeatmap',
    input_size=input_size_wh,
    heatmap_size=(input_size_wh[0] // 4, input_size_wh[1] // 4),
    sigma=2,
)
fashion_load = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale', padding=1.0)]
fashion_augment = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='RandomBBoxTransform'),
]
fashion_crop = dict(type='deepmark.BoxAffine', input_size=input_size_wh)
fashion_pack = dict(type='PackPoseInputs')
train_pipeline = [
    *fashion_load,
    *fashion_augment,
    fashion_crop,
    dict(type='GenerateTarget', encoder=fashion_codec),
    fashion_pack,
]
test_pipeline = [*fashion_load, fashion_crop, fashion_pack]

fashion_set = dict(type='deepmark.FashionLandmarkDataset', benchmark='fld', data_root='data/fld')
loader = dict(num_workers=2, persistent_workers=True)
in_order = dict(type='DefaultSampler', shuffle=False, round_up=False)
train_dataloader = dict(
    **loader,
    batch_size=64,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**fashion_set, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    **loader,
    batch_size=32,
    sampler=in_order,
    dataset=dict(**fashion_set, split='val', test_mode=True, pipeline=test_pipeline),
)
test_dataloader = dict(
    **loader,
    batch_size=32,
    sampler=in_order,
    dataset=dict(**fashion_set, split='test', test_mode=True, pipeline=test_pipeline),
)
val_evaluator = dict(type='deepmark.NormalizedError')
test_evaluator = dict(type='deepmark.NormalizedError', curve=True)
default_hooks = dict(checkpoint=dict(save_best='fashion/NE', rule='less'))
