# SPDX-License-Identifier: Apache-2.0
"""HRNet-W32 on FLD; 224 x 224, 8 x 64 images.

Row: none: a control
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/dafe/fld_hrnet_w32_224.py 8
"""

_base_ = ['_base_/hrnet_w32.py', '_base_/schedule_210e.py']
