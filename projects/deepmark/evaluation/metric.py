# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2Metric: the official figures for any detector, during training and testing."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from deepmark.atomic_write import refuse_existing
from deepmark.evaluation.coco_evaluation import Evaluator, Figures
from deepmark.evaluation.engines import BOXES, VISIBLE, VISIBLE_AND_OCCLUDED, Backend, SlotMode
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.figure_table import category_table, rendered, slice_table
from deepmark.evaluation.garment_rows import DetectionRows, IntArray, TruthRows
from deepmark.evaluation.json_layout import TruthFile
from deepmark.evaluation.pose_sample_rows import PoseScore, is_pose_sample, rows_of_pose_sample
from deepmark.evaluation.result_spool import ResultSpool, SpooledRows, read_spooled
from deepmark.evaluation.result_writer import write_detections, write_parts
from deepmark.evaluation.sample_rows import SampleRows, rows_of_detection_sample
from deepmark.evaluation.truth_source import load_truth
from deepmark.registry import METRICS
from deepmark.schema import LandmarkSchema, get_schema

# evaluation -> how its figures begin; landmarks without an addition are the headline
_METRIC_PREFIXES = {
    BOXES: 'bbox',
    VISIBLE_AND_OCCLUDED: 'keypoints',
    VISIBLE: 'keypoints_visible',
}
RESULT_SUFFIXES = ('.json', '.json.gz')

_Sample = TypeVar('_Sample', SampleRows, SpooledRows)


