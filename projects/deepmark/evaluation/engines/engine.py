# SPDX-License-Identifier: Apache-2.0
"""What goes into an engine and what comes out, and the official rules that every engine keeps.

Rules: at most 100 boxes, 20 garments with landmarks (an image and category); thresholds
.50:.05:.95; truth area = box width x height; stable order at equal scores; detections in images
without truth are false positives; ``iscrowd`` garments and garments without landmarks are ignored.

Legend: T thresholds, R recall steps, C categories in label order, A area ranges, M limits of
detections.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from deepmark.evaluation.garment_rows import BoolArray, DetectionRows, IntArray, TruthRows
from deepmark.schema import LandmarkSchema

Float64Array = npt.NDArray[np.float64]
SlotMode = Literal['official', 'own_slots']

BOXES = 'bbox'
VISIBLE = 'keypoints_visible'
VISIBLE_AND_OCCLUDED = 'keypoints_visible_and_occluded'

_ALL_AREAS = (0.0, 1e10)


@dataclass(frozen=True)
class Rules:
    """The figures' axes: areas in pixels^2 with both ends inside, limits an image and category."""

    iou_type: Literal['bbox', 'keypoints']
    max_dets: tuple[int, ...]
    areas: dict[str, tuple[float, float]]

    def of_slices(self) -> Rules:
        """The axes that a slice has: all areas, the largest limit."""
        return replace(self, max_dets=self.max_dets[-1:], areas={'all': _ALL_AREAS})


IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_STEPS = np.linspace(0, 1, 101)
_MEDIUM, _LARGE = (32.0**2, 96.0**2), (96.0**2, _ALL_AREAS[1])
BOX_RULES = Rules(
    'bbox',
    (1, 10, 100),
    {'all': _ALL_AREAS, 'small': (0.0, 32.0**2), 'medium': _MEDIUM, 'large': _LARGE},
)
KEYPOINT_RULES = Rules('keypoints', (20,), {'all': _ALL_AREAS, 'medium': _MEDIUM, 'large': _LARGE})


def rules_of(evaluation: str) -> Rules:
    """The rules of an evaluation."""
    return BOX_RULES if evaluation == BOXES else KEYPOINT_RULES


class Curves(NamedTuple):
    """What the figures are made of; -1 where there is no truth to find.

    Attributes:
        precision: (T, R, C, A, M) interpolated precision at the recall steps.
        recall: (T, C, A, M) highest recall.
    """

    precision: Float64Array
    recall: Float64Array


class EvaluationInput(NamedTuple):
    """Checked rows; ``image_ids`` are all images that count, also those without truth."""

    truth: TruthRows
    detections: DetectionRows
    image_ids: IntArray
    schema: LandmarkSchema
    slots: SlotMode


class Engine(Protocol):
    """A library fed with one :class:`EvaluationInput`."""

    @property
    def name(self) -> str:
        """Library and version, for reports."""
        ...

    def curves(self, evaluation: str, ignored: BoolArray | None = None) -> Curves:
        """Evaluate.

        Args:
            evaluation: BOXES, VISIBLE or VISIBLE_AND_OCCLUDED.
            ignored: (N,) truth that is neither found nor missed, besides what the rules ignore;
                the curves then have the axes of a slice (``Rules.of_slices``).
        """
        ...
