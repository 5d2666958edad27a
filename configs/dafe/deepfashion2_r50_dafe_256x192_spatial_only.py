# SPDX-License-Identifier: Apache-2.0
"""DAFE top-down on DeepFashion2: ResNet-50, spatial attention only; 8 x 64 garments.

Row: none: DAFE's DeepFashion2 results are not public.
Paper: - (DAFE's figures are not known)
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/dafe/deepfashion2_r50_dafe_256x192_spatial_only.py 8
"""

_base_ = '_base_/deepfashion2_r50_dafe.py'

model = dict(neck=dict(channel_attention=None))
