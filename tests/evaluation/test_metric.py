# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2Metric as mmengine's runner uses it."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import BaseDataElement, InstanceData

from deepmark.evaluation import DeepFashion2Metric
from deepmark.evaluation.attribute_levels import ATTRIBUTE_LEVELS
from deepmark.evaluation.coco_evaluation import Evaluator as RowEvaluator
from deepmark.evaluation.coco_evaluation import evaluate
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.garment_rows import DetectionRows, TruthRows, keypoint_offsets
from deepmark.evaluation.json_layout import read_detections
from deepmark.evaluation.submission_check import check_submission
from deepmark.registry import METRICS
from deepmark.schema import DEEPFASHION2

from .garment_examples import SKIRT, found, random_rows, skirt_truth

SCHEMA = DEEPFASHION2
WORKER = Path(__file__).with_name('metric_rank.py')


def data_sample(
    truth: TruthRows, detections: DetectionRows, image_id: int, with_keypoints: bool = True
) -> BaseDataElement:
    """One image as a model returns it, from packed rows."""
    sample = BaseDataElement(
        metainfo={
            'img_id': image_id,
            'img_path': f'{image_id:06d}.jpg',
            'instances': _instances(truth, image_id),
        }
    )
    rows = np.flatnonzero(detections.image_ids == image_id)
    offsets = keypoint_offsets(detections.labels, SCHEMA)
    keypoints = np.zeros((len(rows), SCHEMA.max_keypoints, 2), np.float32)
    for line, row in enumerate(rows):
        own = detections.keypoints[offsets[row] : offsets[row + 1]]
        keypoints[line, : len(own)] = own
    boxes = detections.boxes_xywh[rows].astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    sample.pred_instances = InstanceData(
        bboxes=torch.from_numpy(boxes),
        labels=torch.from_numpy(detections.labels[rows]),
        scores=torch.from_numpy(detections.scores[rows].astype(np.float32)),
    )
    if with_keypoints:
        sample.pred_instances.keypoints = torch.from_numpy(keypoints)
    return sample


def _instances(truth: TruthRows, image_id: int) -> list[dict[str, Any]]:
    offsets = keypoint_offsets(truth.labels, SCHEMA)
    instances = []
    for row in np.flatnonzero(truth.image_ids == image_id):
        x, y, w, h = truth.boxes_xywh[row].tolist()
        instances.append(
            {
                'bbox': [x, y, x + w, y + h],
                'bbox_label': int(truth.labels[row]),
                'ignore_flag': int(truth.crowd[row]),
                'keypoints': truth.keypoints[offsets[row] : offsets[row + 1]],
            }
        )
        if truth.attributes is not None:
            levels = truth.attributes[row].tolist()
            instances[-1]['attributes'] = dict(zip(ATTRIBUTE_LEVELS, levels, strict=True))
    return instances


def without_truth(sample: BaseDataElement) -> BaseDataElement:
    """The same sample of an image without annotations."""
    metainfo = {key: value for key, value in sample.metainfo_items() if key != 'instances'}
    return BaseDataElement(metainfo=metainfo, pred_instances=sample.pred_instances)


def run(metric: DeepFashion2Metric, batches: list[list[BaseDataElement]]) -> dict[str, float]:
    """What mmengine's loops do with a metric."""
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = {'classes': SCHEMA.class_names}
    for batch in batches:
        evaluator.process(data_samples=batch, data_batch=None)
    return evaluator.evaluate(sum(map(len, batches)))


@pytest.fixture(scope='module')
def samples() -> list[BaseDataElement]:
    truth, detections = random_rows(seed=3)
    return [data_sample(truth, detections, image_id) for image_id in range(1, 13)]


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
    from deepmark.evaluation.figure_table import category_table, rendered

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


def test_format_only_writes_results_and_computes_nothing(tmp_path: Path) -> None:
    truth = skirt_truth()
    sample = data_sample(truth, found(truth), 1)
    sample = without_truth(sample)
    metric = DeepFashion2Metric(format_only=True, outfile_prefix=tmp_path / 'out' / 'results')
    assert run(metric, [[sample]]) == {}
    rows = read_detections(tmp_path / 'out' / 'results.json')
    assert rows.labels.tolist() == [SKIRT]
    assert np.allclose(rows.keypoints, truth.keypoints[:, :2])


