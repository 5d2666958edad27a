# SPDX-License-Identifier: Apache-2.0
"""The quick way and the careful way give the same, and the quick one leaves the rest alone."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepmark.datasets import native_reader
from deepmark.datasets.native_items import PlainFiles
from deepmark.schema import DEEPFASHION2

coordinates = st.floats(-1e4, 1e4) | st.integers(-5, 1000)


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    category = draw(st.sampled_from(DEEPFASHION2.categories))
    size = 3 * category.num_keypoints
    optional = {
        'category_name': st.sampled_from([category.name, *category.aliases, None]),
        'segmentation': st.none()
        | st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=4)),
        'scale': st.integers(0, 3),
        'style': st.integers(0, 40),
    }
    item = {
        'category_id': category.category_id,
        'bounding_box': draw(st.lists(coordinates, min_size=4, max_size=4)),
        'landmarks': draw(st.lists(coordinates, min_size=size, max_size=size)),
    }
    for key, values in optional.items():
        if draw(st.booleans()):
            item[key] = draw(values)
    if item.get('segmentation'):
        item['segmentation'] = [np.ravel(polygon).tolist() for polygon in item['segmentation']]
    return item


@settings(max_examples=40, deadline=None)
@given(st.lists(items(), min_size=1, max_size=3), st.sampled_from(['shop', 'user']))
def test_both_ways_give_the_same(
    tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, Any]], source: str
) -> None:
    content = {'source': source, 'pair_id': 3, **{f'item{n}': i for n, i in enumerate(found, 1)}}
    data = json.dumps(content).encode()
    quick = PlainFiles(DEEPFASHION2).parse(data)
    folder = tmp_path_factory.mktemp('annos')
    (folder / '1.json').write_bytes(data)
    reader = native_reader.NativeReader(folder, folder, DEEPFASHION2)
    result = native_reader._FileResult()
    careful = reader._read_items('1.jpg', json.loads(data), result)
    assert quick is not None
    assert result.problems == []
    for one, other in zip(quick, careful, strict=True):
        np.testing.assert_equal(asdict(one), asdict(other))
        assert one.keypoints.dtype == other.keypoints.dtype == np.float32


def _item(**changes: Any) -> dict[str, Any]:
    plain = {'category_id': 8, 'bounding_box': [1, 2, 3, 4], 'landmarks': [1, 2, 0] * 14}
    return {**plain, **changes}


UNUSUAL = [
    b'',
    b'{"item1": ',
    b'\xff\xfe',
    b'[' * 100_000,
    json.dumps({}).encode(),
    json.dumps({'item2': _item()}).encode(),
    json.dumps({'item1': 3}).encode(),
    json.dumps({'item1': _item(), 'pair_id': 'a'}).encode(),
    json.dumps({'item1': _item(), 'pair_id': 2**63}).encode(),
    json.dumps({'item1': _item(), 'source': 3}).encode(),
    json.dumps({'item1': _item(category_id=99)}).encode(),
    json.dumps({'item1': _item(category_name='skirt')}).encode(),
    json.dumps({'item1': _item(landmarks=[1, 2, 0] * 13)}).encode(),
    json.dumps({'item1': _item(landmarks=[float('nan'), 2, 0] * 14)}).encode(),
    json.dumps({'item1': _item(segmentation=[[1, 2, 3]])}).encode(),
    json.dumps({'item1': _item(segmentation={'counts': []})}).encode(),
    json.dumps({'item1': _item(scale=-1)}).encode(),
    json.dumps({'item1': _item(bounding_box=[1, 2, 3])}).encode(),
]


@pytest.mark.parametrize('data', UNUSUAL, ids=range(len(UNUSUAL)))
def test_what_is_unusual_needs_a_closer_look(data: bytes) -> None:
    plain = PlainFiles(DEEPFASHION2)
    assert plain.parse(data) is None
    usual = plain.parse(json.dumps({'item1': _item(category_name='trousers')}).encode())
    assert usual is not None
    assert usual[0].label == 7


def test_files_in_which_nothing_is_unusual_are_read_the_quick_way(
    native_tree: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    native_tree.add('000001', native_tree.item(), native_tree.item(5))
    monkeypatch.setattr(native_reader, 'json', None)
    assert native_tree.dataset().get_cat_ids(0) == [10, 4]
