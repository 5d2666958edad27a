# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's schema against published facts, and users' schemas with mistakes."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from deepmark.schema import DEEPFASHION2, LandmarkSchema, SchemaError, get_schema

COUNTS = [25, 33, 31, 39, 15, 15, 10, 14, 8, 29, 37, 19, 19]

# Computed from the published table (switchablenorms/DeepFashion2, the evaluator's 294 constants),
# not from our file: the sum of each category's sigmas, in units of 1e-4, and the SHA-256 of all 294
# in slot order, each as '%.4f', joined by one space.
SIGMA_SUMS = [8325, 14715, 8510, 15403, 4881, 7217, 4235, 5362, 3228, 12272, 15509, 6556, 8977]
SIGMA_SHA256 = 'aa8eb8056dd517be983f7def0d987b3edb289ed736b567a33d16984a437cd0b6'


def two_categories() -> dict:
    """A user's schema: bags and shoes."""
    return {
        'name': 'accessories',
        'categories': [
            {
                'id': 7,
                'name': 'hand bag',
                'num_keypoints': 4,
                'flip_pairs': '1-2 3-4',
                'skeleton': '1-2-4-3-1',
                'sigmas': [0.05, 0.05, 0.06, 0.06],
            },
            {
                'id': 9,
                'name': 'shoe',
                'aliases': ['boot'],
                'num_keypoints': 3,
                'sigmas': [0.1, 0.1, 0.1],
                'color': [1, 2, 3],
                'keypoint_names': ['heel', 'toe', 'top'],
            },
        ],
    }