def test_format_only_keeps_no_rows_in_memory(
    samples: list[BaseDataElement], tmp_path: Path
) -> None:
    metric = DeepFashion2Metric(
        format_only=True, outfile_prefix=tmp_path / 'r', outfile_suffix='.json.gz'
    )
    metric.process(None, [sample.to_dict() for sample in samples[::-1]])
    [spool] = tmp_path.iterdir()
    assert spool.name.startswith('.r.json.gz-')
    assert not any(
        isinstance(v, np.ndarray) for kept in metric.results for v in vars(kept).values()
    )
    assert len(pickle.dumps(metric.results[0])) < 400
    metric.process(None, [samples[4].to_dict()])  # as samplers pad
    assert metric.evaluate(12) == {}
    assert [path.name for path in tmp_path.iterdir()] == ['r.json.gz']
    rows = read_detections(tmp_path / 'r.json.gz')
    _, expected = random_rows(seed=3)
    assert rows.image_ids.tolist() == expected.image_ids.tolist()
    assert sorted(rows.scores.tolist()) == sorted(expected.scores.tolist())


def test_a_failed_submission_leaves_the_old_file_and_no_rest(
    samples: list[BaseDataElement], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'r.json'
    path.write_text('old')
    metric = DeepFashion2Metric(format_only=True, outfile_prefix=tmp_path / 'r', overwrite=True)
    other = without_truth(data_sample(skirt_truth(), found(skirt_truth()), 1, with_keypoints=False))
    other.set_metainfo({'img_id': 99})
    with pytest.raises(EvaluationError, match='only some detections have keypoints'):
        run(metric, [[samples[0], other]])
    assert path.read_text() == 'old'
    assert [file.name for file in tmp_path.iterdir()] == ['r.json']

    def full_disk(*_: object) -> int:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('deepmark.evaluation.metric.write_parts', full_disk)
    metric = DeepFashion2Metric(format_only=True, outfile_prefix=tmp_path / 'r', overwrite=True)
    with pytest.raises(OSError, match='No space left'):
        run(metric, [samples])
    assert path.read_text() == 'old'
    assert [file.name for file in tmp_path.iterdir()] == ['r.json']


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"outfile_suffix is '\.txt', must be one of"):
        DeepFashion2Metric(outfile_prefix=tmp_path / 'r', outfile_suffix='.txt')


def test_an_earlier_result_file_is_kept_but_each_epoch_replaces_its_own(
    samples: list[BaseDataElement], tmp_path: Path
) -> None:
    metric = DeepFashion2Metric(outfile_prefix=tmp_path / 'results')
    first = run(metric, [samples])
    assert run(metric, [samples]) == first
    with pytest.raises(FileExistsError, match=r'results\.json exists already'):
        DeepFashion2Metric(outfile_prefix=tmp_path / 'results')
    assert DeepFashion2Metric(outfile_prefix=tmp_path / 'results', overwrite=True).overwrite


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


def test_format_only_needs_a_file_name() -> None:
    with pytest.raises(ValueError, match='needs outfile_prefix'):
        DeepFashion2Metric(format_only=True)


def run_two_ranks(
    samples: list[BaseDataElement], folder: Path, shares: tuple[list[int], list[int]], *more: str
) -> list[dict[str, float]]:
    """What both ranks return, for these images (numbers from 1) of each."""
    processes = []
    for rank, share in enumerate(shares):
        own = [samples[i - 1].to_dict() for i in share]
        (folder / f'samples.{rank}').write_bytes(pickle.dumps(own))
        command = [sys.executable, str(WORKER), str(rank), str(folder), *more]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [json.loads(output.splitlines()[-1]) for output in outputs]


UNEVEN = ([*range(1, 8)], [*range(8, 13)])
PADDED = ([*range(1, 8)], [*range(8, 13), 1, 2])


@pytest.mark.parametrize('shares', [UNEVEN, PADDED])
def test_two_ranks_with_uneven_shares(
    samples: list[BaseDataElement], tmp_path: Path, shares: tuple[list[int], list[int]]
) -> None:
    """7 and 5 images, or 7 and 7 as samplers pad them, with two images on both ranks."""
    whole = run(DeepFashion2Metric(), [samples])
    assert run_two_ranks(samples, tmp_path, shares) == [whole, whole]


def test_two_ranks_write_one_submission(samples: list[BaseDataElement], tmp_path: Path) -> None:
    out = tmp_path / 'out'
    figures = run_two_ranks(samples, tmp_path, PADDED, str(out / 'two'))
    assert figures == [{}, {}]
    run(DeepFashion2Metric(format_only=True, outfile_prefix=out / 'one'), [samples])
    assert sorted(path.name for path in out.iterdir()) == ['one.json', 'two.json']
    assert (out / 'two.json').read_bytes() == (out / 'one.json').read_bytes()
    assert check_submission(out / 'two.json').results == 36
