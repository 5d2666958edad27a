# SPDX-License-Identifier: Apache-2.0
"""How fast the training pipeline delivers images, and where its time goes.

Four ways take turns, block by block, in one process with one thread, as in a DataLoader's worker:
decoding alone, decoding and one warp to the input size, the pipeline of a config, and mmpose's
bottom-up pipeline. What counts is the thread's processor time, which is the time on the clock as
long as nobody else wants the processor, and of each photo the median over the rounds: so what else
the machine does favours no way. Last, the pipeline runs in a DataLoader, by the clock.
"""

from __future__ import annotations

import re
import statistics
import time
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from torch.utils.data import ConcatDataset, DataLoader

from deepmark.benchmarks.mmpose_bottom_up import BottomUpDataset
from deepmark.datasets import DeepFashion2Dataset
from deepmark.datasets.garments import GarmentConfig, is_current, make_garments
from deepmark.datasets.transforms.warp_matrix import fit_warp
from deepmark.progress import show_progress

# Squares of as many pixels as 468x624, 640x960, 750x750, 750x1000 and 800x1200.
PHOTO_SIDES = (540, 784, 750, 866, 980)
JPEG_QUALITY = 90
BLOCK = 20  # photos that one way works through before the next has its turn
BATCH = 8

Way = Callable[[int], object]
Seconds = npt.NDArray[np.float64]  # (photos,) of one round


class StepClock:
    """The pipeline's transforms one by one, each timed.

    Attributes:
        seconds: by transform, one entry for each call.
    """

    def __init__(self, data: ConcatDataset[Any]) -> None:
        self._data = data
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def __call__(self, index: int) -> None:
        """Run the pipeline on one photo."""
        dataset, position = _locate(self._data, index)
        clock = time.thread_time()
        results = dataset.get_data_info(position)
        clock = self._note('record', clock)
        for transform in dataset.pipeline.transforms:
            results = transform(results)
            clock = self._note(snake_case(type(transform).__name__), clock)

    def milliseconds(self, rounds: int) -> dict[str, float]:
        """Milliseconds an image, by transform."""
        return {
            step: 1e3 * typical(np.reshape(values, (rounds, -1)))
            for step, values in self.seconds.items()
        }

    def _note(self, step: str, start: float) -> float:
        end = time.thread_time()
        self.seconds[step].append(end - start)
        return end


def bench_loader(
    folder: str | Path,
    pipeline: Sequence[Mapping[str, Any]],
    input_size: tuple[int, int] = (512, 512),
    photos: int = 200,
    rounds: int = 5,
    workers: int = 2,
) -> dict[str, float]:
    """Measure a training pipeline.

    Args:
        folder: where generated photos are kept; they are made once.
        pipeline: the config's training pipeline.
        input_size: (width, height) of its images.
        photos: how many to use; rounded up to a multiple of the number of photo sizes.
        rounds: how often each photo is loaded in every way.
        workers: of the DataLoader.

    Returns:
        ``loader_ratio_vs_decode`` and ``loader_ratio_vs_mmpose`` (time of the pipeline by that of
        decoding and one warp, and of mmpose's), images per second of every way
        (``loader_images_per_second`` is the DataLoader's), and ``loader_ms_*`` of every step.
    """
    with _as_in_a_worker():
        data = _photos(Path(folder), photos, pipeline)
        clock = StepClock(data)
        ways = _rivals(data, input_size) | {'pipeline': data.__getitem__, 'steps': clock}
        _run_block(ways, range(min(len(data), BLOCK)))  # imports, first allocations
        clock.seconds.clear()
        turns = show_progress(range(rounds), 'loading photos', total=rounds)
        seconds = [_round(ways, len(data)) for _ in turns]
        figures = _figures(seconds)
        figures |= {f'loader_ms_{key}': ms for key, ms in clock.milliseconds(rounds).items()}
        figures['loader_images_per_second'] = _loader_speed(data, workers, min(rounds, 3))
    return figures


def snake_case(name: str) -> str:
    """A class name in lower case.

    Example:
        >>> snake_case('RandomCenterCropScale')
        'random_center_crop_scale'
    """
    return re.sub(r'(?<!^)(?=[A-Z])', '_', name).lower()


