# SPDX-License-Identifier: Apache-2.0
"""DeepMark, DLA-34, boxes without a labelled landmark train no size and no offset.

Row: none: CenterNet masks these boxes; the paper does not say.
Paper: -
Measured: not measured (no data and no cards here)
Changes: model.bbox_head.codec.boxes_without_keypoints

    tools/dist_train.sh configs/ablations/dla34_original_mask.py 8
"""

_base_ = '../deepmark_dla34_8xb5.py'

model = dict(bbox_head=dict(codec=dict(boxes_without_keypoints=False)))
