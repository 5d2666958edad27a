# SPDX-License-Identifier: Apache-2.0
"""Garments that the reader left out because of their box.

``x y w h`` read as ``x1 y1 x2 y2`` often has a negative size: whoever looks for exchanged layouts
must see these garments too. They are few in a healthy set, so their files are read once more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from deepmark.datasets.annotation_build import locator
from deepmark.datasets.annotation_source import Reader
from deepmark.datasets.check.item_checks import Garments, Mask
from deepmark.datasets.native_reader import NativeReader
from deepmark.datasets.packing import read_result
from deepmark.datasets.problems import Kind, Problem, Problems
from deepmark.datasets.records import PackedRecords
from deepmark.datasets.value_checks import check_values

MAX_IMAGES = 10_000  # enough to see what the files mean
_BOX_KINDS = (Kind.DEGENERATE_BOX, Kind.BOX_OFF_IMAGE)


def left_out_garments(
    reader: Reader, names: Sequence[str], problems: Sequence[Problem]
) -> Garments | None:
    """Read the garments with impossible boxes; None where there are none, and for COCO files.

    Corners read as x y w h have a positive size: nothing is left out there.

    Args:
        reader: of the files.
        names: all photos.
        problems: what the first reading found.
    """
    files = {problem.file for problem in problems if problem.kind in _BOX_KINDS}
    if not files or not isinstance(reader, NativeReader):
        return None
    chosen = [name for name in names if str(reader.annotation_file(name)) in files][:MAX_IMAGES]
    images = reader.read_images(chosen, range(len(chosen))).images
    packed, positions = read_result(images)
    locate = locator(reader, packed, positions)
    usable = check_values(packed, Problems('warn'), locate, reader.keys())
    keep = ~usable & _finite(packed)
    packed, positions = packed.keep_items(keep), positions[keep]
    return Garments(packed, locator(reader, packed, positions), *reader.keys())


def _finite(packed: PackedRecords) -> Mask:
    """(N,) garments whose numbers are finite."""
    good: Mask = np.all(np.isfinite(packed.bboxes), axis=1)
    rows = np.flatnonzero(~np.isfinite(packed.keypoints).all(axis=1))
    good[packed.keypoint_items[rows]] = False
    return good
