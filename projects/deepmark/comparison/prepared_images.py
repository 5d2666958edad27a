# SPDX-License-Identifier: Apache-2.0
"""Single test images as a config's own test pipeline makes them, from its data or a made-up photo.

The photo is noise with a garment's box in its middle. It serves where the test data are absent,
and where a number must not depend on them.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from deepmark.apis.preflight import require_data
from deepmark.comparison.kinds import scope_of
from deepmark.engine.errors import RunError
from deepmark.registry import DATASETS, MODELS

Batch = dict[str, Any]

PHOTO_SIZE_WH = (468, 624)  # the usual one in DeepFashion2
# of a top-down data set's metainfo, what mmpose's transforms and models read from a sample
_METAINFO_KEYS = (
    'dataset_name',
    'upper_body_ids',
    'lower_body_ids',
    'flip_pairs',
    'dataset_keypoint_weights',
    'flip_indices',
    'skeleton_links',
)


class PreparedImages(NamedTuple):
    """Images ready for ``model.test_step``.

    Attributes:
        batches: One image each (top-down: one garment's crop).
        note: What a reader must know of them; None when they are the test set's.
    """

    batches: list[Batch]
    note: str | None


def prepare_images(cfg: Config, count: int) -> PreparedImages:
    """Load images evenly spread over the test set, or the photo where the data are absent.

    A test set of fewer images is gone through again.

    Raises:
        RunError: The config has no test data set, or it is empty.
    """
    settings = _test_set_of(cfg)
    try:
        require_data(cfg, ('test_dataloader',))
    except RunError:
        batch = photo_batch(cfg, PHOTO_SIZE_WH)
        note = 'the test data are absent: timed on a made-up photo'
        return PreparedImages([copy.deepcopy(batch) for _ in range(count)], note)
    with scope_of(cfg):
        dataset = DATASETS.build(copy.deepcopy(settings))
        length = len(dataset)
        if not length:
            raise RunError(f'{cfg.filename}: the test set has no images')
        distinct = min(count, length)
        chosen = [index * length // distinct for index in range(distinct)]
        samples = [dataset[chosen[index % distinct]] for index in range(count)]
    return PreparedImages([pseudo_collate([sample]) for sample in samples], None)


def photo_batch(cfg: Config, size_wh: tuple[int, int]) -> Batch:
    """The made-up photo behind the config's test pipeline; needs none of its data.

    Raises:
        RunError: The config has no test data set, or its pipeline drops the photo.
    """
    settings = copy.deepcopy(_innermost(_test_set_of(cfg)))
    settings['lazy_init'] = True  # reads no annotations
    with scope_of(cfg), tempfile.TemporaryDirectory() as folder:
        dataset = DATASETS.build(settings)
        path = Path(folder, 'photo.png')
        sample = dataset.pipeline(_photo_sample(path, size_wh, dataset.metainfo))
    if sample is None:
        raise RunError(f'{cfg.filename}: the test pipeline drops an image without annotations')
    batch: Batch = pseudo_collate([sample])
    return batch


def preprocessed(cfg: Config, batch: Batch) -> Batch:
    """The batch as the network gets it: normalised, stacked and padded.

    Returns:
        ``inputs`` (1, 3, H, W) float32 and ``data_samples``.
    """
    settings = cfg.model.get('data_preprocessor') or {'type': 'mmengine.BaseDataPreprocessor'}
    with scope_of(cfg):
        preprocessor = MODELS.build(copy.deepcopy(settings))
    result: Batch = preprocessor(copy.deepcopy(batch), False)
    return result


def full_size_of(cfg: Config) -> tuple[int, int]:
    """Largest input that the test pipeline allows for, (w, h): its first ``scale`` or input size.

    A photo of this size passes a resize without change. Without any it is that of the photo.
    """
    for transform in _transforms((_test_set_of(cfg)).get('pipeline')):
        for key in ('scale', 'input_size', 'img_scale'):
            size = transform.get(key)
            if isinstance(size, (list, tuple)) and len(size) == 2:
                return int(size[0]), int(size[1])
    return PHOTO_SIZE_WH


def _test_set_of(cfg: Config) -> Any:
    settings = (cfg.get('test_dataloader') or {}).get('dataset')
    if not settings:
        raise RunError(f'{cfg.filename}: the config has no test_dataloader.dataset')
    return settings


def _innermost(settings: Any) -> Any:
    """The data set inside wrappers, the first one of a join."""
    while 'dataset' in settings or 'datasets' in settings:
        settings = settings['dataset'] if 'dataset' in settings else settings['datasets'][0]
    return settings


def _transforms(node: Any) -> Iterator[Mapping[str, Any]]:
    """All transforms of a pipeline, those inside others too, in their order."""
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from _transforms(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _transforms(value)


def _photo_sample(
    path: Path, size_wh: tuple[int, int], metainfo: Mapping[str, Any]
) -> dict[str, Any]:
    """The photo as mmdet's and mmpose's data sets describe one."""
    width, height = size_wh
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    cv2.imwrite(str(path), noise)
    box = np.array([[0.2 * width, 0.1 * height, 0.8 * width, 0.9 * height]], np.float32)
    return {
        'img_path': str(path),
        'img_id': 1,
        'id': 1,
        'sample_idx': 0,
        'width': width,
        'height': height,
        'instances': [],
        'bbox': box,
        'bbox_score': np.ones(1, np.float32),
        'label': 0,
        'category_id': 1,
        **{key: metainfo[key] for key in _METAINFO_KEYS if key in metainfo},
    }
