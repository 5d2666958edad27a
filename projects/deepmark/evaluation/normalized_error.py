# SPDX-License-Identifier: Apache-2.0
"""Normalized error (NE) of fashion landmarks, as the benchmarks FLD and DeepFashion-C define it.

Definition, after the evaluation code of suminlee94/GLE_FLD and
fdjingyuan/Deep-Fashion-Analysis-ECCV2018: of one landmark of one garment

    e = sqrt( ((x - x*) / w)^2 + ((y - y*) / h)^2 )

with w x h the size of the crop in which the benchmark evaluates, which is the garment's box. Only
*visible* landmarks count; e is averaged for each landmark over the test set, and the result is the
unweighted mean of the landmarks' means. So a landmark that is rarely visible weighs as much as
any other, and a slot without a visible landmark weighs nothing (other code counts it as error 0,
which makes every model look better).

The percentage of detected landmarks (PDL) at a threshold t is the share of visible landmarks with
e <= t, all landmarks together.

Legend: N garments, K landmarks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from deepmark.as_array import as_array
from deepmark.evaluation.errors import EvaluationError
from deepmark.registry import METRICS

FloatArray = npt.NDArray[np.float64]
VISIBLE = 2


class NormalizedErrors(NamedTuple):
    """What the errors of a test set come to.

    Attributes:
        mean: unweighted mean of the landmarks' means; -1 when no landmark is visible.
        per_landmark: (K,) mean error of each landmark, -1 where it is never visible.
        visible: (K,) how many visible ones there are of each.
        detected: (T,) share of visible landmarks within each threshold.
    """

    mean: float
    per_landmark: FloatArray
    visible: npt.NDArray[np.int64]
    detected: FloatArray


def normalized_distance(
    predicted: npt.ArrayLike, truth: npt.ArrayLike, size_wh: npt.ArrayLike
) -> FloatArray:
    """Distances (N, K), x in units of the crop's width and y of its height.

    Args:
        predicted: (N, K, 2) x, y in pixels.
        truth: (N, K, 2) x, y in the same pixels.
        size_wh: (N, 2) width and height of the crops.

    Example:
        >>> float(normalized_distance([[[30, 40]]], [[[0, 0]]], [[100, 100]])[0, 0])
        0.5
    """
    offset = np.asarray(predicted, np.float64) - np.asarray(truth, np.float64)
    scaled = offset / np.asarray(size_wh, np.float64)[:, None, :]
    return np.asarray(np.hypot(scaled[..., 0], scaled[..., 1]))


def summarize(
    distances: FloatArray, visible: npt.NDArray[np.bool_], thresholds: Sequence[float] = ()
) -> NormalizedErrors:
    """Means over a test set.

    Args:
        distances: (N, K) normalized distances.
        visible: (N, K) which of them count.
        thresholds: (T,) of the percentage of detected landmarks.
    """
    count = visible.sum(axis=0)
    total = np.where(visible, distances, 0.0).sum(axis=0)
    per_landmark = np.divide(total, count, out=np.full(len(count), -1.0), where=count > 0)
    seen = distances[visible]
    detected = [float((seen <= t).mean()) if len(seen) else -1.0 for t in thresholds]
    mean = float(per_landmark[count > 0].mean()) if count.any() else -1.0
    return NormalizedErrors(mean, per_landmark, count, np.array(detected))


@METRICS.register_module()
class NormalizedError(BaseMetric):
    """NE and the percentage of detected landmarks of mmpose estimators.

    Figures: ``NE`` (lower is better), ``NE_<landmark>`` for each landmark that is ever visible,
    ``PDL@<threshold>``. Read from each sample: predicted and true keypoints in image pixels, the
    true ones' visibility (2 visible; others do not count) and the box. Images that two ranks have
    both seen count once.

    Args:
        thresholds: of the percentage of detected landmarks.
        curve: also give the percentages at 0.01, 0.02, ... 0.20 as ``PDL_curve@<threshold>``.
        collect_device: 'cpu' or 'gpu', how the ranks' rows are collected.
        prefix: of the figures' names; None is 'fashion'.
        collect_dir: shared folder for collecting through the CPU.

    Raises:
        EvaluationError: no visible landmark in the whole set; wrong shapes, a box without a size.
    """

    default_prefix = 'fashion'

    def __init__(
        self,
        thresholds: Sequence[float] = (0.05, 0.1, 0.2),
        curve: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.thresholds = tuple(thresholds)
        self.curve = tuple(t / 100 for t in range(1, 21)) if curve else ()

    def process(self, data_batch: object, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep one row of distances a garment, -1 for landmarks that are not visible."""
        for sample in data_samples:
            self.results.append((sample['id'], distances_of_sample(sample)))

    def compute_metrics(self, results: list[tuple[int, FloatArray]]) -> dict[str, float]:
        """Figures of the rows of all ranks."""
        rows = dict(results)  # a garment seen twice counts once
        distances = np.stack(list(rows.values()))
        visible = distances >= 0
        if not visible.any():
            raise EvaluationError(
                f'none of the {len(rows)} garments has a visible landmark: nothing to evaluate. '
                'Fix: check the visibility codes of the annotations (2 must mean visible)'
            )
        errors = summarize(distances, visible, (*self.thresholds, *self.curve))
        print_log(f'{len(rows)} garments, {errors.visible.sum()} visible landmarks', 'current')
        return self._named(errors)

    def _named(self, errors: NormalizedErrors) -> dict[str, float]:
        figures = {'NE': errors.mean}
        for name, value in zip(self._names(len(errors.visible)), errors.per_landmark, strict=True):
            if value >= 0:
                figures[f'NE_{name}'] = float(value)
        names = [f'PDL@{t:g}' for t in self.thresholds]
        names += [f'PDL_curve@{t:g}' for t in self.curve]
        figures.update(zip(names, errors.detected.tolist(), strict=True))
        return figures

    def _names(self, count: int) -> list[str]:
        known = (self.dataset_meta or {}).get('keypoint_id2name', {})
        return [str(known.get(k, k)).replace(' ', '_') for k in range(count)]


