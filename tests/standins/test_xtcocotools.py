# SPDX-License-Identifier: Apache-2.0
"""The stand-in of xtcocotools: closed-form OKS, own sigmas, use_area, ids of 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from deepmark_standins.finder import is_stand_in

xtcocotools = pytest.importorskip('xtcocotools')
if not is_stand_in(xtcocotools):
    pytest.skip('the real xtcocotools is installed', allow_module_level=True)

from xtcocotools.coco import COCO  # noqa: E402
from xtcocotools.cocoeval import BOX_AREA_TO_SEGMENT_AREA, COCOeval  # noqa: E402

SIGMAS = np.array([0.05, 0.1])
AREA, BOX = 100.0 * 100.0, [0.0, 0.0, 100.0, 100.0]


def coco(annotations: list[dict[str, Any]]) -> COCO:
    data = COCO()
    data.dataset = dict(
        images=[dict(id=1)], categories=[dict(id=1, name='dress')], annotations=annotations
    )
    data.createIndex()
    return data


def truth(**changes: Any) -> dict[str, Any]:
    base = dict(
        id=1, image_id=1, category_id=1, iscrowd=0, area=AREA, bbox=BOX, num_keypoints=2,
        keypoints=[10, 10, 2, 80, 90, 1],
    )  # fmt: skip
    return {**base, **changes}


def detection(keypoints: list[float], score: float = 0.9) -> dict[str, Any]:
    return dict(image_id=1, category_id=1, keypoints=keypoints, score=score)


def evaluate(
    truths: list[dict[str, Any]], detections: list[dict[str, Any]], **options: Any
) -> COCOeval:
    data = coco(truths)
    evaluator = COCOeval(data, data.loadRes(detections), 'keypoints', SIGMAS, **options)
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    return evaluator


def oks(evaluator: COCOeval) -> float:
    return float(evaluator.ious[1, 1][0, 0])


def test_oks_with_own_sigmas_is_the_closed_form() -> None:
    evaluator = evaluate([truth()], [detection([13, 14, 1, 80, 90, 1])])
    # d^2 = 3^2 + 4^2 at the first keypoint, 0 at the second; k = 2 sigma.
    expected = (math.exp(-25 / (2 * AREA * (2 * 0.05) ** 2)) + 1) / 2
    assert oks(evaluator) == pytest.approx(expected, abs=1e-12)
    assert evaluator.stats.shape == (10,)


def test_without_area_the_box_decides() -> None:
    prediction = [detection([13, 14, 1, 80, 90, 1])]
    area = BOX_AREA_TO_SEGMENT_AREA * 100 * 100
    expected = (math.exp(-25 / (2 * area * (2 * 0.05) ** 2)) + 1) / 2
    small = truth(area=1.0)
    assert oks(evaluate([small], prediction, use_area=False)) == pytest.approx(expected, abs=1e-12)
    assert oks(evaluate([small], prediction, use_area=True)) < 0.6
    no_area = truth()
    del no_area['area']
    assert oks(evaluate([no_area], prediction, use_area=False)) == pytest.approx(expected)


def test_sigmas_default_to_those_of_coco() -> None:
    assert COCOeval(iouType='keypoints').sigmas.shape == (17,)


@pytest.mark.parametrize('annotation_id', [0, 1, 7])
def test_a_perfect_detection_scores_one_whatever_the_id(annotation_id: int) -> None:
    evaluator = evaluate([truth(id=annotation_id)], [detection([10, 10, 1, 80, 90, 1])])
    assert evaluator.stats[0] == pytest.approx(1.0)


def test_labels_decide_what_is_ignored_not_the_count() -> None:
    perfect = [detection([10, 10, 1, 80, 90, 1])]
    assert evaluate([truth(num_keypoints=0)], perfect).stats[0] == pytest.approx(1.0)
    unlabelled = truth(keypoints=[10, 10, 0, 80, 90, 0])
    assert evaluate([unlabelled], perfect).stats[0] == -1  # pycocotools' "no truth at all"


def test_a_detection_without_any_score_is_left_out() -> None:
    evaluator = evaluate(
        [truth()], [detection([0, 0, 0, 0, 0, 0], 0.95), detection([10, 10, 1, 80, 90, 1], 0.9)]
    )
    assert evaluator.stats[0] == pytest.approx(1.0)


def test_the_truths_are_not_changed() -> None:
    data = coco([truth(id=0)])
    evaluator = COCOeval(
        data, data.loadRes([detection([10, 10, 1, 80, 90, 1])]), 'keypoints', SIGMAS, False
    )
    evaluator.evaluate()
    assert data.anns[0]['id'] == 0
    assert data.anns[0]['area'] == AREA


def test_types_of_the_real_one_only_are_an_error() -> None:
    with pytest.raises(ValueError, match="'keypoints_crowd' needs the real xtcocotools"):
        COCOeval(iouType='keypoints_crowd')


def test_masks_are_those_of_pycocotools() -> None:
    from xtcocotools import mask

    square = [[1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0]]
    merged = mask.merge(mask.frPyObjects(square, 4, 5))
    assert mask.decode(merged).shape == (4, 5)
    assert int(mask.area(merged)) == 4
