# SPDX-License-Identifier: Apache-2.0
"""Boxes written in the other layout: x y w h for x1 y1 x2 y2, or the reverse.

DeepFashion2's own files have corners, its COCO files x y w h; a converter that mixes them up gives
boxes that mostly look possible. The landmarks and the image tell: a reading fits when the box has
a positive size, reaches hardly outside the image and holds the garment's labelled landmarks
(:func:`deepmark.datasets.check.item_checks.enlarged` is the tolerance). A garment counts when
exactly one of the two readings fits it, since near the upper left corner both may.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepmark.datasets.check.findings import CheckKind, Findings, Place, Severity
from deepmark.datasets.check.item_checks import Boxes, Garments, Mask, box_text, enlarged


class LayoutVotes(NamedTuple):
    """What the garments say.

    Attributes:
        as_read: (N,) only the reading of this kind of file fits.
        other: (N,) only the other reading fits.
    """

    as_read: Mask
    other: Mask


def check_box_layout(parts: Sequence[Garments], in_corners: bool, findings: Findings) -> None:
    """Note garments whose box fits in the other layout only; an error when they are the majority.

    Args:
        parts: the usable garments, and those that were left out because of their box.
        in_corners: the files should hold x1 y1 x2 y2 (else x y w h).
        findings: receives one finding at most.
    """
    votes = [layout_votes(garments, in_corners) for garments in parts]
    against = sum(int(vote.as_read.sum()) for vote in votes)
    count = sum(int(vote.other.sum()) for vote in votes)
    expected, seen = ('x1 y1 x2 y2', 'x y w h') if in_corners else ('x y w h', 'x1 y1 x2 y2')
    note = (
        f'{count / max(count + against, 1):.0%} of the {count + against} garments that tell the '
        f'layouts apart look like {seen}; expected is {expected}'
    )
    severity: Severity = 'error' if count > against else 'warning'
    places = chain.from_iterable(
        _places(garments, vote.other, in_corners)
        for garments, vote in zip(parts, votes, strict=True)
    )
    findings.add(CheckKind.BOX_LAYOUT, count, places, note, severity)


def layout_votes(garments: Garments, in_corners: bool) -> LayoutVotes:
    """Which reading fits which garment; garments without labelled landmarks do not vote."""
    boxes = garments.packed.bboxes
    corner, size = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
    other_end = corner + boxes[:, 2:] if in_corners else size
    other = np.concatenate([corner, other_end], axis=1)
    extents = _landmark_extents(garments)
    wh = garments.packed.image_wh[garments.packed.item_images].astype(np.float32)
    read_fits, other_fits = _fits(boxes, extents, wh), _fits(other, extents, wh)
    return LayoutVotes(read_fits & ~other_fits, other_fits & ~read_fits)


def _places(garments: Garments, suspects: Mask, in_corners: bool) -> Iterator[Place]:
    for item in np.flatnonzero(suspects).tolist():
        box = garments.packed.bboxes[item].copy()
        if not in_corners:
            box[2:] -= box[:2]
        yield garments.place(item, garments.box_key, f'{box_text(box)} in the file')


def _fits(boxes: Boxes, extents: Boxes, wh: npt.NDArray[np.float32]) -> Mask:
    images = np.concatenate([np.zeros_like(wh), wh], axis=1)
    sized: Mask = np.all(boxes[:, 2:] > boxes[:, :2], axis=1)
    return sized & _holds(enlarged(images), boxes) & _holds(enlarged(boxes), extents)


def _holds(outer: Boxes, inner: Boxes) -> Mask:
    low: Mask = np.all(inner[:, :2] >= outer[:, :2], axis=1)
    high: Mask = np.all(inner[:, 2:] <= outer[:, 2:], axis=1)
    return low & high


def _landmark_extents(garments: Garments) -> Boxes:
    """(N, 4) box around the labelled landmarks; infinite, so that none holds it, without any."""
    xy = garments.packed.keypoints[garments.labelled, :2]
    items = garments.landmark_items[garments.labelled]
    extents = np.full((garments.packed.num_items, 4), np.inf, dtype=np.float32)
    present = np.unique(items)
    if len(present):
        starts = np.searchsorted(items, present)
        extents[present, :2] = np.minimum.reduceat(xy, starts)
        extents[present, 2:] = np.maximum.reduceat(xy, starts)
    return extents
