# SPDX-License-Identifier: Apache-2.0
"""The small network with the DAFE neck on drawn garments, 128 x 128: to compare its attentions.

Two epochs of 2,400 images, evaluated once on 300, so that a run takes less than four minutes on
two CPU cores. The images are drawn with

    python tools/make_garments.py --out data/garments --train 2400 --val 300

(those of `make demo` begin with the same ones). Leaves give the batch size and switch the
attentions.
"""

_base_ = ['default_runtime.py', 'deepfashion2.py', 'small_network.py', 'schedule_small.py']

small_epochs = 2
input_size_wh = (128, 128)
# As mild as deepmark_garments_small.py's, and for the same reason.
window = dict(input_size=input_size_wh, scales=(0.85, 0.95, 1.05, 1.15), border=116)
train_warp = dict(type='deepmark.RandomCenterCropScale', **window)
test_warp = dict(type='deepmark.AspectPreservingWarp', input_size=input_size_wh)
train_pipeline = [*_base_.df2_before_warp, train_warp, *_base_.df2_after_warp]
test_pipeline = [_base_.df2_load_image, test_warp, *_base_.df2_after_test_warp]
data_root = 'data/garments'
train_set = dict(data_root=data_root, pipeline=train_pipeline, indices=2400)
train_dataloader = dict(num_workers=1, dataset=train_set)
val_set = dict(data_root=data_root, pipeline=test_pipeline)
val_dataloader = dict(batch_size=8, num_workers=1, dataset=val_set)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=small_epochs, val_interval=small_epochs)
param_scheduler = [
    _base_.param_scheduler[0],
    {**_base_.param_scheduler[1], 'end': small_epochs},
]
model = dict(
    neck=dict(
        _delete_=True,
        type='deepmark.DAFENeck',
        in_channels=(24, 40, 112, 320),
        out_channels=96,
        # The holes of 'deconv' stay in the maps of so short a training.
        upsampling='bilinear',
    ),
)