def distances_of_sample(sample: Mapping[str, Any]) -> FloatArray:
    """(K,) normalized distances of one garment; -1 where the landmark is not visible.

    Args:
        sample: mmpose's ``PoseDataSample`` as a dict: ``pred_instances.keypoints`` and
            ``gt_instances`` with ``keypoints`` and ``bboxes`` (x1 y1 x2 y2); ``raw_ann_info``
            (one of mmpose's usual meta keys) with ``keypoints`` x, y, v, because mmpose's own
            ``keypoints_visible`` are weights, which no longer tell occluded from visible.

    Raises:
        EvaluationError: shapes that differ, no visibilities, or a box without a size; names the
            image.
    """
    place = str(sample.get('img_path') or f'garment {sample.get("id")}')
    predicted = as_array(sample['pred_instances']['keypoints'])[..., :2]
    truth_instances = sample['gt_instances']
    truth = as_array(truth_instances['keypoints'])[..., :2]
    if predicted.shape != truth.shape or len(truth) != 1:
        raise EvaluationError(
            f'{place}: predicted keypoints have the shape {predicted.shape}, true ones '
            f'{truth.shape}, expected (1, K, 2) for both'
        )
    box = as_array(truth_instances['bboxes']).reshape(-1, 4)
    size_wh = box[:, 2:] - box[:, :2]
    if (size_wh <= 0).any():
        raise EvaluationError(f'{place}: the box {box[0].tolist()} has no size (x1 y1 x2 y2)')
    annotation = sample.get('raw_ann_info') or {}
    visibility = np.asarray(annotation.get('keypoints', []), np.float64).reshape(-1)[2::3]
    if len(visibility) != predicted.shape[1]:
        raise EvaluationError(
            f'{place}: raw_ann_info has {len(visibility)} visibilities for {predicted.shape[1]} '
            "landmarks. Fix: keep 'raw_ann_info' among the meta_keys of PackPoseInputs"
        )
    distance = normalized_distance(predicted, truth, size_wh)[0]
    return np.where(visibility == VISIBLE, distance, -1.0)
