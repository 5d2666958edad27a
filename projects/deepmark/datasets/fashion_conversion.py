# SPDX-License-Identifier: Apache-2.0
"""Raw lists of FLD or DeepFashion-C to mmpose's COCO-style files, and back without loss."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepmark.atomic_write import refuse_existing
from deepmark.datasets.fashion_checks import check_boxes, find_image_folder, read_sizes
from deepmark.datasets.fashion_coco import SUBSETS, Subset, read_fashion_coco, write_fashion_coco
from deepmark.datasets.fashion_lists import ListFiles, find_lists, read_lists
from deepmark.datasets.fashion_lists_writer import write_lists
from deepmark.datasets.fashion_records import SPLITS, Benchmark, FashionRecords, concatenate
from deepmark.datasets.problems import DatasetError, OnProblem, Problems


def lists_to_coco(
    root: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    benchmark: Benchmark = 'fld',
    subsets: Sequence[Subset] = ('all',),
    on_problem: OnProblem = 'error',
    overwrite: bool = False,
) -> list[Path]:
    """Write ``<benchmark>_<subset>_<split>.json`` for each subset and split that has garments.

    Args:
        root: folder of the benchmark: lists, and images for their sizes.
        out_dir: folder of the files.
        benchmark: begins their names.
        subsets: 'all' types in one file, or 'upper', 'lower', 'full', as mmpose has them.
        on_problem: as for ``FashionLandmarkDataset``.
        overwrite: replace existing files.

    Returns:
        The files.

    Raises:
        DatasetError: the lists or images cannot be used.
        FileExistsError: a file exists and ``overwrite`` is not set; nothing is written then.
    """
    unknown = [subset for subset in subsets if subset not in SUBSETS]
    if unknown:
        raise DatasetError(f'subset {unknown[0]!r}. Fix: take one of {", ".join(SUBSETS)}')
    problems = Problems(on_problem)
    lists = read_lists(find_lists(root), problems)
    sizes = read_sizes(find_image_folder(root, lists.records), lists.records, problems)
    usable = check_boxes(lists.records, problems, lists.locate, sizes)
    problems.report()
    records, sizes = lists.records.take(usable), sizes[usable]
    present = [split for number, split in enumerate(SPLITS) if (records.splits == number).any()]
    targets = {
        (subset, split): Path(out_dir) / f'{benchmark}_{subset}_{split}.json'
        for subset in subsets
        for split in present
    }
    for path in targets.values():
        refuse_existing(path, overwrite)
    for (subset, split), path in targets.items():
        rows = records.splits == SPLITS.index(split)
        write_fashion_coco(path, records.take(rows), sizes[rows], subset, overwrite)
    return list(targets.values())


def coco_to_lists(
    files: Mapping[str, Sequence[str | os.PathLike[str]]],
    root: str | os.PathLike[str],
    name_prefix: str = '',
    on_problem: OnProblem = 'error',
    overwrite: bool = False,
) -> ListFiles:
    """Write the raw lists of COCO-style files.

    Garments are ordered by their ids, which are positions in the lists when the files come from
    :func:`lists_to_coco`. The lists have one garment an image, as the benchmarks do.

    Args:
        files: split to its files, such as those of upper, lower and full body clothes.
        root: where Anno and Eval go.
        name_prefix: put in front of the image names, such as 'img/' for mmpose's own files.
        on_problem: as for ``FashionLandmarkDataset``.
        overwrite: replace existing lists.

    Raises:
        DatasetError: a file cannot be used, or an image is in it twice.
        FileExistsError: a list exists and ``overwrite`` is not set.
    """
    problems = Problems(on_problem)
    parts = [
        read_fashion_coco(path, problems, split).records
        for split in SPLITS
        for path in files.get(split, ())
    ]
    problems.report()
    if not parts:
        raise DatasetError('no COCO-style file given. Fix: name at least one for a split')
    records = concatenate(parts)
    names = [name_prefix.encode() + bytes(name) for name in records.names]
    records = replace(records, names=np.array(names or [b''])[: len(records)])
    _check_one_garment_an_image(records)
    return write_lists(root, records, overwrite)


def _check_one_garment_an_image(records: FashionRecords) -> None:
    _, first, counts = np.unique(records.names, return_index=True, return_counts=True)
    twice = first[counts > 1]
    if len(twice):
        raise DatasetError(
            f'{records.name(int(twice[0]))}: {counts.max()} garments, but the raw lists have one '
            'an image. Fix: give each split and each type of clothes once (all, or upper, lower, '
            'full)'
        )
