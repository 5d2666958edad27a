# SPDX-License-Identifier: Apache-2.0
"""Detections of many images on the disk while a test runs: a result file needs them only once.

Each rank appends to a file of its own, beside the result file and so on a disk that all ranks see.
In memory stays one :class:`SpooledRows` an image, by which rank 0 finds the rows of all ranks.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import weakref
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from deepmark.evaluation.garment_rows import DetectionRows

_NUMBER = np.dtype('<f4')
_OWN_COLUMNS = 6  # label, x y w h, score


@dataclass(frozen=True)
class SpooledRows:
    """Where the detections of an image lie.

    Attributes:
        key: as in :class:`~deepmark.evaluation.sample_rows.SampleRows`.
        image_id: number of the image.
        image_path: the photo, for messages.
        file: the spool file.
        offset: of the first byte in it.
        count: garments.
        points: landmarks of these garments together; -1 when the detector has none.
    """

    key: Hashable
    image_id: int
    image_path: str
    file: str
    offset: int
    count: int
    points: int


class ResultSpool:
    """One rank's file; removed by :meth:`close`, or else when the process ends.

    Args:
        result_file: the file that is made of all spools in the end.
    """

    def __init__(self, result_file: Path) -> None:
        result_file.parent.mkdir(parents=True, exist_ok=True)
        number, self.path = tempfile.mkstemp(
            prefix=f'.{result_file.name}-', suffix='.spool', dir=result_file.parent
        )
        self._file: IO[bytes] = os.fdopen(number, 'wb')
        self._close = weakref.finalize(self, _close, self._file, self.path)

    def add(
        self, key: Hashable, image_id: int, image_path: str, detections: DetectionRows
    ) -> SpooledRows:
        """Write the detections of one image, in float32."""
        parts = [detections.labels, detections.boxes_xywh.ravel(), detections.scores]
        points = -1
        if detections.keypoints is not None:
            points = len(detections.keypoints)
            parts.append(detections.keypoints.ravel())
        offset = self._file.tell()
        self._file.write(np.concatenate(parts).astype(_NUMBER).tobytes())
        return SpooledRows(key, image_id, image_path, self.path, offset, len(detections), points)

    def flush(self) -> None:
        """Bring everything to the disk, for other processes to read."""
        self._file.flush()

    def close(self) -> None:
        """Remove the file."""
        self._close()


def read_spooled(images: Sequence[SpooledRows]) -> Iterator[DetectionRows]:
    """The detections of each image, read when asked for; files are opened once."""
    files: dict[str, IO[bytes]] = {}
    with contextlib.ExitStack() as stack:
        for image in images:
            if image.file not in files:
                files[image.file] = stack.enter_context(Path(image.file).open('rb'))
            yield _rows(files[image.file], image)


def _rows(file: IO[bytes], image: SpooledRows) -> DetectionRows:
    length = _OWN_COLUMNS * image.count + 2 * max(image.points, 0)
    file.seek(image.offset)
    numbers = np.frombuffer(file.read(length * _NUMBER.itemsize), _NUMBER)
    bounds = np.cumsum([image.count, 4 * image.count, image.count])
    labels, boxes, scores, keypoints = np.split(numbers, bounds)
    return DetectionRows(
        image_ids=np.full(image.count, image.image_id, np.int64),
        labels=labels.astype(np.int64),
        boxes_xywh=boxes.reshape(-1, 4),
        scores=scores,
        keypoints=None if image.points < 0 else keypoints.reshape(-1, 2),
    )


def _close(file: IO[bytes], path: str) -> None:
    with contextlib.suppress(OSError):  # a full disk: what is not written yet is not wanted
        file.close()
    Path(path).unlink(missing_ok=True)
