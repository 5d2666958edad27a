# SPDX-License-Identifier: Apache-2.0
"""The synthetic tree, and the steps of the benchmark on a small one, in this process."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from deepmark.benchmarks import loading, loading_steps, synthetic_annotations
from deepmark.benchmarks.synthetic_annotations import MANIFEST, SyntheticTree, make_tree
from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.coco_writer import write_coco
from deepmark.datasets.load_packed import load_packed

needs_proc = pytest.mark.skipif(sys.platform != 'linux', reason='memory is read from /proc')


@pytest.fixture(scope='module')
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('bench') / 'train'
    return make_tree(folder, SyntheticTree(30, 49), workers=1, progress=False)


def test_a_tree_has_the_garments_that_were_asked_for_and_no_problems(tree: Path) -> None:
    loaded = load_packed(find_source(tree))
    packed = loaded.packed
    assert (packed.num_images, packed.num_items, loaded.problems.found) == (30, 49, [])
    assert set(np.diff(packed.item_offsets)) == {1, 2}
    sizes = synthetic_annotations.PHOTO_SIZES
    assert [tuple(wh) for wh in packed.image_wh.tolist()] == list(sizes) * 5
    vertices = np.diff(packed.vertex_offsets)
    assert (vertices.min() >= 30, vertices.max() <= 60) == (True, True)


def test_a_finished_tree_is_used_again(tree: Path) -> None:
    file = tree / 'annos' / '000001.json'
    before = file.stat().st_mtime_ns
    assert make_tree(tree, SyntheticTree(30, 49), progress=False) == tree
    assert file.stat().st_mtime_ns == before


def test_a_half_finished_or_another_tree_is_replaced(tmp_path: Path) -> None:
    first, second = SyntheticTree(4, 4), SyntheticTree(3, 6)
    make_tree(tmp_path / 't', first, workers=1, progress=False)
    make_tree(tmp_path / 't', second, workers=1, progress=False)
    assert sorted(os.listdir(tmp_path / 't' / 'annos')) == [
        '000001.json',
        '000002.json',
        '000003.json',
    ]
    (tmp_path / 't' / MANIFEST).unlink()
    (tmp_path / 't' / 'annos' / '000002.json').unlink()
    make_tree(tmp_path / 't', second, workers=1, progress=False)
    content = json.loads((tmp_path / 't' / 'annos' / '000002.json').read_text())
    assert content == synthetic_annotations.synthetic_file(second, 1)


@pytest.mark.parametrize('limit', [1, 2, 100])
def test_photos_have_as_many_links_as_a_file_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(synthetic_annotations, '_LINKS_PER_FILE', limit)
    folder = make_tree(tmp_path / 't', SyntheticTree(20, 20), workers=1, progress=False)
    links = [path.stat().st_nlink for path in (folder / 'image').iterdir()]
    assert len(links) == 20
    assert max(links) <= limit + 1


@needs_proc
def test_steps(tree: Path, tmp_path: Path) -> None:
    cache = tmp_path / 'cache'
    built = loading_steps.build(tree, cache, workers=1)
    loaded = loading_steps.load(tree, cache)
    assert (loaded['load_images'], loaded['load_garments']) == (30, 49)
    assert 0 < built['cache_megabytes'] < 1
    assert min(built['build_seconds'], loaded['load_seconds']) > 0
    with pytest.raises(RuntimeError, match='no new cache was made'):
        loading_steps.build(tree, cache, workers=1)
    assert loading_steps.read_in_workers(tree, cache)['load_worker_megabytes'] < 5


@needs_proc
def test_pycocotools_loads_the_file_as_the_official_converter_writes_it(
    tree: Path, tmp_path: Path
) -> None:
    file = tmp_path / 'dense.json'
    write_coco(file, load_packed(find_source(tree)).packed)
    loading._write_floats(file)
    keypoints = json.loads(file.read_text())['annotations'][0]['keypoints']
    assert {type(value) for value in keypoints} == {float}
    assert len(keypoints) == 882
    assert loading_steps.load_with_pycocotools(file)['coco_pycocotools_garments'] == 49


@pytest.mark.slow
@needs_proc
def test_all_figures_are_there(tmp_path: Path) -> None:
    measured = loading.bench_loading(tmp_path, 40, pycocotools_items=60, progress=False)
    assert measured['coco_garments'] == measured['coco_pycocotools_garments'] == 60
    required = {'load_seconds', 'load_megabytes', 'load_ratio_vs_pycocotools', 'build_seconds'}
    assert required <= measured.keys()
    assert all(np.isfinite(value) for value in measured.values())
