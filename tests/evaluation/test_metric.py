# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2Metric as mmengine's runner uses it: figures."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData

from deepmark.evaluation import DeepFashion2Metric
from deepmark.evaluation.coco_evaluation import Evaluator as RowEvaluator
from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.figure_table import category_table, rendered
from deepmark.evaluation.garment_rows import DetectionRows
from deepmark.registry import METRICS

from .garment_examples import found, random_rows, skirt_truth
from .metric_samples import (
    PADDED,
    SCHEMA,
    UNEVEN,
    data_sample,
    random_samples,
    run,
    run_two_ranks,
    without_truth,
)


@pytest.fixture(scope='module')
def samples() -> list[BaseDataElement]:
    return random_samples()


def test_the_registry_builds_it() -> None:
    metric = METRICS.build({'type': 'deepmark.DeepFashion2Metric', 'schema': 'deepfashion2'})
    assert isinstance(metric, DeepFashion2Metric)
    assert metric.prefix == 'deepfashion2'


def test_names_and_values_of_the_figures(samples: list[BaseDataElement]) -> None:
    figures = run(DeepFashion2Metric(), [samples])
    truth, detections = random_rows(seed=3)
    expected = evaluate(truth, detections, np.arange(1, 13))
    assert figures['deepfashion2/bbox_AP'] == pytest.approx(expected['bbox']['AP'], abs=1e-9)
    for ours, theirs in (
        ('keypoints', 'keypoints_visible_and_occluded'),
        ('keypoints_visible', 'keypoints_visible'),
    ):
        for name in ('AP', 'AP50', 'AP75', 'AP_medium', 'AR'):
            assert figures[f'deepfashion2/{ours}_{name}'] == expected[theirs][name], name
    assert len(figures) == 12 + 10 + 10


def test_any_split_into_batches_gives_the_same_figures(samples: list[BaseDataElement]) -> None:
    whole = run(DeepFashion2Metric(), [samples])
    assert run(DeepFashion2Metric(), [[s] for s in reversed(samples)]) == whole
    assert run(DeepFashion2Metric(), [samples[:5], samples[5:]]) == whole


def test_repeated_images_count_once(samples: list[BaseDataElement]) -> None:
    whole = run(DeepFashion2Metric(), [samples])
    assert run(DeepFashion2Metric(), [samples, samples[:3]]) == whole


def test_two_photos_with_one_id_are_refused(samples: list[BaseDataElement]) -> None:
    other = samples[0].clone()
    other.set_metainfo({'img_path': 'other/000001.jpg'})
    with pytest.raises(ValueError, match=r'image id 1 belongs to 000001\.jpg and to other'):
        run(DeepFashion2Metric(), [[samples[0], other]])


def test_a_detector_without_landmarks_gets_box_figures() -> None:
    truth, detections = random_rows(seed=3)
    boxes_only = [data_sample(truth, detections, i, with_keypoints=False) for i in range(1, 13)]
    figures = run(DeepFashion2Metric(), [boxes_only])
    assert {name.split('_')[0] for name in figures} == {'deepfashion2/bbox'}
    assert figures['deepfashion2/bbox_AP'] > 0


def test_classwise_adds_categories_and_logs_a_table(
    samples: list[BaseDataElement], capsys: pytest.CaptureFixture[str]
) -> None:
    figures = run(DeepFashion2Metric(classwise=True), [samples])
    assert len(figures) == 12 + 10 + 10 + 3 * 13
    assert 0 <= figures['deepfashion2/keypoints_AP_skirt'] <= 1
    truth, detections = random_rows(seed=3)
    table = rendered(category_table(evaluate(truth, detections, np.arange(1, 13)), SCHEMA))
    assert 'short sleeve top' in table
    assert f'{figures["deepfashion2/bbox_AP"]:.3f}' in table.splitlines()[-2]


def test_max_per_image_keeps_the_best() -> None:
    truth = skirt_truth()
    good = found(truth, score=0.4)
    alarm = found(skirt_truth(x=400), score=0.6)
    sample = data_sample(truth, DetectionRows.concatenate([good, alarm]), 1)
    assert run(DeepFashion2Metric(max_per_image=2), [[sample]])['deepfashion2/bbox_AP'] > 0.4
    assert run(DeepFashion2Metric(max_per_image=1), [[sample]])['deepfashion2/bbox_AP'] == 0


@pytest.fixture(scope='module')
def samples_with_attributes() -> tuple[list[BaseDataElement], RowEvaluator]:
    """Samples, and their evaluation from the rows that they are made of."""
    truth, detections = random_rows(seed=3)
    levels = np.random.default_rng(0).integers(1, 4, (len(truth), 4))
    truth = replace(truth, attributes=levels)
    samples = [data_sample(truth, detections, image_id) for image_id in range(1, 13)]
    return samples, RowEvaluator(truth, detections, np.arange(1, 13))


