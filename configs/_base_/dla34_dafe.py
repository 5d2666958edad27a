# SPDX-License-Identifier: Apache-2.0
"""DeepMark with DLA-34 and the DAFE neck in the place of DLA's own up-sampling.

Backbone and head are those of dla34.py, the control. Training starts from scratch; give
`--cfg-options load_from=checkpoints/dla34_coco.pth` to start backbone and boxes from the control's
checkpoint, of which DLA's up-sampling has no place here.
"""

_base_ = ['dla34.py']

model = dict(
    neck=dict(
        _delete_=True, type='deepmark.DAFENeck', in_channels=(64, 128, 256, 512), out_channels=64
    ),
)
load_from = None
