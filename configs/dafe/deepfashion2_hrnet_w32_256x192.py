# SPDX-License-Identifier: Apache-2.0
"""Control without DAFE: HRNet-W32, 256 x 192; 8 x 64 garments.

Row: none: a control of DAFE; start weights and widths are those of mmpose's configs.
Paper: - (DAFE's figures are not known)
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/dafe/deepfashion2_hrnet_w32_256x192.py 8
"""

_base_ = ['_base_/own_category_head.py', '_base_/schedule_topdown.py']

widths = (32, 64, 128, 256)
model = dict(
    backbone=dict(
        type='HRNet',
        extra={
            'stage1': dict(
                num_modules=1,
                num_branches=1,
                block='BOTTLENECK',
                num_blocks=(4,),
                num_channels=(64,),
            ),
            **{
                f'stage{n}': dict(
                    num_modules=modules,
                    num_branches=n,
                    block='BASIC',
                    num_blocks=(4,) * n,
                    num_channels=widths[:n],
                )
                for n, modules in ((2, 1), (3, 4), (4, 3))
            },
        },
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmpose/'
            'pretrain_models/hrnet_w32-36af842e.pth',
        ),
    ),
    head=dict(in_channels=32, deconv_out_channels=None),
)
