# SPDX-License-Identifier: Apache-2.0
"""All that the official figures do not say: landmark errors, confusions, kinds of errors.

One matching serves all parts but the confusion matrix: boxes of the same category, IoU >= .5, in
the order of the scores. Nothing here depends on the engine that computes AP.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from deepmark.evaluation.diagnosis.box_matching import (
    BoxPairs,
    Float64Array,
    Matches,
    match_by_score,
    overlapping_pairs,
)
from deepmark.evaluation.diagnosis.confusion import confusion_matrix
from deepmark.evaluation.diagnosis.error_breakdown import (
    DETECTION_CLASSES,
    NOT_COUNTED,
    TRUTH_STATES,
    ErrorBreakdown,
    break_down,
)
from deepmark.evaluation.diagnosis.landmark_errors import (
    PCK_THRESHOLDS,
    LandmarkErrors,
    landmark_errors,
    normalized_errors,
)
from deepmark.evaluation.diagnosis.matched_landmarks import (
    MatchedLandmarks,
    matched_landmarks,
    matched_similarity,
)
from deepmark.evaluation.diagnosis.score_bins import ScoreBins, score_bins
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import (
    BoolArray,
    DetectionRows,
    IntArray,
    TruthRows,
    check_rows,
    labelled_counts,
)
from deepmark.schema import LandmarkSchema, get_schema


@dataclass(frozen=True)
class DiagnosisSettings:
    """Thresholds; :func:`diagnose` explains them."""

    score_threshold: float
    iou_threshold: float
    background_iou: float
    oks_threshold: float
    normalizer: str
    pck_thresholds: tuple[float, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What went right and wrong.

    Attributes:
        schema: categories.
        settings: as given.
        image_ids: (I,) sorted.
        image_badness: (I,) missed garments plus the scores of the wrong detections.
        errors: kinds of errors.
        confusion: (C + 1, C + 1), row = true, column = detected category, background last.
        scores: of all detections, also those below the score threshold.
        matched_garments: (C,) found garments with labelled landmarks.
        labelled_garments: (C,) garments with labelled landmarks.
        visible: landmark errors over visible landmarks; None when the detector has no landmarks.
        visible_and_occluded: the same over all labelled landmarks.
    """

    schema: LandmarkSchema
    settings: DiagnosisSettings
    image_ids: IntArray
    image_badness: Float64Array
    errors: ErrorBreakdown
    confusion: IntArray
    scores: ScoreBins
    matched_garments: IntArray
    labelled_garments: IntArray
    visible: LandmarkErrors | None
    visible_and_occluded: LandmarkErrors | None

    def worst_images(self, count: int) -> IntArray:
        """Ids of the images with the greatest badness above 0, the worst first."""
        order = np.argsort(-self.image_badness, kind='stable')[:count]
        return self.image_ids[order[self.image_badness[order] > 0]]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers by name; None where nothing was there to count."""
        schema, names = self.schema, (*self.schema.class_names, 'background')
        landmarks: dict[str, Any] = {
            'matched_garments': int(self.matched_garments.sum()),
            'labelled_garments': int(self.labelled_garments.sum()),
        }
        if self.visible is not None and self.visible_and_occluded is not None:
            landmarks['visible'] = self.visible.to_json(schema)
            landmarks['visible_and_occluded'] = self.visible_and_occluded.to_json(schema)
        return {
            'settings': asdict(self.settings),
            'images': len(self.image_ids),
            'errors': self.errors.to_json(schema),
            'confusion_matrix': {'categories': names, 'true_by_row': self.confusion.tolist()},
            'scores': self.scores.to_json(),
            'landmarks': landmarks,
        }


def diagnose(
    truth: TruthRows,
    detections: DetectionRows,
    image_ids: IntArray,
    schema: LandmarkSchema | str | None = None,
    score_threshold: float = 0.3,
    iou_threshold: float = 0.5,
    background_iou: float = 0.1,
    oks_threshold: float = 0.5,
    normalizer: str = 'sqrt_area',
    pck_thresholds: tuple[float, ...] = PCK_THRESHOLDS,
) -> Diagnosis:
    """Examine the detections of a whole set.

    Args:
        truth: true garments.
        detections: detected garments, with or without landmarks.
        image_ids: all images that count.
        schema: categories, landmark counts and sigmas.
        score_threshold: detections below it count only in the scores.
        iou_threshold: of a match.
        background_iou: below it a detection does not lie on a garment at all.
        oks_threshold: a match below it has its landmarks off.
        normalizer: of landmark distances, a key of
            :data:`deepmark.evaluation.diagnosis.landmark_errors.NORMALIZERS`.
        pck_thresholds: of PCK.

    Raises:
        EvaluationError: rows of unequal length, unknown label or image, NaN; an unknown normaliser.
    """
    settings = DiagnosisSettings(
        score_threshold, iou_threshold, background_iou, oks_threshold, normalizer, pck_thresholds
    )
    schema, image_ids = get_schema(schema), np.unique(image_ids)
    _check(truth, detections, image_ids, schema)
    comparison = _compare(truth, detections, settings)
    landmarks = None
    if detections.keypoints is not None:
        landmarks = matched_landmarks(comparison.matches, truth, detections, schema)
    errors = _errors(truth, detections, comparison, landmarks, settings, schema)
    visible, both = _landmark_parts(landmarks, comparison.matches, truth, settings, schema)
    matched, labelled = _labelled_garments(truth, comparison.matches, schema)
    return Diagnosis(
        schema=schema,
        settings=settings,
        image_ids=image_ids,
        image_badness=_badness(truth, detections, errors, image_ids),
        errors=errors,
        confusion=_confusion(truth, detections, comparison, settings, schema),
        scores=comparison.scores,
        matched_garments=matched,
        labelled_garments=labelled,
        visible=visible,
        visible_and_occluded=both,
    )


class _Comparison(NamedTuple):
    """What overlaps and matches: pairs without crowd garments, counted (D,), all scores."""

    pairs: BoxPairs
    matches: Matches
    counted: BoolArray
    scores: ScoreBins


def _compare(
    truth: TruthRows, detections: DetectionRows, settings: DiagnosisSettings
) -> _Comparison:
    iou_threshold = settings.iou_threshold
    pairs = overlapping_pairs(truth, detections, min(settings.background_iou, iou_threshold))
    crowd = truth.crowd[pairs.truth]
    on_crowd = np.zeros(len(detections), np.bool_)
    on_crowd[pairs.detection[crowd & (pairs.overlap >= iou_threshold)]] = True
    pairs = pairs.where(~crowd)
    own = truth.labels[pairs.truth] == detections.labels[pairs.detection]
    near = pairs.overlap >= iou_threshold
    matches = match_by_score(pairs.where(own & near), detections, truth.labels)
    is_found = np.zeros(len(detections), np.bool_)
    is_found[matches.detection] = True
    judged = is_found | ~on_crowd
    scores = score_bins(detections.scores[judged], is_found[judged])
    counted = (detections.scores >= settings.score_threshold) & judged
    good = counted[matches.detection]
    return _Comparison(
        pairs, Matches(matches.detection[good], matches.truth[good]), counted, scores
    )


def _errors(
    truth: TruthRows,
    detections: DetectionRows,
    comparison: _Comparison,
    landmarks: MatchedLandmarks | None,
    settings: DiagnosisSettings,
    schema: LandmarkSchema,
) -> ErrorBreakdown:
    landmarks_off: BoolArray = np.zeros(len(comparison.matches.truth), np.bool_)
    if landmarks is not None:
        similarity = matched_similarity(landmarks, comparison.matches, truth, schema)
        landmarks_off = similarity < settings.oks_threshold
    pairs = comparison.pairs.where(comparison.counted[comparison.pairs.detection])
    return break_down(
        truth, detections, pairs, comparison.matches, landmarks_off,
        comparison.counted, settings.iou_threshold, schema.num_categories,
    )  # fmt: skip


def _confusion(
    truth: TruthRows,
    detections: DetectionRows,
    comparison: _Comparison,
    settings: DiagnosisSettings,
    schema: LandmarkSchema,
) -> IntArray:
    pairs, counted = comparison.pairs, comparison.counted
    chosen = counted[pairs.detection] & (pairs.overlap >= settings.iou_threshold)
    return confusion_matrix(truth, detections, pairs.where(chosen), counted, schema.num_categories)


def _check(
    truth: TruthRows, detections: DetectionRows, image_ids: IntArray, schema: LandmarkSchema
) -> None:
    for title, rows in (('truth', truth), ('detections', detections)):
        check_rows(rows, schema, title)
        unknown = np.setdiff1d(rows.image_ids, image_ids)
        if len(unknown):
            raise EvaluationError(
                f'{title}: image id {unknown[0]} is not among the evaluated images'
            )


def _landmark_parts(
    landmarks: MatchedLandmarks | None,
    matches: Matches,
    truth: TruthRows,
    settings: DiagnosisSettings,
    schema: LandmarkSchema,
) -> list[LandmarkErrors | None]:
    """Errors over visible, and over visible and occluded landmarks."""
    if landmarks is None:
        return [None, None]
    errors = normalized_errors(landmarks, matches, truth, settings.normalizer)
    chosen = (landmarks.visibility == 2, landmarks.visibility > 0)
    return [
        landmark_errors(errors[c], landmarks.slot[c], schema, settings.pck_thresholds)
        for c in chosen
    ]


def _labelled_garments(
    truth: TruthRows, matches: Matches, schema: LandmarkSchema
) -> tuple[IntArray, IntArray]:
    """(C,) found garments and all garments, of those with labelled landmarks."""
    labelled = (labelled_counts(truth, schema) > 0) & ~truth.crowd
    matched = matches.truth[labelled[matches.truth]]
    count = schema.num_categories
    return (
        np.bincount(truth.labels[matched], minlength=count),
        np.bincount(truth.labels[labelled], minlength=count),
    )


def _badness(
    truth: TruthRows, detections: DetectionRows, errors: ErrorBreakdown, image_ids: IntArray
) -> Float64Array:
    correct, missed = DETECTION_CLASSES.index('correct'), TRUTH_STATES.index('missed')
    wrong = ~np.isin(errors.detection_class, (NOT_COUNTED, correct))
    wrong_image = np.searchsorted(image_ids, detections.image_ids[wrong])
    missed_image = np.searchsorted(image_ids, truth.image_ids[errors.truth_state == missed])
    scores = np.bincount(wrong_image, detections.scores[wrong], minlength=len(image_ids))
    return np.asarray(scores + np.bincount(missed_image, minlength=len(image_ids)))
