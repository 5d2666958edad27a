# SPDX-License-Identifier: Apache-2.0
"""ResNet-50 without DAFE: the last level and mmpose's three deconvolutions."""

_base_ = 'r50_dafe.py'

model = dict(
    backbone=dict(out_indices=(3,)),
    neck=None,
    head=dict(
        in_channels=2048,
        deconv_out_channels=(256, 256, 256),
        deconv_kernel_sizes=(4, 4, 4),
    ),
)
