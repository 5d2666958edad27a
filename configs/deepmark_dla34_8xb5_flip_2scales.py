# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, NMS, the mirror image and two scales.

A way of testing: the checkpoint is that of `deepmark_dla34_8xb5.py`.

Row: arXiv 1910.01225, table of results, DLA: NMS + flip + 0.75 scale ("fusion")
Paper: box AP .686, landmark AP .448 (visible + occluded), visible .513, 216 ms
Measured: not measured (no data and no cards here)

    tools/dist_test.sh configs/deepmark_dla34_8xb5_flip_2scales.py CHECKPOINT 8
"""

_base_ = '_base_/dla34.py'

train_dataloader = dict(batch_size=5)
model = dict(test_cfg=dict(flip=True))
test_dataloader = dict(dataset=dict(pipeline=_base_.tta_pipeline))
