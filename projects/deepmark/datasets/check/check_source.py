# SPDX-License-Identifier: Apache-2.0
"""Check one split: its annotations by the reader that training uses, and its image files."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL

from deepmark.datasets.annotation_source import AnnotationSource
from deepmark.datasets.check.box_layout import check_box_layout
from deepmark.datasets.check.findings import (
    LISTED_PER_KIND,
    CheckKind,
    Finding,
    Findings,
    Place,
    Severity,
)
from deepmark.datasets.check.image_checks import THREADS, check_images
from deepmark.datasets.check.item_checks import Garments, check_items
from deepmark.datasets.check.left_out import left_out_garments
from deepmark.datasets.check.statistics import Statistics, statistics_of
from deepmark.datasets.load_packed import load_packed
from deepmark.datasets.native_reader import NativeReader
from deepmark.datasets.problems import DatasetError
from deepmark.datasets.records import PackedRecords
from deepmark.version import __version__


@dataclass(frozen=True)
class CheckReport:
    """What was found in one split.

    Args:
        source: what was checked.
        layout: 'native', 'coco' or 'photos'.
        opened_images: whether the image files were read.
        findings: errors first.
        counts: occurrences by severity.
        statistics: of the usable garments.
        seconds: the check took.
    """

    source: AnnotationSource
    layout: str
    opened_images: bool
    findings: list[Finding]
    counts: dict[Severity, int]
    statistics: Statistics
    seconds: float

    @property
    def title(self) -> str:
        """The path that was checked."""
        return str(self.source.annotations or self.source.image_folder)

    @property
    def has_errors(self) -> bool:
        """Whether the data set should not be used as it is."""
        return self.counts['error'] > 0

    def to_dict(self) -> dict[str, Any]:
        """For the JSON report."""
        annotations = self.source.annotations
        return {
            'annotations': None if annotations is None else str(annotations),
            'images': str(self.source.image_folder),
            'layout': self.layout,
            'schema': self.source.schema.name,
            'opened_images': self.opened_images,
            'passed': not self.has_errors,
            'counts': self.counts,
            'findings': [finding.to_dict() for finding in self.findings],
            'statistics': self.statistics.to_dict(),
            'seconds': round(self.seconds, 3),
            'versions': {
                'deepmark': __version__,
                'numpy': np.__version__,
                'pillow': PIL.__version__,
                'python': platform.python_version(),
            },
        }


def check_source(
    source: AnnotationSource,
    open_images: bool = True,
    workers: int | None = None,
    progress: bool = True,
    listed: int = LISTED_PER_KIND,
    elsewhere: dict[bytes, str] | None = None,
) -> CheckReport:
    """Read everything and note what is wrong. Nothing is written.

    Args:
        source: annotations and photos.
        open_images: read every image file too; without it the sizes in a COCO file are believed.
        workers: processes that read annotations, and threads that read image files.
        progress: show bars on standard error.
        listed: places kept of each kind.
        elsewhere: digest and path of the photos of other splits; these are added to it.

    Raises:
        DatasetError: nothing to read, or a COCO file that cannot be read at all.
        JsonFileError: the same.
    """
    start = time.perf_counter()
    loaded = load_packed(source, 'warn', cache='off', workers=workers, progress=progress)
    packed, problems, reader = loaded.packed, loaded.problems.found, source.reader()
    if not packed.num_images and not problems:
        raise DatasetError(
            f'nothing to check (looked for {source.looked_for()}). Fix: give the folder of a '
            'split, the root of a data set, an annos folder, or a COCO file'
        )
    findings, names = Findings(listed), packed.file_name_list()
    findings.add_problems(problems)
    garments = Garments(packed, loaded.locate, *reader.keys())
    native = isinstance(reader, NativeReader)
    left_out = left_out_garments(reader, names, problems)
    check_box_layout([g for g in (garments, left_out) if g is not None], native, findings)
    check_items(garments, findings)
    _check_presence(source, packed, findings)
    if open_images:
        threads = workers or THREADS
        folder, sizes = source.image_folder, packed.image_wh
        check_images(folder, names, sizes, findings, threads, progress, elsewhere)
    return CheckReport(
        source=source,
        layout='photos' if source.annotations is None else 'native' if native else 'coco',
        opened_images=open_images,
        findings=findings.ordered(),
        counts=findings.counts(),
        statistics=statistics_of(packed, source.schema),
        seconds=time.perf_counter() - start,
    )


def _check_presence(source: AnnotationSource, usable: PackedRecords, findings: Findings) -> None:
    if source.annotations is None:
        place = Place(str(source.image_folder))
        findings.add(CheckKind.NO_ANNOTATIONS, usable.num_images, [place])
        unread = sorted(source.image_folder.parent.glob('*.json*'))
        findings.add(CheckKind.JSON_NOT_READ, len(unread), [Place(str(file)) for file in unread])
    elif not usable.num_items:
        findings.add(CheckKind.NOTHING_USABLE, 1, [Place(str(source.annotations))])
