# SPDX-License-Identifier: Apache-2.0
"""FLD and DeepFashion-C as a data set of mmpose's runner.

Liu et al., "Fashion Landmark Detection in the Wild", ECCV 2016 (FLD) and "DeepFashion", CVPR 2016
(DeepFashion-C: its category and attribute benchmark, whose photos have landmarks too). Landmarks,
types of clothes and visibility codes: :mod:`deepmark.datasets.fashion_records`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from mmengine.logging import print_log
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from deepmark.datasets.fashion_checks import check_boxes, find_image_folder, read_sizes
from deepmark.datasets.fashion_coco import read_fashion_coco
from deepmark.datasets.fashion_lists import find_lists, read_lists
from deepmark.datasets.fashion_records import (
    BENCHMARKS,
    SPLITS,
    Benchmark,
    FashionRecords,
    fashion_metainfo,
)
from deepmark.datasets.fashion_view import FashionRecordView
from deepmark.datasets.problems import DatasetError, OnProblem, Problems
from deepmark.registry import DATASETS

FEW_IMAGES = 50_000
"""Up to so many images ``check_images='auto'`` reads all headers: 2 s when cached."""
_UNUSED = ('bbox_file', 'data_mode', 'sample_interval', 'filter_cfg')


@DATASETS.register_module()
class FashionLandmarkDataset(BaseCocoStyleDataset):
    """One garment a sample, eight landmarks, top down: the given box is the crop.

    Two sources: the benchmark's raw lists in ``data_root`` (Anno, Eval, and the images in the root
    or in Img), of which ``split`` is taken; or one of mmpose's COCO-style files (``ann_file``), of
    upper, lower or full body clothes or of all.

    The data infos are those of mmpose's ``BaseCocoStyleDataset``, with these differences: the box
    is exactly the annotated one (mmpose cuts a pixel off at the image's border; the benchmarks'
    errors are in units of this box), ``keypoints`` is always (1, 8, 2), and ``keypoints_visible``
    (1, 8) is the weight in the loss, 0 or 1. ``raw_ann_info`` has the visibilities in COCO's codes,
    from which ``deepmark.NormalizedError`` takes the visible ones.

    Args:
        benchmark: 'fld' or 'deepfashion_c'; names the data set.
        split: 'train', 'val' or 'test' of the raw lists.
        ann_file: COCO-style file instead of the lists.
        data_root: folder of the benchmark, also in front of relative paths.
        data_prefix: ``dict(img=...)``, folder in front of the image names; with raw lists found
            by itself (the root, or Img in it) when left out.
        train_occluded: occluded landmarks have weight 1; otherwise only visible ones.
        visible_in_box_only: landmarks outside the box have v = 0, as in the benchmarks' public
            evaluations.
        check_images: read each image's header, and compare box and image size: missing images and
            boxes of other images are found at the start. 'auto' does so for up to
            :data:`FEW_IMAGES` images.
        on_problem: 'error' stops at annotations that cannot be right, naming file, line and fix;
            'warn' leaves them out (boxes that reach outside the image stay), counts them, goes on.
        metainfo: replaces the one made here; in mmpose's form.
        serialize_data: mmengine's pickled copy, three times the size of the packed arrays (65 MB
            for DeepFashion-C's training split); off, since nothing is copied into workers either.
        kwargs: as for mmpose's BaseCocoStyleDataset (pipeline, test_mode, indices, lazy_init,
            max_refetch). The benchmarks give the boxes, so there is no ``bbox_file``.

    Raises:
        DatasetError: no lists, no image of the split, or problems of the annotations.
        JsonFileError: ``ann_file`` is no COCO-style file.
        ValueError: an argument that makes no sense.
    """

    data_list: Any  # a FashionRecordView; a plain list only while mmengine serializes it

    def __init__(
        self,
        *,
        benchmark: Benchmark = 'fld',
        split: str = 'train',
        ann_file: str = '',
        data_root: str = '',
        data_prefix: Mapping[str, str] | None = None,
        train_occluded: bool = True,
        visible_in_box_only: bool = True,
        check_images: bool | Literal['auto'] = 'auto',
        on_problem: OnProblem = 'error',
        metainfo: Mapping[str, Any] | None = None,
        serialize_data: bool = False,
        pipeline: Sequence[dict[str, Any] | Callable[..., Any]] = (),
        **kwargs: Any,
    ) -> None:
        unused = [name for name in _UNUSED if kwargs.get(name)]
        if unused:
            raise ValueError(f'FashionLandmarkDataset takes no {unused[0]}. Fix: leave it out')
        _check_choice('benchmark', benchmark, BENCHMARKS)
        _check_choice('split', split, SPLITS)
        self.split = split
        self.train_occluded = train_occluded
        self.visible_in_box_only = visible_in_box_only
        self.check_images = check_images
        self.problems = Problems(on_problem)
        self._find_images = data_prefix is None and not ann_file
        super().__init__(
            ann_file=ann_file,
            metainfo=dict(metainfo or fashion_metainfo(benchmark)),
            data_root=data_root,
            data_prefix=dict(data_prefix or {'img': ''}),
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            **kwargs,
        )

    def load_data_list(self) -> FashionRecordView:
        """Read and check the lists or the file."""
        start = time.perf_counter()
        records, locate = self._read()
        folder = self.data_prefix['img']
        if self._find_images:
            folder = str(find_image_folder(self.data_root, records))
        sizes = None
        if self.check_images is True or (
            self.check_images == 'auto' and len(records) <= FEW_IMAGES
        ):
            sizes = read_sizes(folder, records, self.problems)
        usable = check_boxes(records, self.problems, locate, sizes)
        self.problems.report()
        records = records.take(usable)
        if self.visible_in_box_only:
            records = records.without_landmarks_outside_the_box()
        if not self.test_mode:
            records = records.take((records.keypoints[..., 2] > 0).any(axis=1))
        if not len(records):
            raise DatasetError(
                f'{self.ann_file or self.data_root}: no usable garment of split {self.split!r}. '
                'Fix: check data_root, split and ann_file'
            )
        print_log(
            f'{len(records)} garments of {self.metainfo["dataset_name"]} from '
            f'{self.ann_file or self.data_root} in {time.perf_counter() - start:.1f} s',
            logger='current',
        )
        return FashionRecordView(records, folder, self.train_occluded)

    def filter_data(self) -> FashionRecordView:
        """There is no filter."""
        records: FashionRecordView = self.data_list
        return records

    def _read(self) -> tuple[FashionRecords, Callable[[int], tuple[str, str]]]:
        if self.ann_file:
            coco = read_fashion_coco(self.ann_file, self.problems, self.split)
            return coco.records, coco.locate
        lists = read_lists(find_lists(Path(self.data_root or '.')), self.problems)
        rows = np.flatnonzero(lists.records.splits == SPLITS.index(self.split))
        return lists.records.take(rows), lambda row: lists.locate(int(rows[row]))

    def _get_unserialized_subset(self, indices: Sequence[int] | int) -> FashionRecordView:
        records: FashionRecordView = self.data_list
        if isinstance(indices, int):
            return records[:indices] if indices >= 0 else records[indices:]
        return records.take(list(indices))

    def _serialize_data(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        self.data_list = list(self.data_list)
        serialized: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]] = super()._serialize_data()
        return serialized


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f'{name} is {value!r}, must be one of {", ".join(choices)}')
