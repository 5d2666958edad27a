# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2 for mmdet's own detectors: data, number of classes, metric, best checkpoint.

Only free names, because a leaf inherits the host's recipe too and two bases may not share keys. The
data sets are laid over the host's: its pipelines and its filter of training images stay. The truth
travels with the samples in `instances`, so another `data_root` is all that another folder needs.
"""

custom_imports = dict(imports=['deepmark'], allow_failed_imports=False)

df2_classes = 13
df2_root = 'data/DeepFashion2'
df2_train_set = dict(
    type='deepmark.DeepFashion2Dataset',
    data_root=df2_root,
    ann_file='train/annos',
    data_prefix=dict(img='train/image'),
)
df2_val_set = dict(
    type='deepmark.DeepFashion2Dataset',
    data_root=df2_root,
    ann_file='validation/annos',
    data_prefix=dict(img='validation/image'),
)
df2_train_masks = dict(**df2_train_set, with_polygons=True)
df2_val_masks = dict(**df2_val_set, with_polygons=True)

# In the place of the last two steps of a host's test pipeline. Without masks for Mask R-CNN too:
# mmdet's loader would mark garments without a polygon as crowds, in the truth of the boxes as well.
df2_test_end = [
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(
        type='mmdet.PackDetInputs',
        meta_keys=(
            *('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
            *('border', 'instances'),  # border: of CenterNet's padding
        ),
    ),
]

df2_metric = dict(type='deepmark.DeepFashion2Metric', _delete_=True)
# mmdet's metric takes the polygons from the samples as well, as long as it gets no ann_file.
df2_box_and_mask_metrics = [
    dict(type='deepmark.DeepFashion2Metric'),
    dict(type='mmdet.CocoMetric', metric='segm'),
]
df2_hooks = dict(checkpoint=dict(save_best='deepfashion2/bbox_AP', rule='greater'))
