# SPDX-License-Identifier: Apache-2.0
"""Annotations of any source, checked and packed, from the cache where there is one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepmark.datasets.annotation_build import locator
from deepmark.datasets.annotation_cache import load_annotations, load_together
from deepmark.datasets.annotation_source import AnnotationSource
from deepmark.datasets.problems import OnProblem, Problems
from deepmark.datasets.records import PackedRecords


class LoadedAnnotations(NamedTuple):
    """What is in a source.

    Args:
        packed: all images, with the garments that can be used.
        problems: what is wrong with the files.
        from_cache: whether the files were not read.
        positions: (N,) number of the item (native) or index of the annotation (COCO).
        locate: file and key of a garment, by its index, for messages.
        cache_file: the file that ``packed`` is mapped from, if any.
    """

    packed: PackedRecords
    problems: Problems
    from_cache: bool
    positions: npt.NDArray[np.int32]
    locate: Callable[[int], tuple[str, str]]
    cache_file: Path | None = None


def load_packed(
    source: AnnotationSource,
    on_problem: OnProblem = 'error',
    cache: str | os.PathLike[str] = 'auto',
    verify: bool = False,
    workers: int | None = None,
    progress: bool = True,
    together: bool = False,
) -> LoadedAnnotations:
    """Read, check and pack all annotations of a source, or take them from the cache.

    The cache is one file that all processes map into memory. It is keyed by names, sizes and
    modification times of annotations and photos, by the schema and by the version of the format:
    one that does not fit is made anew. Problems are kept in it too.

    Args:
        source: the files.
        on_problem: ``'error'`` raises when the annotations contradict themselves; ``'warn'`` only
            collects. Nothing is logged.
        cache: ``'auto'``: for large sources, beside the data, or in the folder that the
            environment variable DEEPMARK_CACHE names; ``'off'``; or a folder, for any source.
        verify: also compare the contents of the annotation files with those that were read.
        workers: processes that read; None: one for each core, 8 at most.
        progress: show a progress bar on standard error when it takes long.
        together: all ranks of a distributed run call this, and rank 0 makes the cache.

    Raises:
        DatasetError: a source that cannot be read, or problems with ``on_problem='error'``.
    """
    problems = Problems(on_problem)
    load = load_together if together else load_annotations
    loaded = load(source, cache, verify, workers, progress)
    packed, positions = loaded.annotations.packed, loaded.annotations.positions
    problems.extend(loaded.annotations.problems)
    if on_problem == 'error' and problems.has_errors():
        problems.report()
    locate = locator(source.reader(), packed, positions)
    return LoadedAnnotations(packed, problems, loaded.from_cache, positions, locate, loaded.file)
