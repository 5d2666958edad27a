# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, tested at two scales (1 and 0.75) without the mirror image.

Row: none: the paper has two scales only together with the mirror image.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: test_dataloader.dataset.pipeline

    python tools/test.py configs/ablations/garments_2scales.py CHECKPOINT
"""

_base_ = '../deepmark_garments_128.py'

test_dataloader = dict(dataset=dict(pipeline=_base_.tta_pipeline))