class TestDeepFashion2:
    def test_categories(self) -> None:
        assert DEEPFASHION2.num_categories == 13
        assert DEEPFASHION2.category_ids == tuple(range(1, 14))
        assert DEEPFASHION2.num_keypoints.tolist() == COUNTS
        assert DEEPFASHION2.num_slots == 294 == sum(COUNTS)
        assert DEEPFASHION2.max_keypoints == 39

    def test_slots_are_covered_once(self) -> None:
        used = DEEPFASHION2.slots[DEEPFASHION2.keypoint_valid]
        assert used.tolist() == list(range(294))
        assert (DEEPFASHION2.slots[~DEEPFASHION2.keypoint_valid] == -1).all()
        assert DEEPFASHION2.slots[10, :2].tolist() == [219, 220]
        assert DEEPFASHION2.slot_labels[[0, 24, 25, 293]].tolist() == [0, 0, 1, 12]

    def test_flips_are_an_involution_inside_the_category(self) -> None:
        flip = DEEPFASHION2.slot_flip_index
        assert (flip[flip] == np.arange(294)).all()
        assert (DEEPFASHION2.slot_labels[flip] == DEEPFASHION2.slot_labels).all()
        assert int((flip != np.arange(294)).sum()) == 2 * 131

    def test_flip_pairs_that_public_code_gets_wrong(self) -> None:
        def partner(label: int, landmark: int) -> int:
            return int(DEEPFASHION2.flip_index[label, landmark - 1]) + 1

        assert partner(4, 9) == 13
        assert partner(4, 13) == 9
        assert partner(2, 2) == 6
        assert partner(2, 4) == 26
        assert partner(3, 2) == 6
        assert partner(3, 4) == 34
        assert partner(11, 9) == 17
        assert partner(12, 9) == 17
        assert partner(7, 9) == 9  # crotch of the trousers

    def test_mirrored_landmarks_have_equal_sigmas(self) -> None:
        sigmas = DEEPFASHION2.slot_sigmas
        (unequal,) = np.nonzero(sigmas != sigmas[DEEPFASHION2.slot_flip_index])
        # The published list holds one pair that differs: .0455 and .0486 of long sleeve dress.
        assert unequal.tolist() == [233, 247]

    def test_every_landmark_is_on_the_skeleton(self) -> None:
        for category in DEEPFASHION2.categories:
            assert {i for edge in category.skeleton for i in edge} == set(
                range(category.num_keypoints)
            )

    def test_skeletons_are_mirror_symmetric(self) -> None:
        for label, category in enumerate(DEEPFASHION2.categories):
            flip = DEEPFASHION2.flip_index[label]
            edges = {frozenset(edge) for edge in category.skeleton}
            assert {frozenset(int(flip[i]) for i in edge) for edge in edges} == edges, category.name

    @pytest.mark.parametrize(
        ('name', 'label'),
        [
            ('short sleeve top', 0),
            ('short_sleeved_shirt', 0),
            ('Long Sleeve Outwear', 3),
            ('long_sleeved_outwear', 3),
            ('vest dress', 11),
            ('sling-dress', 12),
        ],
    )
    def test_names_of_both_files(self, name: str, label: int) -> None:
        assert DEEPFASHION2.label_of_name(name) == label

    def test_sigmas_equal_the_published_table(self) -> None:
        sums = [sum(round(sigma * 1e4) for sigma in c.sigmas) for c in DEEPFASHION2.categories]
        assert sums == SIGMA_SUMS
        text = ' '.join(f'{sigma:.4f}' for sigma in DEEPFASHION2.slot_sigmas)
        assert hashlib.sha256(text.encode()).hexdigest() == SIGMA_SHA256
        assert np.array_equal(DEEPFASHION2.slot_sigmas, np.array(text.split(), np.float64))

    def test_sigmas_equal_the_facts(self, data_folder: Path) -> None:
        facts = data_folder.parent / 'papers.md'
        if not facts.is_file():
            pytest.skip(f'{facts} is absent: the published sigmas are compared by their hash only')
        rows = re.findall(r'^ ?(\d+) \((\d+)\): ([.\d ]+)$', facts.read_text(), re.MULTILINE)
        assert len(rows) == 13
        for category_id, count, values in rows:
            category = DEEPFASHION2.categories[DEEPFASHION2.label_of(int(category_id))]
            assert category.sigmas == tuple(float(v) for v in values.split())
            assert len(category.sigmas) == int(count)

    def test_sigma_statistics(self) -> None:
        sigmas = DEEPFASHION2.slot_sigmas
        assert sigmas.min() == 0.0074
        assert sigmas.max() == 0.0726
        assert round(sigmas.mean(), 4) == 0.0392

    def test_left_landmarks_lie_left_on_real_photos(self, sample_folder: Path) -> None:
        file = sample_folder / 'annotations_coco.json'
        for annotation in json.loads(file.read_text())['annotations']:
            label = DEEPFASHION2.label_of(annotation['category_id'])
            own = slice(*DEEPFASHION2.slot_offsets[label : label + 2])
            points = np.array(annotation['keypoints']).reshape(-1, 3)[own]
            pairs = np.array(DEEPFASHION2.categories[label].flip_pairs)
            labelled = (points[pairs][..., 2] > 0).all(axis=1)
            left, right = points[pairs[labelled]].transpose(1, 0, 2)
            # Both are frontal: the lower number of a pair lies on the image's left, and the line
            # between the two is nearer to horizontal than to vertical for most of the pairs.
            assert labelled.sum() >= 5
            assert (left[:, 0] < right[:, 0]).mean() >= 0.9
            assert np.median(np.abs(left - right)[:, 1] / np.abs(left - right)[:, 0]) < 1


