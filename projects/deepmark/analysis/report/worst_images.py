# SPDX-License-Identifier: Apache-2.0
"""The images with the most errors, truth beside prediction; only their photos are read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from deepmark.evaluation.diagnosis import Diagnosis
from deepmark.evaluation.diagnosis.error_breakdown import DETECTION_CLASSES, TRUTH_STATES
from deepmark.evaluation.garment_rows import (
    DetectionRows,
    IntArray,
    TruthRows,
    keypoint_offsets,
)
from deepmark.evaluation.json_layout import TruthFile
from deepmark.schema import LandmarkSchema
from deepmark.visualization.contact_sheet import ContactRow
from deepmark.visualization.garment_drawing import GarmentSet

Image = npt.NDArray[np.uint8]
_NO_PHOTO = 225  # grey of the ground when the photo is not there
_MARGIN = 20  # pixels around the garments when the size is not known


class WorstImage(NamedTuple):
    """One image with its errors in words.

    Attributes:
        image_id: its number.
        file_name: of the photo.
        badness: missed garments plus the scores of the wrong detections.
        problems: one text an error.
        has_photo: False when it is drawn on grey.
        drawing: truth and prediction on the photo.
    """

    image_id: int
    file_name: str
    badness: float
    problems: list[str]
    has_photo: bool
    drawing: ContactRow


def collect_worst(
    count: int,
    truth: TruthFile,
    detections: DetectionRows,
    diagnosis: Diagnosis,
    image_folder: Path | None,
) -> list[WorstImage]:
    """Gather the worst images; those whose photos are not there are drawn on grey.

    Args:
        count: how many at most; images without errors are never among them.
        truth: with names and sizes of the images.
        detections: all of them; those below the diagnosis' threshold are not drawn.
        diagnosis: of the same truth and detections.
        image_folder: of the photos; None when they are not there.
    """
    chosen = diagnosis.worst_images(count).tolist()
    numbers = {image_id: n for n, image_id in enumerate(truth.image_ids.tolist())}
    offsets = (
        keypoint_offsets(truth.rows.labels, diagnosis.schema),
        keypoint_offsets(detections.labels, diagnosis.schema),
    )
    worst = []
    for image_id in chosen:
        true = np.flatnonzero(truth.rows.image_ids == image_id)
        drawn = np.flatnonzero(
            (detections.image_ids == image_id)
            & (detections.scores >= diagnosis.settings.score_threshold)
        )
        sets = (
            _garments(truth.rows, true, offsets[0], diagnosis.schema),
            _garments(detections, drawn, offsets[1], diagnosis.schema),
        )
        problems = _problems(truth.rows, true, detections, drawn, diagnosis)
        number = numbers[image_id]
        name = truth.file_names[number] or f'{image_id:06d}.jpg'
        photo = _read_photo(image_folder, name)
        if photo is not None:
            problems += _size_problem(photo, truth.image_wh[number])
        ground = _grey(truth.image_wh[number], sets) if photo is None else photo
        row = ContactRow(ground, *sets, caption=name)
        badness = diagnosis.image_badness[np.searchsorted(diagnosis.image_ids, image_id)]
        worst.append(WorstImage(image_id, name, float(badness), problems, photo is not None, row))
    return worst


def _problems(
    truth: TruthRows,
    true: IntArray,
    detections: DetectionRows,
    drawn: IntArray,
    diagnosis: Diagnosis,
) -> list[str]:
    """Wrong detections, best scores first, then what was missed."""
    names, errors = diagnosis.schema.class_names, diagnosis.errors
    texts = []
    for row in drawn[np.argsort(-detections.scores[drawn], kind='stable')].tolist():
        kind = errors.detection_class[row]
        if kind > DETECTION_CLASSES.index('correct'):
            title = DETECTION_CLASSES[kind].replace('_', ' ')
            name = names[detections.labels[row]]
            texts.append(f'{title}: {name}, score {detections.scores[row]:.2f}')
    for row in true.tolist():
        if errors.truth_state[row] == TRUTH_STATES.index('missed'):
            texts.append(f'missed: {names[truth.labels[row]]}')
    return texts


def _garments(
    rows: TruthRows | DetectionRows, chosen: IntArray, offsets: IntArray, schema: LandmarkSchema
) -> GarmentSet:
    """What is drawn of the chosen rows."""
    labels, boxes = rows.labels[chosen], rows.boxes_xywh[chosen].astype(np.float64)
    boxes[:, 2:] += boxes[:, :2]
    scores = rows.scores[chosen] if isinstance(rows, DetectionRows) else None
    if rows.keypoints is None:
        return GarmentSet(boxes, labels, scores)
    points = [rows.keypoints[offsets[n] : offsets[n + 1]] for n in chosen.tolist()]
    padded = np.zeros((len(chosen), schema.max_keypoints, 3))
    padded[..., 2] = 2
    packed = np.concatenate([np.zeros((0, rows.keypoints.shape[1])), *points])
    padded[schema.keypoint_valid[labels], : packed.shape[1]] = packed
    return GarmentSet(boxes, labels, scores, padded[..., :2], padded[..., 2].astype(np.int64))


def _read_photo(folder: Path | None, name: str) -> Image | None:
    """(H, W, 3) RGB as annotated, without turning it by its EXIF entry; None without one."""
    if folder is None:
        return None
    path = next((p for p in (folder / name, folder / Path(name).name) if p.is_file()), None)
    if path is None:
        return None
    content = np.frombuffer(path.read_bytes(), np.uint8)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(content, flags) if len(content) else None
    return None if image is None else np.ascontiguousarray(image[..., ::-1])


def _size_problem(photo: Image, wh: IntArray) -> list[str]:
    height, width = photo.shape[:2]
    if not wh.all() or (width, height) == tuple(wh.tolist()):
        return []
    return [f'the photo has {width} x {height} pixels, the truth says {wh[0]} x {wh[1]}']


def _grey(wh: IntArray, sets: tuple[GarmentSet, GarmentSet]) -> Image:
    """An empty ground of the image's size, or as large as the garments reach."""
    reach = np.concatenate([garments.boxes_xyxy[:, 2:] for garments in sets])
    size = wh if wh.all() else np.ceil(reach.max(axis=0, initial=100)) + _MARGIN
    width, height = np.clip(size, 1, 4000).astype(int).tolist()
    return np.full((height, width, 3), _NO_PHOTO, np.uint8)
