# SPDX-License-Identifier: Apache-2.0
"""Samples of mmpose's top-down estimators in the metric."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement, InstanceData

from deepmark.evaluation import DeepFashion2Metric
from deepmark.evaluation.pose_sample_rows import is_pose_sample, rows_of_pose_sample
from deepmark.schema import DEEPFASHION2

SCHEMA = DEEPFASHION2
FIRST = 182  # slot of the skirt's first landmark; it has 8
OWN = np.array([(10.0 * k, 20.0) for k in range(8)])


def skirt_sample(number: int = 0, image_id: int = 1, shift: float = 0, **meta: Any) -> Any:
    """A skirt in the box 100 x 50 at (0, 0) as an estimator gives it, in slots; others score .9."""
    keypoints = np.full((1, 294, 2), 7.0, np.float32)
    keypoints[0, FIRST : FIRST + 8] = OWN + shift
    scores = np.full((1, 294), 0.9, np.float32)
    scores[0, FIRST : FIRST + 8] = [0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.75, -3.0]
    metainfo = dict(id=number, img_id=image_id, category_id=9, img_path=f'{image_id:06d}.jpg')
    sample = BaseDataElement(metainfo={**metainfo, **meta})
    sample.pred_instances = InstanceData(
        bboxes=np.array([[0, 0, 100, 50]], np.float32),
        bbox_scores=np.array([0.8], np.float32),
        keypoints=keypoints,
        keypoint_scores=scores,
    )
    return sample


def truth_file(folder: Path, image_ids: tuple[int, ...], skirts: tuple[int, ...]) -> str:
    """The official layout: a skirt with all landmarks visible on some of the images."""
    dense = np.zeros((294, 3))
    dense[FIRST : FIRST + 8, :2], dense[FIRST : FIRST + 8, 2] = OWN, 2
    annotations = [
        {
            'id': number,
            'image_id': image_id,
            'category_id': 9,
            'bbox': [0, 0, 100, 50],
            'area': 5000,
            'iscrowd': 0,
            'num_keypoints': 8,
            'keypoints': dense.ravel().tolist(),
        }
        for number, image_id in enumerate(skirts, 1)
    ]
    images = [
        {'id': i, 'file_name': f'{i:06d}.jpg', 'width': 200, 'height': 100} for i in image_ids
    ]
    categories = [{'id': c.category_id, 'name': c.name} for c in SCHEMA.categories]
    path = folder / 'truth.json'
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    path.write_text(json.dumps(content))
    return str(path)


class TestRows:
    def test_own_landmarks_and_box(self) -> None:
        rows = rows_of_pose_sample(skirt_sample(3).to_dict(), SCHEMA)
        assert (rows.key, rows.image_id, rows.image_path) == ((1, 3), 1, '000001.jpg')
        assert rows.truth is None
        assert rows.detections.labels.tolist() == [8]
        assert rows.detections.boxes_xywh.tolist() == [[0, 0, 100, 50]]
        assert rows.detections.keypoints is not None
        assert rows.detections.keypoints.tolist() == OWN.tolist()

    def test_score(self) -> None:
        sample = skirt_sample().to_dict()
        # (4 x .5 + 2 x .25 + .75 + 0) / 8 = .40625; the other categories' .9 do not count
        rescored = rows_of_pose_sample(sample, SCHEMA).detections.scores
        np.testing.assert_allclose(rescored, [0.8 * 0.40625])
        plain = rows_of_pose_sample(sample, SCHEMA, 'bbox').detections.scores
        np.testing.assert_allclose(plain, [0.8])

    def test_a_detector_is_no_estimator(self) -> None:
        assert is_pose_sample(skirt_sample().to_dict())
        assert not is_pose_sample({'pred_instances': {'scores': [], 'bboxes': []}})

    @pytest.mark.parametrize(
        ('key', 'value', 'message'),
        [
            ('keypoints', np.zeros((1, 17, 2)), r'000001\.jpg: .*\(1, 17, 2\).*\(1, 294, 2\)'),
            ('bbox_scores', np.array([np.nan]), r'000001\.jpg: .*scores holds NaN'),
        ],
    )
    def test_wrong_predictions(self, key: str, value: Any, message: str) -> None:
        sample = skirt_sample().to_dict()
        sample['pred_instances'][key] = value
        with pytest.raises(ValueError, match=message):
            rows_of_pose_sample(sample, SCHEMA)

    def test_missing_meta_key(self) -> None:
        sample = skirt_sample().to_dict()
        del sample['category_id']
        with pytest.raises(ValueError, match=r'no category_id\. Fix: .*PackPoseInputs'):
            rows_of_pose_sample(sample, SCHEMA)

    def test_unknown_score(self) -> None:
        with pytest.raises(ValueError, match="pose_score is 'mean'"):
            rows_of_pose_sample(skirt_sample().to_dict(), SCHEMA, 'mean')  # type: ignore[arg-type]


class TestMetric:
    def figures(self, metric: DeepFashion2Metric, samples: list[Any]) -> dict[str, float]:
        evaluator = Evaluator(metric)
        evaluator.dataset_meta = {'classes': SCHEMA.class_names}
        evaluator.process(samples)
        return dict(evaluator.evaluate(len(samples)))

    def test_all_found(self, tmp_path: Path) -> None:
        metric = DeepFashion2Metric(ann_file=truth_file(tmp_path, (1, 2), (1, 2)))
        figures = self.figures(metric, [skirt_sample(0, 1), skirt_sample(1, 2)])
        assert figures['deepfashion2/keypoints_AP'] == 1
        assert figures['deepfashion2/bbox_AP'] == 1

    def test_garments_without_a_box_are_missed(self, tmp_path: Path) -> None:
        """Image 3 has a skirt and no sample, image 4 has neither: recall is 2 / 3."""
        metric = DeepFashion2Metric(ann_file=truth_file(tmp_path, (1, 2, 3, 4), (1, 2, 3)))
        figures = self.figures(metric, [skirt_sample(0, 1), skirt_sample(1, 2)])
        # precision 1 at the recalls 0, .01 ... .66: 67 of 101 points
        assert figures['deepfashion2/keypoints_AP'] == pytest.approx(67 / 101)

    def test_garments_of_one_photo_and_repetitions(self, tmp_path: Path) -> None:
        """Two samples of a photo count; one that a sampler has repeated counts once."""
        metric = DeepFashion2Metric(ann_file=truth_file(tmp_path, (1,), (1,)), pose_score='bbox')
        wrong = skirt_sample(1, shift=500)  # equal score, later: a false alarm behind
        samples = [skirt_sample(0), wrong, skirt_sample(0)]
        assert self.figures(metric, samples)['deepfashion2/keypoints_AP'] == pytest.approx(1)
        first_wrong = [skirt_sample(0, shift=500), skirt_sample(1)]
        # precision is 1 / 2 wherever it counts
        assert self.figures(metric, first_wrong)['deepfashion2/keypoints_AP'] == pytest.approx(0.5)

    def test_result_file(self, tmp_path: Path) -> None:
        prefix = tmp_path / 'results'
        metric = DeepFashion2Metric(format_only=True, outfile_prefix=prefix)
        assert self.figures(metric, [skirt_sample(), skirt_sample(1)]) == {}
        results = json.loads((tmp_path / 'results.json').read_text())
        assert [result['category_id'] for result in results] == [9, 9]
        dense = np.array(results[0]['keypoints']).reshape(294, 3)
        assert dense[FIRST : FIRST + 8, :2].tolist() == OWN.tolist()

    def test_truth_must_come_from_a_file(self) -> None:
        with pytest.raises(ValueError, match='give the metric ann_file='):
            DeepFashion2Metric().process({}, [skirt_sample().to_dict()])
