# SPDX-License-Identifier: Apache-2.0
"""What is wrong with each detection, and which garments nobody found.

Every detection is put into exactly one class, the first of these that fits (matches are those of
the same category):

- correct: matched, and OKS >= .5 (or there are no landmarks to compare).
- landmarks_off: matched, but OKS < .5.
- duplicate: IoU >= .5 with a garment of its category that a better detection has taken.
- box_off: .1 <= IoU < .5 with a garment of its category.
- wrong_category: IoU >= .5 with a garment of another category.
- wrong_category_and_box: .1 <= IoU < .5 with a garment of another category.
- background: IoU < .1 with every garment.

Every true garment is found (matched), or misjudged (a box_off or wrong_category detection lies on
it), or missed. Crowd garments are not counted; nor is an unmatched detection that lies on one.

Source: TIDE (Bolya et al., ECCV 2020, arXiv 2008.08115), section 2.2, with the landmarks added.
Deviation: TIDE asks for duplicates last; here a second detection of a coat stays a duplicate when
the shirt below has nearly the same box, as garments often do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deepmark.evaluation.diagnosis.box_matching import BoxPairs, Matches
from deepmark.evaluation.garment_rows import BoolArray, DetectionRows, IntArray, TruthRows
from deepmark.schema import LandmarkSchema

DETECTION_CLASSES = (
    'correct',
    'landmarks_off',
    'wrong_category',
    'box_off',
    'wrong_category_and_box',
    'duplicate',
    'background',
)
TRUTH_STATES = ('found', 'misjudged', 'missed')
NOT_COUNTED = -1
_CLASS = {name: number for number, name in enumerate(DETECTION_CLASSES)}
_STATE = {name: number for number, name in enumerate(TRUTH_STATES)}
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class ErrorBreakdown:
    """Classes of detections and states of garments, :data:`NOT_COUNTED` for those left out.

    Attributes:
        detection_class: (D,) number in :data:`DETECTION_CLASSES`.
        truth_state: (G,) number in :data:`TRUTH_STATES`.
        detections: (C, 7) counts by detected category.
        truths: (C, 3) counts by true category.
    """

    detection_class: Codes
    truth_state: Codes
    detections: IntArray
    truths: IntArray

    def to_json(self, schema: LandmarkSchema) -> dict[str, Any]:
        """Counts by name, overall and per category."""

        def entry(detected: IntArray, true: IntArray) -> dict[str, dict[str, int]]:
            return {
                'detections': dict(zip(DETECTION_CLASSES, detected.tolist(), strict=True)),
                'garments': dict(zip(TRUTH_STATES, true.tolist(), strict=True)),
            }

        rows = zip(schema.class_names, self.detections, self.truths, strict=True)
        return {
            'overall': entry(self.detections.sum(axis=0), self.truths.sum(axis=0)),
            'per_category': {name: entry(*counts) for name, *counts in rows},
        }


def break_down(
    truth: TruthRows,
    detections: DetectionRows,
    pairs: BoxPairs,
    matches: Matches,
    landmarks_off: BoolArray,
    counted: BoolArray,
    iou_threshold: float,
    num_categories: int,
) -> ErrorBreakdown:
    """Put detections and garments into their classes.

    Args:
        truth: true garments.
        detections: detected garments.
        pairs: of counted detections and garments that are no crowd, overlapping by at least .1.
        matches: those of the same category.
        landmarks_off: (M,) matches with a low OKS.
        counted: (D,) detections that count: good enough, and not on a crowd garment.
        iou_threshold: of a match.
        num_categories: C.
    """
    own = truth.labels[pairs.truth] == detections.labels[pairs.detection]
    near = pairs.overlap >= iou_threshold
    code = np.full(len(detections), NOT_COUNTED, np.int8)
    code[counted] = _CLASS['background']
    # from the weakest to the strongest claim: what is written later stands
    code[pairs.detection[~own]] = _CLASS['wrong_category_and_box']
    code[pairs.detection[~own & near]] = _CLASS['wrong_category']
    code[pairs.detection[own]] = _CLASS['box_off']
    code[pairs.detection[own & near]] = _CLASS['duplicate']
    code[matches.detection] = np.where(landmarks_off, _CLASS['landmarks_off'], _CLASS['correct'])
    state = _truth_states(truth, pairs, own, near, code)
    state[matches.truth] = _STATE['found']
    return ErrorBreakdown(
        detection_class=code,
        truth_state=state,
        detections=_table(detections.labels, code, num_categories, len(DETECTION_CLASSES)),
        truths=_table(truth.labels, state, num_categories, len(TRUTH_STATES)),
    )


def _truth_states(
    truth: TruthRows, pairs: BoxPairs, own: BoolArray, near: BoolArray, code: Codes
) -> Codes:
    """(G,) misjudged or missed; the best overlap of its kind decides which garment is meant."""
    state = np.full(len(truth), _STATE['missed'], np.int8)
    state[truth.crowd] = NOT_COUNTED
    for name, kind in (('box_off', own), ('wrong_category', ~own & near)):
        meant = pairs.where(kind & (code[pairs.detection] == _CLASS[name]))
        best = np.lexsort((-meant.overlap, meant.detection))
        _, first = np.unique(meant.detection[best], return_index=True)
        state[meant.truth[best][first]] = _STATE['misjudged']
    return state


def _table(labels: IntArray, codes: Codes, rows: int, columns: int) -> IntArray:
    counted = codes != NOT_COUNTED
    cell = labels[counted] * columns + codes[counted]
    return np.bincount(cell, minlength=rows * columns).reshape(rows, columns)
