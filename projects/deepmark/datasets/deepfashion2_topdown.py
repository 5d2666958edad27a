# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2 for mmpose's top-down estimators: all categories in one model, one sample a garment.

mmpose's own data set is not used: its metainfo has no sigmas and a flip pair that is none, and its
loader of detections drops every category but the first.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from deepmark.datasets.deepfashion2 import DeepFashion2Dataset
from deepmark.datasets.detected_boxes import read_detected_boxes
from deepmark.datasets.garment_samples import (
    GarmentSamples,
    GivenBoxes,
    landmark_counts,
    true_boxes,
)
from deepmark.datasets.pose_metainfo import pose_metainfo
from deepmark.datasets.problems import DatasetError, OnProblem, Problems
from deepmark.datasets.records import PackedRecords
from deepmark.datasets.schema_metainfo import schema_metainfo
from deepmark.registry import DATASETS
from deepmark.schema import DEEPFASHION2, LandmarkSchema, get_schema

# of the metainfo, what mmpose's transforms and models read from every sample
_SAMPLE_KEYS = (
    'dataset_name',
    'upper_body_ids',
    'lower_body_ids',
    'flip_pairs',
    'dataset_keypoint_weights',
    'flip_indices',
    'skeleton_links',
)


@DATASETS.register_module()
class DeepFashion2TopDownDataset(BaseDataset):
    """Garments with a box each, whose landmarks are to be found, for mmpose's pipelines.

    The annotations are read by :class:`DeepFashion2Dataset` (whose sources these are, too). A
    sample has the keys of mmpose's COCO-style data sets: ``img_path``, ``img_id``, ``id`` (one a
    sample), ``bbox`` (1, 4) x1 y1 x2 y2 as in the file, ``bbox_score`` (1,), ``category_id`` and
    ``label``, ``keypoints`` (1, S, 2) in slots, ``keypoints_visible`` (1, S): 1 where the landmark
    counts, 0 in the slots of other categories and where it is not labelled; with truth also
    ``area``, ``iscrowd``, ``num_keypoints`` and ``raw_ann_info`` (whose ``keypoints`` are the own
    ones, (K_c, 3) x, y, v). The metainfo is made from the schema.

    Training leaves out crowds and garments without landmarks. Testing shows every garment, or the
    boxes of ``bbox_file``; the truth is the metric's affair
    (``DeepFashion2Metric(ann_file=...)``), since garments that no box belongs to are missed ones.

    Args:
        schema: categories and landmarks; DeepFashion2's by default.
        split: folder of a split in the native tree, see :class:`DeepFashion2Dataset`.
        ann_file: annotation folder or file, see there.
        data_root: in front of relative paths, but not of ``bbox_file``.
        data_prefix: ``dict(img=...)``, the folder of the images.
        bbox_file: detections in the official result layout (.json, .json.gz), any category, used
            in place of the true boxes; testing only.
        score_threshold: detections with a lower score are left out.
        max_boxes: only so many detections of each image are kept, the best ones.
        train_occluded: whether occluded landmarks (v = 1) train; in testing they always count.
        labelled_only: leave out crowds and garments without landmarks; None: in training. With
            true boxes in testing, True is the custom of top-down papers: fewer false alarms.
        on_problem: ``'error'`` or ``'warn'``, see :class:`DeepFashion2Dataset`.
        cache: see :class:`DeepFashion2Dataset`; None is its default.
        backend_args: where the images lie, when not on a local disk.
        metainfo: additions to the metainfo.
        test_mode: testing.
        kwargs: as for mmengine's BaseDataset (pipeline, indices, lazy_init, max_refetch).

    Raises:
        DatasetError: problems of the annotations or of ``bbox_file``; nothing is left.
        ImportError: mmpose is not installed.
        ValueError: ``bbox_file`` in training.
    """

    data_list: Any  # a GarmentSamples
    # What mmpose's init_model takes without a checkpoint; a data set's own comes from its schema.
    METAINFO = pose_metainfo(DEEPFASHION2)

    def __init__(
        self,
        *,
        schema: LandmarkSchema | str | Mapping[str, Any] | None = None,
        split: str | None = None,
        ann_file: str = '',
        data_root: str = '',
        data_prefix: Mapping[str, str] | None = None,
        bbox_file: str | os.PathLike[str] | None = None,
        score_threshold: float = 0.0,
        max_boxes: int | None = None,
        train_occluded: bool = True,
        labelled_only: bool | None = None,
        on_problem: OnProblem = 'error',
        cache: str | None = None,
        backend_args: Mapping[str, Any] | None = None,
        metainfo: Mapping[str, Any] | None = None,
        test_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        if bbox_file is not None and not test_mode:
            raise ValueError(
                f'bbox_file={str(bbox_file)!r} without test_mode=True: detections have no '
                'landmarks to train on. Fix: leave it out in training'
            )
        self.schema = get_schema(schema)
        self.bbox_file = bbox_file
        self.score_threshold, self.max_boxes = score_threshold, max_boxes
        self.train_occluded = train_occluded
        self.labelled_only = not test_mode if labelled_only is None else labelled_only
        self.problems = Problems(on_problem)
        self._source: dict[str, Any] = dict(
            split=split,
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix,
            backend_args=backend_args,
            on_problem=on_problem,
            **({} if cache is None else {'cache': cache}),
        )
        super().__init__(
            ann_file=ann_file or (f'{split}/annos' if split else ''),
            data_root=data_root,
            data_prefix=dict(data_prefix or {'img': f'{split}/image' if split else ''}),
            serialize_data=False,  # the packed arrays are smaller, and shared by the workers
            metainfo=_like_saved({**_parsed_metainfo(self.schema), **(metainfo or {})}),
            test_mode=test_mode,
            **kwargs,
        )

    @classmethod
    def _load_metainfo(cls, metainfo: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return dict(metainfo or {})  # mmengine would look for a file called like the schema

    def load_data_list(self) -> GarmentSamples:
        """Read, check and pack all annotations; choose the boxes."""
        records = DeepFashion2Dataset(
            schema=self.schema, test_mode=self.test_mode, pipeline=[], **self._source
        )
        packed: PackedRecords = records.data_list.packed
        self.problems.extend(records.problems.found)
        boxes = self._true_boxes(packed) if self.bbox_file is None else self._detections(packed)
        image_prefix = records.data_prefix['img']
        print_log(f'{len(boxes)} samples, one a garment', logger='current')
        return GarmentSamples(boxes, packed, self.schema, image_prefix, self._lowest_visibility())

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """One sample, made anew at each call, with the metainfo that mmpose's pipelines read."""
        if not self._fully_initialized:
            self.full_init()
        sample: dict[str, Any] = self.data_list[idx]
        sample['sample_idx'] = idx if idx >= 0 else len(self) + idx
        sample.update({key: self._metainfo[key] for key in _SAMPLE_KEYS})
        return sample

    def get_cat_ids(self, idx: int) -> list[int]:
        """The label of one sample, for ClassBalancedDataset."""
        return [int(self.data_list.boxes.labels[idx])]

    def _get_unserialized_subset(self, indices: Sequence[int] | int) -> GarmentSamples:
        samples: GarmentSamples = self.data_list
        if isinstance(indices, int):
            return samples[:indices] if indices >= 0 else samples[indices:]
        return samples.take(list(indices))

    def _lowest_visibility(self) -> int:
        return 1 if self.test_mode or self.train_occluded else 2

    def _true_boxes(self, packed: PackedRecords) -> GivenBoxes:
        boxes = true_boxes(packed)
        if self.labelled_only:
            trained = landmark_counts(packed, self._lowest_visibility()) > 0
            boxes = boxes.take(np.flatnonzero(trained & ~packed.ignore_flags))
        if not len(boxes):
            where = self._source['ann_file'] or self._source['split'] or self.data_prefix['img']
            raise DatasetError(
                f'{where}: none of {packed.num_items} garments '
                f'{"has landmarks to train on" if self.labelled_only else "can be tested"}. Fix: '
                'check the annotations, or (in testing) give bbox_file= with detections'
            )
        return boxes

    def _detections(self, packed: PackedRecords) -> GivenBoxes:
        assert self.bbox_file is not None
        found = Problems(self.problems.on_problem)
        boxes = read_detected_boxes(
            self.bbox_file, packed, self.schema, found, self.score_threshold, self.max_boxes
        )
        self.problems.extend(found.found)
        found.report()
        if not len(boxes):
            raise DatasetError(
                f'{self.bbox_file}: no detection is left (score_threshold='
                f'{self.score_threshold}, max_boxes={self.max_boxes}). Fix: check the file, or '
                'relax these'
            )
        return boxes


def _parsed_metainfo(schema: LandmarkSchema) -> dict[str, Any]:
    try:
        from mmpose.datasets.datasets.utils import parse_pose_metainfo
    except ImportError as error:
        raise ImportError(
            f'DeepFashion2TopDownDataset needs mmpose ({error}). Fix: pip install --no-deps '
            'mmpose==1.3.2'
        ) from error
    return {**parse_pose_metainfo(pose_metainfo(schema)), **schema_metainfo(schema)}


def _like_saved(metainfo: dict[str, Any]) -> dict[str, Any]:
    """The same content as a checkpoint gives it back.

    mmengine compares pickles when it resumes, and equal texts that are one object in memory are
    pickled otherwise than two: without this every resumed run would warn of other metainfo.
    """
    result: dict[str, Any] = pickle.loads(pickle.dumps(metainfo))
    return result
