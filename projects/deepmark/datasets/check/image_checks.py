# SPDX-License-Identifier: Apache-2.0
"""Checks of the image files: header, size, end of the JPEG data, equal files. No pixel is decoded.

The files are read by threads: most of the time is spent waiting for the disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepmark.datasets.check.findings import CheckKind, Findings, Place
from deepmark.datasets.image_size import read_image_size
from deepmark.datasets.problems import Kind
from deepmark.datasets.transforms.load_image import is_truncated_jpeg
from deepmark.progress import show_progress

THREADS = 8
_DIGEST_BYTES = 16
_BATCH = 4096  # names handed to the threads at a time, so that Ctrl-C is prompt


@dataclass(frozen=True)
class ImageFacts:
    """What a file says about itself.

    Args:
        size: width and height as the loader sees them; None when the header cannot be read.
        error: why not.
        truncated: a JPEG stream without its end.
        digest: hash of the bytes; empty when the file cannot be opened.
    """

    size: tuple[int, int] | None
    error: str = ''
    truncated: bool = False
    digest: bytes = b''


def check_images(
    folder: Path,
    names: Sequence[str],
    image_wh: npt.NDArray[np.int32],
    findings: Findings,
    workers: int = THREADS,
    progress: bool = True,
    elsewhere: dict[bytes, str] | None = None,
) -> None:
    """Read every image file and note what is wrong with it.

    Args:
        folder: in front of the names.
        names: file names.
        image_wh: (I, 2) annotated width and height.
        findings: receives what is wrong.
        workers: threads.
        progress: show a bar on standard error.
        elsewhere: digest and path of the photos of other splits; these are added to it.
    """
    elsewhere = {} if elsewhere is None else elsewhere
    first: dict[bytes, str] = {}
    facts = _read_all(folder, names, workers)
    shown = show_progress(facts, 'reading images', len(names), progress)
    for name, annotated, fact in zip(names, image_wh.tolist(), shown, strict=True):
        file = str(folder / name)
        if fact.size is None:
            findings.add(Kind.UNREADABLE_IMAGE, 1, [Place(file, '', fact.error)])
        elif list(fact.size) != annotated:
            detail = '{} x {}, annotated {} x {}'.format(*fact.size, *annotated)
            findings.add(CheckKind.IMAGE_SIZE, 1, [Place(file, '', detail)])
        if fact.truncated:
            findings.add(CheckKind.TRUNCATED_IMAGE, 1, [Place(file)])
        twin = first.setdefault(fact.digest, name) if fact.digest else name
        if twin != name:
            findings.add(CheckKind.SAME_PHOTO, 1, [Place(file, '', f'same bytes as {twin}')])
        elif fact.digest in elsewhere:
            detail = f'same bytes as {elsewhere[fact.digest]}'
            findings.add(CheckKind.PHOTO_IN_TWO_SPLITS, 1, [Place(file, '', detail)])
    for digest, name in first.items():
        elsewhere.setdefault(digest, str(folder / name))


def read_image_facts(path: Path) -> ImageFacts:
    """Read one file. An OSError becomes a fact."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return ImageFacts(None, str(error.strerror or error))
    if not content:
        return ImageFacts(None, 'the file is empty')
    digest = hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
    truncated = is_truncated_jpeg(content)
    try:
        return ImageFacts(read_image_size(path), '', truncated, digest)
    except OSError:
        return ImageFacts(None, 'no image that Pillow knows', truncated, digest)


def _read_all(folder: Path, names: Sequence[str], workers: int) -> Iterator[ImageFacts]:
    with ThreadPoolExecutor(workers) as threads:
        for start in range(0, len(names), _BATCH):
            paths = [folder / name for name in names[start : start + _BATCH]]
            yield from threads.map(read_image_facts, paths)