class TestUserSchema:
    def test_from_a_mapping(self) -> None:
        schema = get_schema(two_categories())
        assert schema.class_names == ('hand bag', 'shoe')
        assert schema.slot_offsets.tolist() == [0, 4, 7]
        assert schema.flip_index.tolist() == [[1, 0, 3, 2], [0, 1, 2, 3]]
        assert schema.sigmas[1].tolist() == [0.1, 0.1, 0.1, 1.0]
        assert schema.label_of(9) == 1 == schema.label_of_name('boot')
        assert schema.palette[1] == (1, 2, 3)
        assert schema.categories[1].keypoint_names == ('heel', 'toe', 'top')

    @pytest.mark.parametrize('suffix', ['.json', '.yaml'])
    def test_from_a_file(self, tmp_path: Path, suffix: str) -> None:
        file = tmp_path / f'schema{suffix}'
        file.write_text(json.dumps(two_categories()))  # JSON is YAML too
        assert get_schema(file) == get_schema(str(file)) == get_schema(two_categories())

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            ({'flip_pairs': '1-2 2-3'}, r"category 7 'hand bag': landmark 2 stands in two"),
            ({'flip_pairs': '1-5'}, r"category 7 'hand bag': flip_pairs names landmark 5"),
            ({'flip_pairs': '3-3'}, r'flip_pairs pairs landmark 3 with itself'),
            ({'flip_pairs': '1+2'}, r"category 7 'hand bag': flip_pairs: '1\+2' is not of"),
            ({'flip_pairs': '9:4-3'}, r"category 7 'hand bag': flip_pairs: '9:4-3' runs backwards"),
            ({'flip_pairs': [[1.5, 2]]}, r"category 7 'hand bag': flip_pairs: \[1\.5, 2\] is not"),
            ({'flip_pairs': 12}, r"category 7 'hand bag': flip_pairs: 12 is not a list"),
            ({'skeleton': '1-4..2'}, r"category 7 'hand bag': skeleton: '4\.\.2' runs backwards"),
            ({'skeleton': '1-9'}, r'skeleton names landmark 9'),
            ({'sigmas': [0.1, 0.1, 0.1]}, r'sigmas has 3 entries for 4 landmarks'),
            ({'sigmas': [0.1, 0.1, 0, 0.1]}, r"'hand bag': sigma of landmark 3 is 0.0"),
            ({'sigmas': [0.1, float('nan'), 0.1, 0.1]}, r'sigma of landmark 2 is nan'),
            ({'sigmas': '0.1'}, r"category 7 'hand bag': sigmas: '0\.1' is not a list"),
            ({'sigmas': -0.1}, r"category 7 'hand bag': sigma of landmark 1 is -0\.1, not > 0"),
            (
                {'sigmas': 0.1, 'num_keypoints': 10**9},
                r"category 7 'hand bag': num_keypoints: 1000000000 is too many",
            ),
            ({'sigmas': '1234'}, r"category 7 'hand bag': sigmas: '1234' is not a list"),
            ({'sigmas': [0.1, 'x', 0, 0]}, r"'hand bag': sigmas: landmark 2: 'x' is not a number"),
            ({'num_keypoints': 0}, r'num_keypoints is 0'),
            ({'num_keypoints': 3.7}, r"'hand bag': num_keypoints: 3\.7 is not a whole number"),
            ({'num_keypoints': 10**9}, r'sigmas has 4 entries for 1000000000 landmarks'),
            ({'color': 'red'}, r"category 7 'hand bag': color: 'red' is neither"),
            ({'color': None}, r"color: None is neither '#rrggbb' \(in quotes\)"),
            ({'aliases': 'boot'}, r"category 7 'hand bag': aliases: 'boot' is not a list"),
            ({'keypoint_names': 'abcd'}, r"'hand bag': keypoint_names: 'abcd' is not a list"),
            (
                {'keypoint_names': ['a', 'b', 3, 'd']},
                r'keypoint_names: landmark 3: 3 is not a text',
            ),
            ({'id': 1.5}, r"category 1\.5 'hand bag': id: 1\.5 is not a whole number"),
            ({'name': False}, r'category 7 .*: name: False is not a text \(in quotes\)'),
            ({'id': 9}, r'category id 9 is used twice'),
            ({'name': 'boot'}, r"category name 'boot' is used twice"),
            ({'flip_pair': '1-2'}, r"category 7 'hand bag': unknown key\(s\) flip_pair"),
        ],
    )
    def test_mistakes_are_named(self, change: dict, message: str) -> None:
        data = copy.deepcopy(two_categories())
        data['categories'][0].update(change)
        with pytest.raises(SchemaError, match=message):
            get_schema(data)

    @pytest.mark.parametrize('key', ['id', 'name', 'num_keypoints', 'sigmas'])
    def test_a_missing_key_is_named(self, key: str) -> None:
        data = two_categories()
        del data['categories'][1][key]
        with pytest.raises(SchemaError, match=rf"^schema: category .*the key '{key}' is missing"):
            get_schema(data)

    @pytest.mark.parametrize(
        ('data', 'message'),
        [
            ({**two_categories(), 'schema': 1}, r'unknown key\(s\) schema; there are name, categ'),
            ({**two_categories(), 'name': 5}, r'name: 5 is not a text'),
            ({'name': 'bags'}, r"needs a list under the key 'categories'"),
            ({'categories': 'bags'}, r"needs a list under the key 'categories'"),
            ({'categories': ['bag']}, r"category number 1 is 'bag', not a mapping"),
            ({'categories': []}, r"schema 'unnamed' has no categories"),
        ],
    )
    def test_mistakes_around_the_categories_are_named(self, data: dict, message: str) -> None:
        with pytest.raises(SchemaError, match=message):
            get_schema(data)

    @pytest.mark.parametrize(
        ('content', 'message'),
        [
            (b'categories: [', r'bad\.yaml does not parse: while parsing'),
            (b'name: 2024-13-45', r'bad\.yaml does not parse: month must be'),
            ('name: Mäntel'.encode('latin-1'), r'bad\.yaml is not UTF-8 text: .* at byte 7'),
            (b'', r"bad\.yaml: needs a list under the key 'categories'"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_named(
        self, tmp_path: Path, content: bytes, message: str
    ) -> None:
        file = tmp_path / 'bad.yaml'
        file.write_bytes(content)
        with pytest.raises(SchemaError, match=message):
            get_schema(file)

    def test_one_sigma_is_for_all_landmarks(self) -> None:
        data = two_categories()
        data['categories'][1]['sigmas'] = 0.1
        assert get_schema(data) == get_schema(two_categories())
        del data['categories'][1]['sigmas']
        with pytest.raises(SchemaError, match=r"'shoe': the key 'sigmas' is missing; give one num"):
            get_schema(data)

    def test_a_byte_order_mark_is_no_mistake(self, tmp_path: Path) -> None:
        for suffix in ('.json', '.yaml'):
            file = (tmp_path / 'schema').with_suffix(suffix)
            file.write_text(json.dumps(two_categories()), encoding='utf-8-sig')
            assert get_schema(file) == get_schema(two_categories())

    def test_a_missing_file_and_an_unknown_name(self, tmp_path: Path) -> None:
        with pytest.raises(SchemaError, match=r'nothing\.json cannot be read'):
            get_schema(tmp_path / 'nothing.json')
        with pytest.raises(SchemaError, match="schema 'deepfashion3' is neither built in"):
            get_schema('deepfashion3')

    def test_unknown_category(self) -> None:
        with pytest.raises(SchemaError, match='category id 14 is not in schema'):
            DEEPFASHION2.label_of(14)
        with pytest.raises(SchemaError, match="category name 'sock'"):
            DEEPFASHION2.label_of_name('sock')

    def test_arrays_cannot_be_changed_by_accident(self) -> None:
        with pytest.raises(ValueError, match='read-only'):
            DEEPFASHION2.slots[0, 0] = 5

    def test_schemas_compare_by_value(self) -> None:
        assert get_schema(two_categories()) == get_schema(two_categories())
        assert get_schema(two_categories()) != DEEPFASHION2
        assert isinstance(get_schema(), LandmarkSchema)
