# SPDX-License-Identifier: Apache-2.0
"""Write generated images as a DeepFashion2 tree, in parallel and all or nothing.

``<out>/<split>/image/000001.jpg`` and ``<out>/<split>/annos/000001.json``, plus
``<out>/<split>/garments.json``, which says how the split was made. A split is written under a
temporary name beside its place and moved there when it is complete.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .config import GarmentConfig, GarmentError
from .scene import render_scene

GENERATOR_VERSION = 1
"""Raised whenever the same seed would give other pictures."""
MANIFEST = 'garments.json'
_Job = tuple[str, str, int, int, GarmentConfig]


def make_garments(
    out_dir: str | os.PathLike[str],
    split: str,
    count: int,
    config: GarmentConfig | None = None,
    seed: int = 0,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Write a split of generated garments.

    Image i depends only on seed, split, i and config: the files are the same for any ``workers``.

    Args:
        out_dir: Root of the data set.
        split: 'train', 'validation', ...; the name of the folder.
        count: Number of images.
        config: Settings.
        seed: Seed of the data set.
        workers: Processes; None takes one per core, 0 and 1 stay in this process.
        overwrite: Replace an existing split.
        progress: Show a progress bar (on standard error).

    Returns:
        The folder of the split.

    Raises:
        FileExistsError: the split exists and ``overwrite`` is not set.
        GarmentError: ``count`` is not positive, or ``split`` is not a plain folder name.
    """
    config = config or GarmentConfig()
    if count < 1:
        raise GarmentError(f'count is {count}: at least one image must be made')
    if not split or Path(split).name != split:
        raise GarmentError(f'split is {split!r}: expected a plain folder name')
    target = Path(out_dir) / split
    if target.exists() and not overwrite:
        raise FileExistsError(f'{target} exists: give --overwrite (overwrite=True) to replace it')
    partial = Path(out_dir) / f'.{split}.partial'
    shutil.rmtree(partial, ignore_errors=True)
    for folder in ('image', 'annos'):
        (partial / folder).mkdir(parents=True)
    jobs = [(str(partial), split, seed, i, config) for i in range(1, count + 1)]
    _run(jobs, workers, split, progress)
    manifest = describe(split, count, config, seed)
    (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + '\n', encoding='utf-8')
    _move_into_place(partial, target)
    return target


def describe(split: str, count: int, config: GarmentConfig, seed: int) -> dict[str, Any]:
    """What determines the content of a split; stored beside it."""
    settings = json.loads(json.dumps(asdict(config)))
    return {
        "generator_version": GENERATOR_VERSION, "split": split, "count": count, "seed": seed,
        "config": settings,
    }  # fmt: skip


def is_current(
    out_dir: str | os.PathLike[str],
    split: str,
    count: int,
    config: GarmentConfig | None = None,
    seed: int = 0,
) -> bool:
    """Whether a complete split made with the same arguments is already there."""
    path = Path(out_dir) / split / MANIFEST
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return bool(found == describe(split, count, config or GarmentConfig(), seed))


def _run(jobs: list[_Job], workers: int | None, split: str, progress: bool) -> None:
    """Work through the jobs, showing a bar."""
    workers = min(os.cpu_count() or 1 if workers is None else max(workers, 1), len(jobs))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())  # fmt: skip
    bar = Progress(*columns, disable=not progress, console=Console(stderr=True))
    with _results(jobs, workers) as done, bar:
        task = bar.add_task(f'garments ({split})', total=len(jobs))
        for _ in done:
            bar.advance(task)


@contextmanager
def _results(jobs: list[_Job], workers: int) -> Iterator[Iterator[None]]:
    """Run the jobs in this process or in a pool.

    Forked workers start at once (spawned ones import the whole package anew), but they inherit
    OpenCV's thread pool without its threads and would wait for it for ever: the pool is therefore
    switched off before the fork. The progress bar's thread starts after the fork.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        if workers == 1:
            yield map(_write_image, jobs)
            return
        context = multiprocessing.get_context('fork' if sys.platform == 'linux' else 'spawn')
        with context.Pool(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
            yield pool.imap_unordered(_write_image, jobs, chunksize=8)
    finally:
        cv2.setNumThreads(threads)


def _write_image(job: _Job) -> None:
    """Draw one image and write its two files."""
    folder, split, seed, index, config = job
    image, annotation = render_scene(seed, index, split, config)
    low, high = config.jpeg_quality
    quality = int(np.random.default_rng([seed, index]).integers(low, high + 1))
    path = Path(folder) / 'image' / f'{index:06d}.jpg'
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, quality]):
        raise OSError(f'cannot write {path}')
    text = json.dumps(annotation, separators=(',', ':'))
    (Path(folder) / 'annos' / f'{index:06d}.json').write_text(text, encoding='utf-8')


def _move_into_place(partial: Path, target: Path) -> None:
    """Put the finished folder in its place, the old one aside until that is done."""
    old = target.with_name(f'.{target.name}.old')
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    partial.replace(target)
    shutil.rmtree(old, ignore_errors=True)
