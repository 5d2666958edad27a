# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2 (or any data in its formats) as an mmdet data set.

Facts about the files: switchablenorms/DeepFashion2, README.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmdet.datasets import BaseDetDataset
from mmengine.logging import print_log

from deepmark.datasets.annotation_source import AnnotationSource
from deepmark.datasets.load_packed import load_packed
from deepmark.datasets.problems import DatasetError, OnProblem, Problems
from deepmark.datasets.records import PackedRecords, RecordView
from deepmark.datasets.schema_metainfo import schema_metainfo
from deepmark.registry import DATASETS
from deepmark.schema import LandmarkSchema, get_schema


@DATASETS.register_module()
class DeepFashion2Dataset(BaseDetDataset):
    """Boxes, class-local landmarks and, on request, polygons of garments.

    Three sources, told apart by ``ann_file``:

    * a folder: DeepFashion2's own tree (``split='train'`` is short for
      ``ann_file='train/annos', data_prefix=dict(img='train/image')``);
    * a file: the official COCO JSON (``ann_file='val.json', data_prefix=dict(img='val/image')``);
    * nothing, with ``test_mode=True``: the photos of a folder without annotations, as in
      DeepFashion2's test split.

    A record (``get_data_info``) has ``img_path``, ``img_id``, ``height``, ``width``,
    ``sample_idx``, ``test_mode``, ``schema`` (a LandmarkSchema, for the transforms) and
    ``instances``, each of them with ``bbox`` (x1 y1 x2 y2), ``bbox_label``, ``ignore_flag``,
    ``area``, ``keypoints`` ((K_c, 3) float32 x, y, v), ``attributes`` (scale, occlusion, zoom_in,
    viewpoint, style), ``pair_id``, ``source``, ``annotation_id`` and, with polygons, ``mask``. All
    coordinates are pixels of the original image and stay as in the file, also where they reach
    outside the image.

    Args:
        schema: categories and landmarks; DeepFashion2's by default.
        split: folder of a split in the native tree: train, validation or test.
        ann_file: annotation folder or file, see above.
        data_root: in front of relative paths.
        data_prefix: ``dict(img=...)``, the folder of the images.
        with_polygons: put each garment's polygons under ``mask`` for mmdet's LoadAnnotations.
        on_problem: ``'error'`` stops at annotations that contradict themselves, naming file, key
            and fix; ``'warn'`` leaves them out, counts them and goes on.
        cache: where the packed annotations are kept, see :func:`load_packed`: ``'auto'``,
            ``'off'`` or a folder.
        verify_cache: compare the contents of all annotation files with those of the cache.
        serialize_data: mmengine's pickled copy; not needed, the packed arrays are smaller.
        kwargs: as for mmdet's BaseDetDataset (pipeline, test_mode, filter_cfg, indices, ...).
            ``filter_cfg`` takes ``filter_empty_gt`` and ``min_size`` and acts in training only.

    Raises:
        DatasetError: no image found, or problems of the annotations.
    """

    METAINFO = {'dataset_type': 'DeepFashion2Dataset'}
    data_list: Any  # a RecordView; a plain list only while mmengine serializes it

    def __init__(
        self,
        *,
        schema: LandmarkSchema | str | Mapping[str, Any] | None = None,
        split: str | None = None,
        ann_file: str = '',
        data_root: str = '',
        data_prefix: Mapping[str, str] | None = None,
        with_polygons: bool = False,
        on_problem: OnProblem = 'error',
        cache: str = 'auto',
        verify_cache: bool = False,
        serialize_data: bool = False,
        metainfo: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.get('proposal_file') is not None:
            raise ValueError('DeepFashion2Dataset has no proposals. Fix: leave proposal_file out')
        self.schema = get_schema(schema)
        self.split = split
        self.with_polygons = with_polygons
        self.cache, self.verify_cache = cache, verify_cache
        self.problems = Problems(on_problem)
        self._annotations_expected = bool(ann_file)
        super().__init__(
            ann_file=ann_file or (f'{split}/annos' if split else ''),
            data_root=data_root,
            data_prefix=dict(data_prefix or {'img': f'{split}/image' if split else ''}),
            serialize_data=serialize_data,
            metainfo={**schema_metainfo(self.schema), **(metainfo or {})},
            **kwargs,
        )
        self._check_classes()

    def load_data_list(self) -> RecordView:
        """Read, check and pack all annotations."""
        start = time.perf_counter()
        source = self._source()
        loaded = load_packed(
            source, self.problems.on_problem, self.cache, self.verify_cache, together=True
        )
        self.problems, packed = loaded.problems, loaded.packed
        self.problems.report()
        self._check_not_empty(packed, source)
        origin = f'from the cache {loaded.cache_file}' if loaded.from_cache else 'read'
        print_log(
            f'{packed.num_images} images, {packed.num_items} garments from '
            f'{self.ann_file or self.data_prefix["img"]}, {origin} in '
            f'{time.perf_counter() - start:.1f} s, {packed.num_bytes / 1e6:.1f} MB',
            logger='current',
        )
        return RecordView(packed, self.data_prefix['img'], with_polygons=self.with_polygons)

    def filter_data(self) -> RecordView:
        """Leave out images without garments or below a size, in training only (mmdet's rule)."""
        records: RecordView = self.data_list
        if self.test_mode or not self.filter_cfg:
            return records
        keep = np.ones(len(records), dtype=np.bool_)
        if self.filter_cfg.get('filter_empty_gt', False):
            keep &= (np.diff(records.packed.item_offsets) > 0)[records.images]
        keep &= (records.packed.image_wh[records.images] >= self._min_size()).all(axis=1)
        if not keep.any():
            raise DatasetError(
                f'{self.ann_file}: filter_cfg={dict(self.filter_cfg)} leaves none of '
                f'{len(records)} images. Fix: relax it, or annotate garments'
            )
        return records.take(np.flatnonzero(keep))

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Record of one image, made anew at each call (nothing to copy)."""
        if self.serialize_data:
            record: dict[str, Any] = super().get_data_info(idx)
        else:
            if not self._fully_initialized:
                self.full_init()
            record = self.data_list[idx]
            record['sample_idx'] = idx if idx >= 0 else len(self) + idx
        record['test_mode'] = self.test_mode
        record['schema'] = self.schema
        return record

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of one image, for ClassBalancedDataset."""
        if isinstance(self.data_list, RecordView) and self._fully_initialized:
            return self.data_list.labels(idx)
        return [instance['bbox_label'] for instance in self.get_data_info(idx)['instances']]

    def _get_unserialized_subset(self, indices: Sequence[int] | int) -> RecordView:
        records: RecordView = self.data_list
        if isinstance(indices, int):
            return records[:indices] if indices >= 0 else records[indices:]
        return records.take(list(indices))

    def _serialize_data(self) -> Any:
        self.data_list = list(self.data_list)
        return super()._serialize_data()

    def _min_size(self) -> int:
        return int(self.filter_cfg.get('min_size', 0))

    def _source(self) -> AnnotationSource:
        image_folder = Path(self.data_prefix['img'])
        annotations = Path(self.ann_file) if self.ann_file else None
        given = annotations is not None and (self._annotations_expected or annotations.exists())
        if given or self.test_mode:
            local = self.backend_args is None
            return AnnotationSource(
                image_folder, annotations if given else None, self.schema, check_images=local
            )
        raise DatasetError(
            f'{annotations or image_folder}: no annotations for training. Fix: check data_root and '
            'split (or give ann_file); images alone need test_mode=True'
        )

    def _check_not_empty(self, packed: PackedRecords, source: AnnotationSource) -> None:
        if packed.num_images == 0:
            raise DatasetError(
                f'{self.data_prefix["img"]}: no usable image '
                f'(looked for {source.looked_for()}). '
                'Fix: check data_root, split, ann_file and data_prefix'
            )
        if packed.num_items == 0 and not self.test_mode:
            raise DatasetError(
                f'{self.ann_file}: {packed.num_images} images, but no usable garment to train on. '
                'Fix: check the annotations'
            )

    def _check_classes(self) -> None:
        self._metainfo['dataset_name'] = self.schema.name
        if tuple(self._metainfo['classes']) != self.schema.class_names:
            raise ValueError(
                'metainfo.classes differs from the class names of the schema. Fix: pass schema= '
                'with the categories that you want'
            )
