# SPDX-License-Identifier: Apache-2.0
"""Check a split or all splits of a data set; print, and write a JSON report and a picture."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from deepmark.atomic_write import refuse_existing
from deepmark.datasets.annotation_source import AnnotationSource, find_source
from deepmark.datasets.check import CheckReport, check_source, print_report, write_report
from deepmark.datasets.problems import DatasetError
from deepmark.schema import get_schema
from deepmark.visualization.statistics_plot import write_statistics_plot

DEFAULT_OUT = Path('work_dirs') / 'check_dataset'
REPORT_NAME, PLOT_NAME = 'report.json', 'statistics.png'
IMAGE_FOLDER, ANNOTATION_FOLDER = 'image', 'annos'


@dataclass(frozen=True)
class CheckOptions:
    """How to check.

    Args:
        image_folder: the photos, where they do not lie beside the annotations.
        schema: name or file of the categories; DeepFashion2's by default.
        out: folder of the report; by default one below ``work_dirs/check_dataset``.
        open_images: read every image file too.
        workers: processes that read annotations, and threads that read image files.
        max_listed: places printed of each kind.
        overwrite: replace an earlier report.
    """

    image_folder: str | None = None
    schema: str | None = None
    out: str | None = None
    open_images: bool = True
    workers: int | None = None
    max_listed: int = 20
    overwrite: bool = False


def check_dataset(
    path: str | os.PathLike[str],
    options: CheckOptions | None = None,
    console: Console | None = None,
    progress: bool = True,
) -> list[CheckReport]:
    """Check what a path holds, print what was found and write it to files.

    Args:
        path: a split's folder, an annos folder, a COCO file, or a folder of splits.
        options: how.
        console: where to print.
        progress: show bars on standard error.

    Returns:
        One report for each split.

    Raises:
        DatasetError: nothing to read.
        FileExistsError: an earlier report is there and ``overwrite`` is false; nothing was read.
    """
    options, console = options or CheckOptions(), console or Console()
    targets = find_splits(path, options)
    for folder in targets:
        for name in (REPORT_NAME, PLOT_NAME):
            refuse_existing(folder / name, options.overwrite)
    reports, photos = [], dict[bytes, str]()
    for folder, source in targets.items():
        report = check_source(
            source, options.open_images, options.workers, progress, elsewhere=photos
        )
        print_report(report, console, options.max_listed)
        write_report(report, folder / REPORT_NAME, options.overwrite)
        write_statistics_plot(
            folder / PLOT_NAME, report.statistics, report.title, options.overwrite
        )
        for name in (REPORT_NAME, PLOT_NAME):
            console.print(f'written: {folder / name}', markup=False, highlight=False)
        reports.append(report)
    return reports


def find_splits(
    path: str | os.PathLike[str], options: CheckOptions
) -> dict[Path, AnnotationSource]:
    """The splits below a path, each under the folder in which its report belongs.

    Raises:
        DatasetError: nothing to read, or one image folder for several splits.
    """
    root = Path(path)
    splits = [root]
    if root.is_dir() and not _is_split(root):
        splits = sorted(filter(_is_split, root.iterdir())) or splits
    if splits != [root] and options.image_folder:
        raise DatasetError(
            f'{root} holds {len(splits)} splits, which cannot share one image folder. Fix: leave '
            '--images out, or give one split'
        )
    out = Path(options.out) if options.out else DEFAULT_OUT / _report_folder(root)
    if splits == [root]:
        if _is_unannotated(root) and any(root.glob('*.json*')):
            raise DatasetError(
                f"{root}: holds .json files, but no folder 'annos'. Fix: give the COCO file itself"
            )
        return {out: _source_of(root, options)}
    return {out / split.name: _source_of(split, options) for split in splits}


def _report_folder(path: Path) -> Path:
    """``<root>/<split>`` for a split, the name without its endings for a file."""
    path = path.absolute()
    if path.name == ANNOTATION_FOLDER:
        path = path.parent
    if _is_split(path):
        return Path(path.parent.name) / path.name
    return Path(path.name.removesuffix('.gz').removesuffix('.json'))


def _is_split(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in (IMAGE_FOLDER, ANNOTATION_FOLDER))


def _is_unannotated(path: Path) -> bool:
    return _is_split(path) and not (path / ANNOTATION_FOLDER).is_dir()


def _source_of(path: Path, options: CheckOptions) -> AnnotationSource:
    """As :func:`find_source`; a split without annotations gives its photos."""
    if not _is_unannotated(path):
        return find_source(path, options.schema, options.image_folder)
    return AnnotationSource(path / IMAGE_FOLDER, None, get_schema(options.schema))
