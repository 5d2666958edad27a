# SPDX-License-Identifier: Apache-2.0
"""Result files that DeepFashion2Metric writes, with figures or instead of them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.structures import BaseDataElement

from deepmark.evaluation import DeepFashion2Metric
from deepmark.evaluation.errors import EvaluationError
from deepmark.evaluation.json_layout import read_detections
from deepmark.evaluation.submission_check import check_submission

from .garment_examples import SKIRT, found, random_rows, skirt_truth
from .metric_samples import (
    PADDED,
    data_sample,
    random_samples,
    run,
    run_two_ranks,
    without_truth,
)


@pytest.fixture(scope='module')
def samples() -> list[BaseDataElement]:
    return random_samples()


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


def test_format_only_needs_a_file_name() -> None:
    with pytest.raises(ValueError, match='needs outfile_prefix'):
        DeepFashion2Metric(format_only=True)


def test_two_ranks_write_one_submission(samples: list[BaseDataElement], tmp_path: Path) -> None:
    out = tmp_path / 'out'
    figures = run_two_ranks(samples, tmp_path, PADDED, str(out / 'two'))
    assert figures == [{}, {}]
    run(DeepFashion2Metric(format_only=True, outfile_prefix=out / 'one'), [samples])
    assert sorted(path.name for path in out.iterdir()) == ['one.json', 'two.json']
    assert (out / 'two.json').read_bytes() == (out / 'one.json').read_bytes()
    assert check_submission(out / 'two.json').results == 36
