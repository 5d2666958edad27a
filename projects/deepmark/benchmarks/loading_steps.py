# SPDX-License-Identifier: Apache-2.0
"""The steps of :mod:`deepmark.benchmarks.loading`, each for a fresh process."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from torch.utils.data import DataLoader, Subset, get_worker_info

from deepmark.benchmarks.process_memory import peak_megabytes
from deepmark.datasets import DeepFashion2Dataset
from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.fingerprint import fingerprint
from deepmark.datasets.load_packed import load_packed
from deepmark.datasets.processes import MAX_WORKERS, usable_workers

Measured = dict[str, float]

_LOADER_WORKERS = 2
_RECORDS = 50_000  # read by the workers, at most
_BATCH = 500  # weighing takes milliseconds


def build(
    path: Path, cache: Path, workers: int | None = None, photos: Path | None = None
) -> Measured:
    """Read all files and make the cache."""
    source = find_source(path, image_folder=photos)
    before = resident_megabytes()
    start = time.perf_counter()
    loaded = load_packed(source, cache=cache, workers=workers, progress=False)
    seconds = time.perf_counter() - start
    if loaded.cache_file is None or loaded.from_cache:
        raise RuntimeError(f'{cache}: no new cache was made for {path}')
    return {
        'build_seconds': seconds,
        'build_megabytes': peak_megabytes() - before,
        'build_workers': usable_workers(workers, MAX_WORKERS),
        'cache_megabytes': loaded.cache_file.stat().st_size / 1e6,
    }


def load(path: Path, cache: Path, photos: Path | None = None) -> Measured:
    """A data set for training from the cache."""
    before = resident_megabytes()
    start = time.perf_counter()
    dataset = _dataset(path, cache, photos)
    seconds = time.perf_counter() - start
    after = resident_megabytes()
    start = time.perf_counter()
    fingerprint(find_source(path, image_folder=photos))
    return {
        'load_fingerprint_seconds': time.perf_counter() - start,
        'load_seconds': seconds,
        'load_megabytes': after - before,
        'load_images': len(dataset),
        'load_garments': dataset.data_list.packed.num_items,
    }


def read_in_workers(path: Path, cache: Path) -> Measured:
    """What a DataLoader's workers take for themselves while they read records."""
    dataset = _dataset(path, cache, None)
    order = np.random.default_rng(0).permutation(len(dataset))[:_RECORDS].tolist()
    loader: DataLoader[Any] = DataLoader(
        Subset(dataset, order),
        batch_size=_BATCH,
        num_workers=_LOADER_WORKERS,
        collate_fn=_weigh,
    )
    weights: dict[int, list[float]] = {}
    for worker, megabytes in loader:
        weights.setdefault(worker, []).append(megabytes)
    return {'load_worker_megabytes': max(w[-1] - w[0] for w in weights.values())}


def load_with_pycocotools(path: Path) -> Measured:
    """``COCO(path)``, as everybody does it."""
    before = resident_megabytes()
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
    seconds = time.perf_counter() - start
    return {
        'coco_pycocotools_seconds': seconds,
        'coco_pycocotools_megabytes': resident_megabytes() - before,
        'coco_pycocotools_garments': len(coco.anns),
    }


def resident_megabytes() -> float:
    """Memory of this process, what it shares with others included; Linux."""
    return _kilobytes('/proc/self/status', 'VmRSS') * 1024 / 1e6


def own_megabytes() -> float:
    """Memory that only this process has and that is no part of a file; Linux."""
    return _kilobytes('/proc/self/smaps_rollup', 'Private_Dirty') * 1024 / 1e6


def _weigh(records: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    """Called in a worker with a batch: which worker it is, and what it occupies."""
    assert all('instances' in record for record in records)
    worker = get_worker_info()
    return (worker.id if worker else 0), own_megabytes()


def _dataset(path: Path, cache: Path, photos: Path | None) -> DeepFashion2Dataset:
    source = find_source(path, image_folder=photos)
    logging.disable(logging.INFO)
    try:
        return DeepFashion2Dataset(
            ann_file=str(source.annotations),
            data_prefix={'img': str(source.image_folder)},
            with_polygons=True,
            cache=str(cache),
        )
    finally:
        logging.disable(logging.NOTSET)


def _kilobytes(path: str, name: str) -> int:
    found: Any = re.search(rf'^{name}:\s+(\d+) kB$', Path(path).read_text(), re.MULTILINE)
    return int(found.group(1))