@METRICS.register_module()
class DeepFashion2Metric(BaseMetric):
    """Box and landmark AP by DeepFashion2's official rules.

    Figures: ``bbox_AP``, ``bbox_AP50``, ... for boxes, ``keypoints_AP``, ... for landmarks (visible
    and occluded), ``keypoints_visible_AP``, ... for visible landmarks only. Detectors without
    ``keypoints`` in their predictions get the box figures. Between batches and ranks only float32
    rows are kept; images that two ranks have both seen are counted once.

    With ``format_only`` not even these: each rank writes its rows to a hidden file beside the
    result file, from which rank 0 makes it in the end. An earlier result file stays until then.

    Args:
        ann_file: truth as official JSON (.json, .json.gz) or as DeepFashion2's own folder
            (``validation/annos``), all images of which count, also those that were not tested;
            None takes the truth from each sample's ``instances``.
        schema: categories, landmark counts, sigmas; None: the tested data set's, or DeepFashion2's.
        slots: 'official' or 'own_slots', see :func:`deepmark.evaluation.coco_evaluation.evaluate`.
        max_per_image: detections kept of an image, best first. The official rules look at up to
            100 boxes and 20 garments with landmarks a category.
        pose_score: score of a garment of mmpose's top-down estimators, see
            :func:`deepmark.evaluation.pose_sample_rows.rows_of_pose_sample`.
        classwise: also log a table and return AP for every category.
        slices: also log a table and return AP for every level of scale, occlusion, zoom-in and
            viewpoint, as ``keypoints_AP_occlusion_heavy``.
        backend: 'auto', 'fast' or 'pycocotools', see the same place; the figures are the same.
        format_only: write the result file and compute nothing (for test images without truth);
            what ``tools/test.py --submission`` sets.
        outfile_prefix: write the official result file to ``<outfile_prefix><outfile_suffix>``.
        outfile_suffix: '.json' or '.json.gz'.
        decimals: places to which the result file's coordinates are rounded; None writes them in
            full.
        overwrite: replace a result file that an earlier run has written.
        collect_device: 'cpu' or 'gpu', how the ranks' rows are collected.
        prefix: of the figures' names; None is 'deepfashion2'.
        collect_dir: shared folder for collecting through the CPU.

    Raises:
        FileExistsError: the result file exists and ``overwrite`` is false.
        ValueError: ``format_only`` without ``outfile_prefix``; a bad truth file.
    """

    default_prefix = 'deepfashion2'

    def __init__(
        self,
        ann_file: str | os.PathLike[str] | None = None,
        schema: LandmarkSchema | str | None = None,
        slots: SlotMode = 'official',
        max_per_image: int = 100,
        pose_score: PoseScore = 'bbox_keypoint',
        classwise: bool = False,
        slices: bool = False,
        backend: Backend = 'auto',
        format_only: bool = False,
        outfile_prefix: str | os.PathLike[str] | None = None,
        outfile_suffix: str = '.json',
        decimals: int | None = None,
        overwrite: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self._follows_data = schema is None
        self.schema = get_schema(schema)
        self.ann_file = ann_file
        self.slots = slots
        self.max_per_image = max_per_image
        self.pose_score = pose_score
        self.classwise = classwise
        self.slices = slices
        self.backend = backend
        self.format_only = format_only
        self.decimals = decimals
        self.overwrite = overwrite
        if outfile_suffix not in RESULT_SUFFIXES:
            raise ValueError(
                f'outfile_suffix is {outfile_suffix!r}, must be one of {RESULT_SUFFIXES}'
            )
        self.result_file = None
        if outfile_prefix is not None:
            self.result_file = Path(f'{outfile_prefix}{outfile_suffix}')
            refuse_existing(self.result_file, overwrite)
        elif format_only:
            raise ValueError('format_only=True needs outfile_prefix, the result file without .json')
        self._truth_file: TruthFile | None = None
        self._spool: ResultSpool | None = None

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """Metainfo of the data set tested; mmengine's loops set it."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict[str, Any] | None) -> None:
        self._dataset_meta = meta
        if self._follows_data:
            self.schema = get_schema((meta or {}).get('schema'))

    def process(self, data_batch: object, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep the rows of a batch, one entry a sample.

        Raises:
            ValueError: naming the image, for wrong shapes, labels or numbers, for missing truth,
                and for a data set whose classes are not those of the schema.
        """
        self._check_classes()
        for sample in data_samples:
            rows = self._rows(sample)
            if rows.truth is None and self.ann_file is None and not self.format_only:
                raise ValueError(
                    f"{rows.image_path}: the sample has no 'instances' to compare with; add "
                    "'instances' to meta_keys of the test pipeline, give the metric ann_file=, or "
                    'use format_only=True'
                )
            self.results.append(self._spooled(rows) if self.format_only else rows)

    def _rows(self, sample: Mapping[str, Any]) -> SampleRows:
        if is_pose_sample(sample):
            return rows_of_pose_sample(sample, self.schema, self.pose_score)
        return rows_of_detection_sample(sample, self.schema, self.max_per_image)

    def evaluate(self, size: int) -> dict[str, float]:
        """Collect from all ranks and compute.

        ``size`` is not used: mmengine would cut the collected list to it, which drops images when
        the ranks have uneven shares. Repetitions are recognised by their image instead.
        """
        if self._spool is not None:
            self._spool.flush()
        collected = torch.tensor(len(self.results))
        all_reduce(collected)
        try:
            return super().evaluate(int(collected))  # type: ignore[no-any-return]
        finally:  # mmengine has waited for rank 0 here
            if self._spool is not None:
                self._spool.close()
                self._spool = None

    def compute_metrics(self, results: list[SampleRows] | list[SpooledRows]) -> dict[str, float]:
        """Figures of the rows of all ranks (called on rank 0)."""
        if self.format_only:
            self._write_spooled([s for s in results if isinstance(s, SpooledRows)])
            return {}
        samples = _once_each([s for s in results if isinstance(s, SampleRows)])
        detections = DetectionRows.concatenate([s.detections for s in samples])
        if self.result_file is not None:
            write_detections(
                self.result_file, detections, self.schema, self.overwrite, self.decimals
            )
            self._report_written(len(detections), len(samples))
        image_ids, truth = self._truth(samples)
        evaluator = Evaluator(
            truth, detections, image_ids, self.schema, self.slots, backend=self.backend
        )
        print_log(
            f'{len(image_ids)} images with {len(truth)} garments, {len(detections)} detections '
            f"(landmarks: slots='{self.slots}'; {evaluator.backend})",
            'current',
        )
        named = self._named(evaluator.figures())
        if self.slices:
            named.update(self._named_slices(evaluator, truth))
        return named

    def _spooled(self, rows: SampleRows) -> SpooledRows:
        assert self.result_file is not None
        if self._spool is None:
            self._spool = ResultSpool(self.result_file)
        return self._spool.add(rows.key, rows.image_id, rows.image_path, rows.detections)

    def _write_spooled(self, results: list[SpooledRows]) -> None:
        assert self.result_file is not None
        try:
            images = sorted(_once_each(results), key=lambda image: image.image_id)
            if len({image.points < 0 for image in images if image.count}) > 1:
                raise EvaluationError('only some detections have keypoints; all must have them')
            count = write_parts(
                self.result_file, read_spooled(images), self.schema, self.overwrite, self.decimals
            )
        finally:  # after an error the other ranks may not come to it
            for file in {image.file for image in results}:
                Path(file).unlink(missing_ok=True)
        self._report_written(count, len(images))

    def _report_written(self, results: int, images: int) -> None:
        self.overwrite = True  # the next epoch's file replaces our own
        print_log(f'{results} results of {images} images: {self.result_file}', 'current')

    def _truth(self, samples: list[SampleRows]) -> tuple[IntArray, TruthRows]:
        tested = np.array(sorted({s.image_id for s in samples}), np.int64)
        if self.ann_file is None:
            return tested, TruthRows.concatenate([s.truth for s in samples if s.truth is not None])
        if self._truth_file is None:
            self._truth_file = load_truth(self.ann_file, self.schema)
        image_ids = self._truth_file.image_ids
        missing = np.setdiff1d(image_ids, tested)
        if len(missing):
            print_log(
                f'{len(missing)} of {len(image_ids)} images of {self.ann_file} were not tested; '
                'their garments count as missed',
                'current',
                logging.WARNING,
            )
        return image_ids, self._truth_file.rows

    def _named(self, figures: dict[str, Figures]) -> dict[str, float]:
        named: dict[str, float] = {}
        for evaluation, prefix in _METRIC_PREFIXES.items():
            values = dict(figures.get(evaluation, {}))
            per_category = values.pop('AP_per_category', [])
            named.update({f'{prefix}_{name}': value for name, value in values.items()})
            if self.classwise:
                for name, value in zip(self.schema.class_names, per_category, strict=False):
                    named[f'{prefix}_AP_{name.replace(" ", "_")}'] = value
        if self.classwise:
            print_log('\n' + rendered(category_table(figures, self.schema)), 'current')
        return named

    def _named_slices(self, evaluator: Evaluator, truth: TruthRows) -> dict[str, float]:
        if truth.attributes is None:
            print_log(
                'slices=True: the truth states no attributes, so there is no AP by scale, '
                'occlusion, zoom-in and viewpoint',
                'current',
                logging.WARNING,
            )
            return {}
        slices = evaluator.slices()
        print_log('\n' + rendered(slice_table(slices)), 'current')
        return {
            f'{_METRIC_PREFIXES[evaluation]}_AP_{attribute}_{level.replace(" ", "_")}': values['AP']
            for attribute, levels in slices.items()
            for level, evaluations in levels.items()
            for evaluation, values in evaluations.items()
        }

    def _check_classes(self) -> None:
        classes = (self.dataset_meta or {}).get('classes')
        if classes is not None and tuple(classes) != self.schema.class_names:
            raise ValueError(
                f'the data set has the classes {tuple(classes)}, but the metric uses {self.schema} '
                f'with {self.schema.class_names}; give both the same schema'
            )


def _once_each(results: list[_Sample]) -> list[_Sample]:
    """Drop the repetitions that samplers add so that all ranks have equal shares."""
    seen: dict[Any, _Sample] = {}
    for sample in results:
        first = seen.setdefault(sample.key, sample)
        if first.image_path != sample.image_path:
            raise EvaluationError(
                f'image id {sample.image_id} belongs to {first.image_path} and to '
                f'{sample.image_path}; ids must differ, or the figures would mix the two'
            )
    return list(seen.values())
