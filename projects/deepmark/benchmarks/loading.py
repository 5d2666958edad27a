# SPDX-License-Identifier: Apache-2.0
"""How long annotations take to load and what they occupy, beside pycocotools on the same file."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from deepmark.atomic_write import atomic_write
from deepmark.benchmarks.loading_steps import (
    Measured,
    build,
    load,
    load_with_pycocotools,
    read_in_workers,
)
from deepmark.benchmarks.synthetic_annotations import (
    TRAIN_IMAGES,
    TRAIN_ITEMS,
    SyntheticTree,
    make_tree,
)
from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.coco_writer import write_coco
from deepmark.datasets.load_packed import load_packed

PYCOCOTOOLS_ITEMS = 12_739
_REPEATS = 3


def bench_loading(
    folder: str | os.PathLike[str],
    num_images: int = TRAIN_IMAGES,
    pycocotools_items: int = PYCOCOTOOLS_ITEMS,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, float]:
    """Measure a synthetic tree; each step in a process of its own.

    Megabytes are 10^6 bytes of resident memory above what the imports take. All files have just
    been written or read: what a disk takes to find them is not in the figures.

    Args:
        folder: where the trees are made; they are used again the next time.
        num_images: annotation files; DeepFashion2's training split has 191,961.
        pycocotools_items: garments in the file that pycocotools loads, dense as the official one.
        workers: processes for the first build.
        progress: show progress bars on standard error.

    Returns:
        ``load_images``, ``load_garments``; ``load_seconds`` and ``load_megabytes`` of a
        DeepFashion2Dataset from the cache (median), of which ``load_fingerprint_seconds`` look at
        the files; ``load_worker_megabytes``, what a DataLoader's worker takes for itself while it
        reads all records; ``build_seconds``, ``build_megabytes`` (peak), ``build_workers``,
        ``cache_megabytes`` (the file); ``coco_garments``, and for that file
        ``coco_{build,load,pycocotools}_{seconds,megabytes}``; ``load_ratio_vs_pycocotools`` and
        ``load_memory_ratio_vs_pycocotools``, pycocotools divided by ours.
    """
    num_items = max(num_images * TRAIN_ITEMS // TRAIN_IMAGES, 1)
    name = f'train-{num_images}'
    tree = make_tree(Path(folder) / name, SyntheticTree(num_images, num_items), workers, progress)
    cache = Path(folder) / 'cache'
    shutil.rmtree(cache, ignore_errors=True)
    measured = dict(_alone(build, tree, cache, workers))
    measured |= _median_run(load, tree, cache)
    measured |= _alone(read_in_workers, tree, cache)
    return measured | _beside_pycocotools(Path(folder), cache, pycocotools_items, progress)


def _beside_pycocotools(
    folder: Path, cache: Path, num_items: int, progress: bool
) -> dict[str, float]:
    file = folder / f'dense-{num_items}.json'
    if not file.is_file():
        num_images = max(1, num_items * TRAIN_IMAGES // TRAIN_ITEMS)
        tree = SyntheticTree(num_images, num_items, seed=1)
        make_tree(folder / f'small-{num_items}', tree, progress=progress)
        source = find_source(folder / f'small-{num_items}')
        write_coco(file, load_packed(source, cache='off', progress=progress).packed)
        _write_floats(file)
    photos = folder / f'small-{num_items}' / 'image'
    built = _alone(build, file, cache, 1, photos)
    ours = _median_run(load, file, cache, photos)
    theirs = _median_run(load_with_pycocotools, file)
    return {
        'coco_garments': ours['load_garments'],
        'coco_build_seconds': built['build_seconds'],
        'coco_build_megabytes': built['build_megabytes'],
        'coco_load_seconds': ours['load_seconds'],
        'coco_load_megabytes': ours['load_megabytes'],
        **theirs,
        'load_ratio_vs_pycocotools': theirs['coco_pycocotools_seconds'] / ours['load_seconds'],
        'load_memory_ratio_vs_pycocotools': (
            theirs['coco_pycocotools_megabytes'] / max(ours['load_megabytes'], 0.1)
        ),
    }


def _write_floats(file: Path) -> None:
    """Write landmarks as the official converter does: 0.0, which Python keeps as an object each."""
    content = json.loads(file.read_bytes())
    for annotation in content['annotations']:
        annotation['keypoints'] = [float(value) for value in annotation['keypoints']]
    with atomic_write(file, overwrite=True) as out:
        out.write(json.dumps(content).encode())


def _median_run(step: Callable[..., Measured], *arguments: Any) -> Measured:
    """Medians of several runs, figure by figure."""
    runs = [_alone(step, *arguments) for _ in range(_REPEATS)]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _alone(step: Callable[..., Measured], *arguments: Any) -> Measured:
    """Run a step in a fresh process."""
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(step, *arguments).result()
