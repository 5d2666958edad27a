# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, tested at two scales (1 and 0.75) without the mirror image.

Row: none: the paper has two scales only together with the mirror image.
Paper: -
Measured: not measured (no data and no cards here)
Changes: test_dataloader.dataset.pipeline

    tools/dist_test.sh configs/ablations/dla34_2scales.py CHECKPOINT 8
"""

_base_ = '../deepmark_dla34_8xb5.py'

test_dataloader = dict(dataset=dict(pipeline=_base_.tta_pipeline))
