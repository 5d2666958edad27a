# SPDX-License-Identifier: Apache-2.0
"""DeepMark small, garments, tested with the mirror image.

Row: none: ablation of the fusion.
Paper: -
Measured: docs/results.md (what was not run says so there)
Changes: model.test_cfg.flip

    python tools/test.py configs/ablations/garments_test_flip.py CHECKPOINT
"""

_base_ = '../deepmark_garments_128.py'

model = dict(test_cfg=dict(flip=True))
