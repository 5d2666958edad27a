# SPDX-License-Identifier: Apache-2.0
"""How long the evaluation takes and how much it holds, beside pycocotools on the same results."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import numpy as np

from deepmark.benchmarks.plain_pycocotools import dense_files, evaluate_dense_files
from deepmark.benchmarks.process_memory import peak_megabytes
from deepmark.benchmarks.synthetic_results import (
    VALIDATION_IMAGES,
    SyntheticResults,
    synthetic_results,
)
from deepmark.evaluation.coco_evaluation import Backend, Evaluator, figures_of
from deepmark.evaluation.engines import Curves
from deepmark.schema import DEEPFASHION2

_REPEATS = 2  # of what takes a second, before pycocotools and again after it
_Result = TypeVar('_Result')


def bench_evaluation(scale: float = 1.0, backend: Backend = 'auto') -> dict[str, float]:
    """Measure boxes, visible landmarks, visible + occluded landmarks, and all slices.

    Args:
        scale: 1 is the validation set's size (32,153 images, 20 detections an image). A tenth of
            ``scale`` is compared with pycocotools.
        backend: of our evaluation.

    Returns:
        ``eval_val_scale_seconds`` (three evaluations and all slices from float32 rows, and how it
        divides into ``_figures_`` and ``_slices_``), ``eval_val_scale_megabytes`` (peak of the
        whole process), ``eval_ours_seconds_tenth``, ``eval_pycocotools_seconds_tenth`` (the three
        evaluations from dense dicts in memory), ``eval_ratio_vs_pycocotools``,
        ``eval_max_difference`` over all figures of these two and all precision curves; how many
        images and detections there were.
    """
    num_images = max(1, round(VALIDATION_IMAGES * scale))
    tenth = max(1, round(num_images / 10))
    measured = _measured_in_own_process(num_images, backend)
    measured.update(compare_with_pycocotools(tenth, backend))
    measured['eval_ratio_vs_pycocotools'] = (
        measured['eval_pycocotools_seconds_tenth'] / measured['eval_ours_seconds_tenth']
    )
    return measured


def measure_evaluator(num_images: int, backend: Backend) -> dict[str, float]:
    """Seconds and peak memory of this process."""
    results = synthetic_results(num_images)
    start = time.perf_counter()
    evaluator = Evaluator(*results, backend=backend)
    evaluator.figures()
    middle = time.perf_counter()
    evaluator.slices()
    end = time.perf_counter()
    return {
        'eval_val_scale_images': len(results.image_ids),
        'eval_val_scale_garments': len(results.truth),
        'eval_val_scale_detections': len(results.detections),
        'eval_val_scale_figures_seconds': middle - start,
        'eval_val_scale_slices_seconds': end - middle,
        'eval_val_scale_seconds': end - start,
        'eval_val_scale_megabytes': peak_megabytes(),
    }


def compare_with_pycocotools(num_images: int, backend: Backend) -> dict[str, float]:
    """Seconds of both, and the largest difference of what they give."""
    results = synthetic_results(num_images, seed=1)
    files = dense_files(*results, DEEPFASHION2)
    runs = [_timed(lambda: _evaluated(results, backend)) for _ in range(_REPEATS)]
    theirs, their_seconds = _timed(lambda: evaluate_dense_files(files, DEEPFASHION2))
    runs += [_timed(lambda: _evaluated(results, backend)) for _ in range(_REPEATS)]
    return {
        'eval_tenth_images': len(results.image_ids),
        'eval_tenth_detections': len(results.detections),
        'eval_ours_seconds_tenth': statistics.median(seconds for _, seconds in runs),
        'eval_pycocotools_seconds_tenth': their_seconds,
        'eval_max_difference': _largest_difference(runs[0][0], theirs),
    }


def _evaluated(results: SyntheticResults, backend: Backend) -> Evaluator:
    evaluator = Evaluator(*results, backend=backend)
    evaluator.figures()
    return evaluator


def _largest_difference(ours: Evaluator, theirs: dict[str, Curves]) -> float:
    differences = []
    for evaluation, figures in ours.figures().items():
        expected = figures_of(evaluation, theirs[evaluation])
        differences += [
            np.abs(np.array(figures[name]) - np.array(expected[name])).max() for name in expected
        ]
        expected_precision = theirs[evaluation].precision[:, :, :, 0, -1]
        differences.append(np.abs(ours.precision(evaluation) - expected_precision).max())
    return float(max(differences))


def _timed(run: Callable[[], _Result]) -> tuple[_Result, float]:
    start = time.perf_counter()
    result = run()
    return result, time.perf_counter() - start


def _measured_in_own_process(num_images: int, backend: Backend) -> dict[str, float]:
    """Measure in a fresh process, so that its peak memory is the evaluation's own."""
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure_evaluator, num_images, backend).result()
