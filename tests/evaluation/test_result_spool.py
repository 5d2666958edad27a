# SPDX-License-Identifier: Apache-2.0
"""Detections that wait on the disk."""

from __future__ import annotations

import gc
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from deepmark.evaluation.garment_rows import DetectionRows
from deepmark.evaluation.result_spool import ResultSpool, read_spooled

from .garment_examples import found, random_rows, skirt_truth


def assert_equal_rows(rows: DetectionRows, expected: DetectionRows) -> None:
    for field in fields(DetectionRows):
        ours, theirs = getattr(rows, field.name), getattr(expected, field.name)
        assert (ours is None) == (theirs is None), field.name
        if theirs is not None:
            assert ours.shape == theirs.shape, field.name
            assert np.array_equal(ours, theirs.astype(ours.dtype)), field.name


def test_rows_come_back_in_any_order(tmp_path: Path) -> None:
    _, many = random_rows(seed=4)
    many = replace(many, image_ids=np.full(len(many), 7))
    parts = [
        many,
        replace(found(skirt_truth(8)), scores=np.array([0.1], np.float32)),
        replace(DetectionRows.concatenate([]), image_ids=np.zeros(0, np.int64)),
        replace(found(skirt_truth(9), score=0.5), keypoints=None),
    ]
    spool = ResultSpool(tmp_path / 'new' / 'r.json')
    images = [
        spool.add(i, i, f'{i}.jpg', part) for i, part in zip((7, 8, 5, 9), parts, strict=True)
    ]
    spool.flush()
    assert [image.count for image in images] == [36, 1, 0, 1]
    for rows, expected in zip(read_spooled(images[::-1]), parts[::-1], strict=True):
        assert_equal_rows(rows, expected)


def test_the_file_is_hidden_and_removed(tmp_path: Path) -> None:
    spool = ResultSpool(tmp_path / 'r.json')
    [path] = tmp_path.iterdir()
    assert (path.name[:8], path.suffix) == ('.r.json-', '.spool')
    spool.close()
    spool.close()
    assert not list(tmp_path.iterdir())


def test_a_spool_that_nobody_closes_is_removed_too(tmp_path: Path) -> None:
    spool = ResultSpool(tmp_path / 'r.json')
    spool.add(1, 1, '1.jpg', found(skirt_truth()))
    del spool
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_a_spool_that_is_gone_is_an_error(tmp_path: Path) -> None:
    spool = ResultSpool(tmp_path / 'r.json')
    image = spool.add(1, 1, '1.jpg', found(skirt_truth()))
    spool.close()
    with pytest.raises(FileNotFoundError, match=r'\.spool'):
        list(read_spooled([image]))
