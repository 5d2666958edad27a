# SPDX-License-Identifier: Apache-2.0
"""mmdet's baselines made small: the same parts with few channels and blocks, on small inputs.

The tables hold what `--cfg-options model.KEY=VALUE` would: one for the backbone with the channels
that its neck gets, one for the rest of the detector.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from mmengine.config import Config

from deepmark.engine.pretrained_start import start_from_scratch

SHRINK = 8
DIVISOR = 32
SIZE_KEYS = {'scale', 'scales', 'img_scale', 'crop_size', 'size', 'border', 'random_size_range'}

WIDTH = 32
RESNET_18 = {'backbone.depth': 18, 'backbone.base_channels': 8, 'backbone.stem_channels': 8}
THIN_CSP = {
    'backbone.widen_factor': 0.125,
    'backbone.deepen_factor': 0.167,
    'neck.in_channels': [32, 64, 128],
}
BACKBONES: dict[str, dict[str, Any]] = {
    'ResNet': {**RESNET_18, 'neck.in_channels': [8, 16, 32, 64]},
    'CSPDarknet': THIN_CSP,
    'CSPNeXt': THIN_CSP,
}
ONE_STAGE = {
    'neck.out_channels': WIDTH,
    'bbox_head.in_channels': WIDTH,
    'bbox_head.feat_channels': WIDTH,
}
TWO_STAGES = {
    'neck.out_channels': WIDTH,
    'rpn_head.in_channels': WIDTH,
    'rpn_head.feat_channels': WIDTH,
    'roi_head.bbox_roi_extractor.out_channels': WIDTH,
    'roi_head.bbox_head.in_channels': WIDTH,
    'roi_head.bbox_head.fc_out_channels': WIDTH,
}
DETECTORS: dict[str, dict[str, Any]] = {
    'FasterRCNN': TWO_STAGES,
    'MaskRCNN': {
        **TWO_STAGES,
        'roi_head.mask_roi_extractor.out_channels': WIDTH,
        'roi_head.mask_head.in_channels': WIDTH,
        'roi_head.mask_head.conv_out_channels': WIDTH,
    },
    'CenterNet': {
        'neck.in_channels': 64,
        'neck.num_deconv_filters': (WIDTH, WIDTH, WIDTH),
        'bbox_head.in_channels': WIDTH,
        'bbox_head.feat_channels': WIDTH,
    },
    'DINO': {
        'num_queries': 24,  # x 13 categories: at least the 300 best are looked for
        'neck.in_channels': [16, 32, 64],
        'neck.out_channels': WIDTH,
        'encoder.num_layers': 1,
        'decoder.num_layers': 1,
        'positional_encoding.num_feats': WIDTH // 2,
        'dn_cfg.group_cfg.num_dn_queries': 10,
        'bbox_head.embed_dims': WIDTH,
        'encoder.layer_cfg.self_attn_cfg.embed_dims': WIDTH,
        'encoder.layer_cfg.ffn_cfg.embed_dims': WIDTH,
        'encoder.layer_cfg.ffn_cfg.feedforward_channels': WIDTH,
        'decoder.layer_cfg.self_attn_cfg.embed_dims': WIDTH,
        'decoder.layer_cfg.cross_attn_cfg.embed_dims': WIDTH,
        'decoder.layer_cfg.ffn_cfg.embed_dims': WIDTH,
        'decoder.layer_cfg.ffn_cfg.feedforward_channels': WIDTH,
    },
}


def reduce_baseline(cfg: Config) -> None:
    """Make the network thin and shallow and its inputs small, from scratch, in place."""
    start_from_scratch(cfg)
    model = cfg.model
    if model.backbone.type in BACKBONES:
        options = {**BACKBONES[model.backbone.type], **DETECTORS.get(model.type, ONE_STAGE)}
        cfg.merge_from_dict({f'model.{key}': value for key, value in options.items()})
        shrink_sizes(cfg.model.data_preprocessor)
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            shrink_sizes(loader)
    else:  # EfficientNet-Lite0 on 128 x 128 is small already
        model.backbone.checkpoint = None
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False, pin_memory=False)


def shrink_sizes(node: Any) -> None:
    """Divide image sizes anywhere below by SHRINK and round them to a multiple of DIVISOR."""
    if isinstance(node, MutableMapping):
        for key, value in node.items():
            if key in SIZE_KEYS and value is not None:
                node[key] = shrunk(value)
            else:
                shrink_sizes(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            shrink_sizes(value)


def shrunk(value: Any) -> Any:
    """The size, pair of sizes or list of them, smaller; the sign stays."""
    if isinstance(value, list):
        return [shrunk(part) for part in value]
    if isinstance(value, tuple):
        return tuple(shrunk(part) for part in value)
    size = max(DIVISOR, round(abs(value) / SHRINK / DIVISOR) * DIVISOR)
    return size if value > 0 else -size


def point_to(cfg: Config, data_root: str) -> None:
    """Let every data set of the config read this folder."""
    for dataset in data_sets(cfg):
        dataset.data_root = data_root


def data_sets(cfg: Config) -> list[Any]:
    """The data set configs of the three loaders, without their wrappers."""
    found = []
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        dataset = loader.dataset
        while 'dataset' in dataset:
            dataset = dataset.dataset
        found.append(dataset)
    return found


def flattened(node: Any, key: str = '') -> dict[str, Any]:
    """Dotted key to value, without mmengine's notes of the scope."""
    if isinstance(node, Mapping):
        parts = ((name, value) for name, value in node.items() if name != '_scope_')
    elif isinstance(node, (list, tuple)) and node:
        parts = ((str(index), value) for index, value in enumerate(node))
    else:
        return {key: node}
    found = {}
    for name, value in parts:
        found.update(flattened(value, f'{key}.{name}' if key else name))
    return found


def differing_keys(cfg: Config, other: Config) -> set[str]:
    """The dotted keys that only one of both has, or that have other values."""
    ours, theirs = flattened(cfg.to_dict()), flattened(other.to_dict())
    absent = object()
    keys = ours.keys() | theirs.keys()
    return {key for key in keys if ours.get(key, absent) != theirs.get(key, absent)}
