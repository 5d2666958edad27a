# SPDX-License-Identifier: Apache-2.0
"""ResNet-50 with DAFE on DeepFashion-C; 224 x 224, 8 x 64 images.

Row: DAFE; its schedule and its results are not known to us: mmpose's schedule
Paper: -
Measured: not measured (no data and no cards here)

    tools/dist_train.sh configs/dafe/deepfashion_c_r50_dafe_224.py 8
"""

_base_ = ['_base_/r50_dafe.py', '_base_/schedule_210e.py']

benchmark = dict(benchmark='deepfashion_c', data_root='data/deepfashion_c')
train_dataloader = dict(dataset=benchmark)
val_dataloader = dict(dataset=benchmark)
test_dataloader = dict(dataset=benchmark)
