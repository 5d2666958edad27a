# SPDX-License-Identifier: Apache-2.0
"""DeepMark with DLA-34 and the DAFE neck in the place of DLA's own up-sampling.

Backbone, start checkpoint and head are those of dla34.py, the control; of the checkpoint, DLA's
up-sampling has no place here and is left out.
"""

_base_ = ['dla34.py']

model = dict(
    neck=dict(
        _delete_=True, type='deepmark.DAFENeck', in_channels=(64, 128, 256, 512), out_channels=64
    ),
)