def test_slices_add_a_figure_for_every_level(
    samples_with_attributes: tuple[list[BaseDataElement], RowEvaluator],
) -> None:
    samples, expected = samples_with_attributes
    figures = run(DeepFashion2Metric(slices=True), [samples[:5], samples[5:]])
    assert len(figures) == 12 + 10 + 10 + 3 * 4 * 3
    slices = expected.slices()
    heavy = slices['occlusion']['heavy']['keypoints_visible_and_occluded']['AP']
    assert figures['deepfashion2/keypoints_AP_occlusion_heavy'] == pytest.approx(heavy, abs=1e-9)
    aside = slices['viewpoint']['side or back']['bbox']['AP']
    assert figures['deepfashion2/bbox_AP_viewpoint_side_or_back'] == pytest.approx(aside, abs=1e-6)
    assert 0 < heavy < 1


def test_slices_without_attributes_are_left_out_with_a_warning(
    samples: list[BaseDataElement], monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    monkeypatch.setattr('deepmark.evaluation.metric.print_log', lambda m, *_: messages.append(m))
    assert len(run(DeepFashion2Metric(slices=True), [samples])) == 12 + 10 + 10
    assert [message for message in messages if 'the truth states no attributes' in message]


def test_the_log_says_how_the_figures_were_made(
    samples: list[BaseDataElement], monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []
    monkeypatch.setattr('deepmark.evaluation.metric.print_log', lambda m, *_: messages.append(m))
    run(DeepFashion2Metric(slots='own_slots', backend='pycocotools'), [samples])
    [line] = messages
    assert line.startswith('12 images with 36 garments, 36 detections (landmarks: slots=')
    assert "slots='own_slots'; pycocotools" in line


def test_both_engines_give_the_same_figures(samples: list[BaseDataElement]) -> None:
    pytest.importorskip('hotcoco')
    fast = run(DeepFashion2Metric(backend='fast'), [samples])
    slow = run(DeepFashion2Metric(backend='pycocotools'), [samples])
    assert fast == pytest.approx(slow, abs=1e-9)


def test_rows_of_an_image_take_little_memory(samples: list[BaseDataElement]) -> None:
    """100 detections of 39 landmarks, the most there are: 312 bytes of landmarks each."""
    predicted = InstanceData(
        bboxes=torch.rand(300, 4),
        labels=torch.full((300,), 3),
        scores=torch.rand(300),
        keypoints=torch.rand(300, SCHEMA.max_keypoints, 2),
    )
    metric = DeepFashion2Metric()
    sample = {'img_id': 1, 'pred_instances': predicted, 'instances': []}
    metric.process(None, [sample])
    assert len(pickle.dumps(metric.results)) < 100 * (39 * 2 * 4 + 4 * 4 + 4 + 2 * 8) + 2000


def test_truth_from_a_file_counts_untested_images_as_missed(tmp_path: Path) -> None:
    annotations = [
        {
            'image_id': i,
            'category_id': 9,
            'bbox': [0, 0, 100, 50],
            'keypoints': [value for k in range(8) for value in (10 * k, 20, 2)],
        }
        for i in (1, 2)
    ]
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps({'images': [{'id': 1}, {'id': 2}], 'annotations': annotations}))
    truth = skirt_truth()
    samples = [data_sample(truth, found(truth), 1)]
    figures = run(DeepFashion2Metric(ann_file=path), [samples])
    assert figures['deepfashion2/bbox_AR_100'] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('scores', torch.tensor([float('nan')]), '000001.jpg: pred_instances: scores holds NaN'),
        ('labels', torch.tensor([13]), '000001.jpg: pred_instances: label 13'),
        ('keypoints', torch.zeros(1, 17, 2), r'keypoints has the shape \(1, 17, 2\), expected'),
    ],
)
def test_bad_predictions_name_the_image(field: str, value: torch.Tensor, message: str) -> None:
    truth = skirt_truth()
    sample = data_sample(truth, found(truth), 1)
    setattr(sample.pred_instances, field, value)
    with pytest.raises(ValueError, match=message):
        run(DeepFashion2Metric(), [[sample]])


def test_missing_truth_says_what_to_do() -> None:
    truth = skirt_truth()
    sample = data_sample(truth, found(truth), 1)
    sample = without_truth(sample)
    with pytest.raises(ValueError, match=r"000001\.jpg: the sample has no 'instances'.*ann_file"):
        run(DeepFashion2Metric(), [[sample]])


def test_other_classes_than_the_schema_are_refused() -> None:
    metric = DeepFashion2Metric()
    metric.dataset_meta = {'classes': ('cat', 'dog')}
    with pytest.raises(ValueError, match=r'cat.*give both the same schema'):
        metric.process(None, [])


@pytest.mark.parametrize('shares', [UNEVEN, PADDED])
def test_two_ranks_with_uneven_shares(
    samples: list[BaseDataElement], tmp_path: Path, shares: tuple[list[int], list[int]]
) -> None:
    """7 and 5 images, or 7 and 7 as samplers pad them, with two images on both ranks."""
    whole = run(DeepFashion2Metric(), [samples])
    assert run_two_ranks(samples, tmp_path, shares) == [whole, whole]