def _photos(folder: Path, count: int, pipeline: Sequence[Mapping[str, Any]]) -> ConcatDataset[Any]:
    """One data set for each size, all with the same number of photos."""
    share = -(-count // len(PHOTO_SIDES))
    datasets = []
    for side in PHOTO_SIDES:
        split = f'side{side}'
        config = GarmentConfig(size=side, jpeg_quality=(JPEG_QUALITY, JPEG_QUALITY))
        if not is_current(folder, split, share, config):
            make_garments(folder, split, share, config, overwrite=True)
        datasets.append(
            DeepFashion2Dataset(data_root=str(folder), split=split, pipeline=list(pipeline))
        )
    return ConcatDataset(datasets)


def _rivals(data: ConcatDataset[Any], input_size: tuple[int, int]) -> dict[str, Way]:
    """The ways that the pipeline is compared with."""
    located = [_locate(data, index) for index in range(len(data))]
    records = [dataset.get_data_info(position) for dataset, position in located]
    paths = [record['img_path'] for record in records]
    matrices = [fit_warp((record['width'], record['height']), input_size) for record in records]
    bottom_up = BottomUpDataset(records, located[0][0].schema, input_size)

    def decode_and_warp(index: int) -> object:
        image: Any = cv2.imread(paths[index])
        return cv2.warpAffine(image, matrices[index], input_size, flags=cv2.INTER_LINEAR)

    return {
        'decode': lambda index: cv2.imread(paths[index]),
        'decode_and_warp': decode_and_warp,
        'mmpose_bottom_up': bottom_up.__getitem__,
    }


def _locate(data: ConcatDataset[Any], index: int) -> tuple[Any, int]:
    """The data set that holds a photo, and its number there."""
    number = int(np.searchsorted(data.cumulative_sizes, index, side='right'))
    return data.datasets[number], index - (data.cumulative_sizes[number - 1] if number else 0)


def _round(ways: Mapping[str, Way], count: int) -> dict[str, Seconds]:
    """Time of each photo in every way; the ways take turns, and turns at being first."""
    order = np.random.default_rng(0).permutation(count).tolist()  # all sizes in each block
    blocks, queue = [], deque(ways)
    for start in range(0, count, BLOCK):
        turns = {name: ways[name] for name in queue}
        blocks.append(_run_block(turns, order[start : start + BLOCK]))
        queue.rotate()
    return {name: np.concatenate([block[name] for block in blocks]) for name in ways}


def _run_block(ways: Mapping[str, Way], photos: Sequence[int]) -> dict[str, Seconds]:
    seconds = {}
    for name, way in ways.items():
        clock = [time.thread_time()]
        for photo in photos:
            way(photo)
            clock.append(time.thread_time())
        seconds[name] = np.diff(clock)
    return seconds


def typical(seconds: npt.NDArray[np.float64] | Sequence[Any]) -> float:
    """Mean over the photos of each one's median over the rounds, from (rounds, photos).

    Example:
        >>> typical([[1.0, 5.0], [2.0, 5.0], [90.0, 5.0]])
        3.5
    """
    return float(np.median(seconds, axis=0).mean())


def _figures(rounds: Sequence[Mapping[str, Seconds]]) -> dict[str, float]:
    seconds = {way: typical([each[way] for each in rounds]) for way in rounds[0]}
    return {
        'loader_ratio_vs_decode': seconds['pipeline'] / seconds['decode_and_warp'],
        'loader_ratio_vs_mmpose': seconds['pipeline'] / seconds['mmpose_bottom_up'],
        'loader_images_per_second_one_process': 1 / seconds['pipeline'],
        'decode_images_per_second': 1 / seconds['decode'],
        'decode_and_warp_images_per_second': 1 / seconds['decode_and_warp'],
        'mmpose_bottom_up_images_per_second': 1 / seconds['mmpose_bottom_up'],
    }


def _loader_speed(data: ConcatDataset[Any], workers: int, rounds: int) -> float:
    """Images per second of a DataLoader, median of the rounds after a first one."""
    loader = DataLoader(
        data,
        batch_size=BATCH,
        shuffle=True,
        num_workers=workers,
        collate_fn=pseudo_collate,
        persistent_workers=workers > 0,
    )
    speeds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        images = sum(len(batch['inputs']) for batch in loader)
        speeds.append(images / (time.perf_counter() - start))
    return statistics.median(speeds[1:])


@contextmanager
def _as_in_a_worker() -> Iterator[None]:
    """No threads of OpenCV's or PyTorch's, and mmdet's scope; mmpose's warnings are kept quiet."""
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        with DefaultScope.overwrite_default_scope('mmdet'), warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='The shape of value will convert')
            yield
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
