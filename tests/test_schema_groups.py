# SPDX-License-Identifier: Apache-2.0
"""Landmark groups: DeepFashion2's against its figure, the rules against a naive transcription."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepmark.datasets.garments.templates import CUTS, UpperCut, landmark_names
from deepmark.schema import DEEPFASHION2, Category, LandmarkSchema, SchemaError, get_schema

DOCUMENT = Path(__file__).parents[1] / 'docs' / 'landmark_groups.md'


def bag_and_shoe() -> dict:
    """A bag with two handles, a shoe without sides; both have a middle."""
    bag = {
        'id': 7,
        'name': 'hand bag',
        'num_keypoints': 3,
        'flip_pairs': '1-3',
        'sigmas': [0.1, 0.1, 0.1],
        'keypoint_groups': 'end_left middle end_right',
    }
    shoe = {
        'id': 9,
        'name': 'shoe',
        'num_keypoints': 4,
        'flip_pairs': '3-4',
        'sigmas': [0.1, 0.1, 0.1, 0.1],
        'keypoint_groups': 'toe middle end_left end_right',
    }
    return {'name': 'accessories', 'categories': [bag, shoe]}


def changed(index: int, **change: object) -> dict:
    data = bag_and_shoe()
    data['categories'][index].update(change)
    return data


class TestDeepFashion2:
    def test_number_of_groups(self) -> None:
        # 5 on the axis: neck_back, neckline_front, hem_center, waistband_center, crotch. 28 pairs:
        # neck, neckline, shoulder, strap foot (4); outer sleeve 3, inner sleeve 3, cuff 2 (8);
        # armpit, side 4, hem (6); opening 4; waistband, leg: outer 2, end 2, inner knee (6).
        assert DEEPFASHION2.num_groups == 5 + 2 * (4 + 8 + 6 + 4 + 6) == 61
        flip = DEEPFASHION2.group_flip_index
        assert int((flip == np.arange(61)).sum()) == 5

    def test_shapes_and_padding(self) -> None:
        valid = DEEPFASHION2.keypoint_valid
        assert DEEPFASHION2.groups.shape == (13, 39) == DEEPFASHION2.slots.shape
        assert (DEEPFASHION2.groups[~valid] == -1).all()
        assert np.array_equal(DEEPFASHION2.groups[valid], DEEPFASHION2.slot_groups)
        assert np.unique(DEEPFASHION2.slot_groups).tolist() == list(range(61))
        for array in (DEEPFASHION2.groups, DEEPFASHION2.slot_groups, DEEPFASHION2.group_flip_index):
            assert array.dtype == np.int64
            with pytest.raises(ValueError, match='read-only'):
                array[0] = 5

    def test_no_channel_holds_two_landmarks_of_a_category(self) -> None:
        for label, count in enumerate(DEEPFASHION2.num_keypoints):
            assert len(set(DEEPFASHION2.groups[label, :count].tolist())) == count

    def test_flips_are_an_involution_and_exchange_left_and_right(self) -> None:
        flip = DEEPFASHION2.group_flip_index
        assert (flip[flip] == np.arange(61)).all()
        for name, other in zip(
            DEEPFASHION2.group_names, np.array(DEEPFASHION2.group_names)[flip], strict=True
        ):
            stem, _, side = name.rpartition('_')
            mirrored = {'left': f'{stem}_right', 'right': f'{stem}_left'}.get(side, name)
            assert other == mirrored

    @pytest.mark.parametrize('grouped', [False, True])
    @given(seed=st.integers(0, 1000))
    def test_flipping_channels_flips_the_landmarks_read_from_them(
        self, grouped: bool, seed: int
    ) -> None:
        layout = DEEPFASHION2.channel_layout(grouped)
        channels = np.random.default_rng(seed).random(layout.count)
        read = channels[layout.table]
        label, column = DEEPFASHION2.keypoint_valid.nonzero()
        flipped_landmarks = read[label, DEEPFASHION2.flip_index[label, column]]
        read_after_the_flip = channels[layout.flip_index][layout.table][label, column]
        assert np.array_equal(flipped_landmarks, read_after_the_flip)

    @pytest.mark.parametrize('category_id', range(1, 14))
    def test_groups_agree_with_the_garment_generator(self, category_id: int) -> None:
        """Its templates put names on the same 294 numbers, from the cut of the garment."""
        names = landmark_names(category_id)
        expected = tuple(_group_of(category_id, name) for name in names)
        label = DEEPFASHION2.label_of(category_id)
        assert DEEPFASHION2.categories[label].keypoint_groups == expected

    def test_landmarks_read_off_the_figure(self) -> None:
        def group(category_id: int, landmark: int) -> str:
            label = DEEPFASHION2.label_of(category_id)
            return DEEPFASHION2.group_names[DEEPFASHION2.groups[label, landmark - 1]]

        # The collar point is 2 in every upper garment, and the trap of short sleeve outwear.
        assert {group(c, 2) for c in (1, 2, 3, 4, 5, 10, 11, 12)} == {'neck_left'}
        assert group(3, 4) == group(4, 4) == 'opening_top_left'
        assert group(3, 26) == group(4, 34) == 'opening_top_right'
        assert [group(3, n) for n in (30, 31, 16)] == [group(4, n) for n in (38, 39, 20)]
        assert [group(3, n) for n in (27, 28, 29)] == [group(4, n) for n in (35, 36, 37)]
        assert group(3, 27) == 'opening_upper_right'
        assert group(6, 2) == group(13, 2) == 'strap_foot_left'
        # Armpits are the peaks 12 and 20, 16 and 24, 16 and 28; a vest has none.
        assert group(1, 12) == group(2, 16) == group(10, 12) == group(11, 16) == 'armpit_left'
        assert group(1, 20) == group(4, 24) == group(11, 28) == 'armpit_right'
        assert group(5, 8) == group(12, 8) == group(2, 17) == 'side_chest_left'
        # The waist of a dress, 19 on the real photos, is that of a top.
        assert group(11, 19) == group(2, 18) == group(13, 10) == 'side_waist_left'
        assert group(9, 5) == group(13, 12) == group(1, 15) == 'hem_left'
        assert group(7, 7) == group(8, 9) == 'crotch'
        assert group(8, 11) == group(7, 8) == 'leg_hem_inner_right'
        assert group(8, 13) == 'leg_outer_knee_right'

    def test_the_document_has_every_landmark_of_every_group(self) -> None:
        text = DOCUMENT.read_text(encoding='utf-8')
        documented: dict[tuple[int, int], str] = {}
        for names, uses in re.findall(r'^\| (`[^|]+`) \|[^|]+\| ([^|]+) \|$', text, re.MULTILINE):
            groups = re.findall(r'`(\w+)`', names)
            for use in uses.split(';'):
                ids, landmarks = use.split(':')
                for category_id in _expand(ids):
                    for group, landmark in zip(groups, landmarks.split('/'), strict=True):
                        documented[category_id, int(landmark)] = group
        assert documented == {
            (category.category_id, number): group
            for category in DEEPFASHION2.categories
            for number, group in enumerate(category.keypoint_groups, 1)
        }
        assert f'**{DEEPFASHION2.num_groups} channels in place of 294**' in text
        assert [int(i) for i in re.findall(r'\d+', text.split('by id:')[1].split('.')[0])] == list(
            DEEPFASHION2.category_ids
        )


def _expand(ids: str) -> list[int]:
    """'1, 3-5' as 1, 3, 4, 5."""
    spans = [[int(n) for n in span.split('-')] for span in ids.split(',')]
    return [n for span in spans for n in range(span[0], span[-1] + 1)]


def _group_of(category_id: int, template_name: str) -> str:
    """Our group of a landmark that the generator's templates name ``neck-``, ``side2+`` ..."""
    stem = template_name.rstrip('+-')
    side = {'-': '_left', '+': '_right'}.get(template_name[-1], '')
    cut = CUTS[category_id]
    if not isinstance(cut, UpperCut):
        legs = {
            'waist': 'waistband' if side else 'waistband_center',
            'outer1': 'leg_outer_upper' if cut.legs else 'side_skirt',
            'outer2': 'leg_outer_knee',
            'inner1': 'leg_inner_knee',
            'outer_hem': 'leg_hem_outer',
            'inner_hem': 'leg_hem_inner',
            'hem': 'hem' if side else 'hem_center',
            'crotch': 'crotch',
        }
        return legs[stem] + side
    sides = ['chest', 'ribs', 'waist', 'skirt'] if cut.dress else ['chest', 'waist']
    if cut.sleeve in ('vest', 'sling'):  # the templates call the first point below the arm armpit
        side_names = {f'side{n}': f'side_{name}' for n, name in enumerate(sides)}
        side_names['armpit'] = 'side_chest'
    else:
        side_names = {f'side{n}': f'side_{name}' for n, name in enumerate(sides, 1)}
    parts = dict(enumerate(['upper', 'elbow', 'lower'], 1))
    upper = {
        'back': 'neck_back',
        'neck': 'strap_foot' if cut.sleeve == 'sling' else 'neck',
        'line': 'neckline' if side else 'neckline_front',
        'hem': 'hem' if side else 'hem_center',
        'front': 'opening_top',
        'edge1': 'opening_upper',
        'edge2': 'opening_lower',
        'front_hem': 'opening_hem',
        **{f'outer{n}': f'sleeve_outer_{part}' for n, part in parts.items()},
        **{f'inner{n}': f'sleeve_inner_{part}' for n, part in parts.items()},
        **side_names,
    }
    return upper.get(stem, stem) + side


class TestUserSchema:
    def test_groups_by_hand(self) -> None:
        schema = get_schema(bag_and_shoe())
        assert schema.group_names == ('end_left', 'middle', 'end_right', 'toe')
        assert schema.num_groups == 4
        assert schema.slot_groups.tolist() == [0, 1, 2, 3, 1, 0, 2]
        assert schema.groups.tolist() == [[0, 1, 2, -1], [3, 1, 0, 2]]
        assert schema.group_flip_index.tolist() == [2, 1, 0, 3]

    def test_channel_layouts_by_hand(self) -> None:
        schema = get_schema(bag_and_shoe())
        grouped, slots = schema.channel_layout(True), schema.channel_layout(grouped=False)
        assert (grouped.count, slots.count) == (4, 7)
        assert grouped.table is schema.groups
        assert grouped.flip_index.tolist() == [2, 1, 0, 3]
        assert slots.table.tolist() == [[0, 1, 2, -1], [3, 4, 5, 6]]
        assert slots.flip_index.tolist() == [2, 1, 0, 3, 4, 6, 5]

    def test_without_groups_each_landmark_is_one(self) -> None:
        data = bag_and_shoe()
        for category in data['categories']:
            del category['keypoint_groups']
        schema = get_schema(data)
        assert schema.num_groups == schema.num_slots == 7
        assert schema.group_names[:4] == ('hand bag 1', 'hand bag 2', 'hand bag 3', 'shoe 1')
        assert schema.slot_groups.tolist() == list(range(7))
        grouped, slots = schema.channel_layout(True), schema.channel_layout(False)
        assert np.array_equal(grouped.table, slots.table)
        assert np.array_equal(grouped.flip_index, slots.flip_index)

    def test_a_category_without_groups_beside_one_with(self) -> None:
        schema = get_schema(changed(0, keypoint_groups=[]))
        assert schema.group_names[:4] == ('hand bag 1', 'hand bag 2', 'hand bag 3', 'toe')
        assert schema.groups.tolist() == [[0, 1, 2, -1], [3, 4, 5, 6]]
        assert schema.group_flip_index.tolist() == [2, 1, 0, 3, 4, 6, 5]

    def test_a_plain_list_and_left_sides_only_mean_the_same(self) -> None:
        names = ['end_left', 'middle', 'end_right']
        assert get_schema(changed(0, keypoint_groups=names)) == get_schema(bag_and_shoe())
        short = changed(0, keypoint_groups='end_left middle')
        assert get_schema(short) == get_schema(bag_and_shoe())

    def test_groups_are_part_of_the_value(self) -> None:
        category = get_schema(bag_and_shoe()).categories[0]
        again = get_schema(bag_and_shoe()).categories[0]
        assert category == again
        assert hash(category) == hash(again)
        assert replace(category, keypoint_groups=()) != category
        assert get_schema(changed(0, keypoint_groups=[])) != get_schema(bag_and_shoe())

    def test_a_category_at_the_end_leaves_the_channels(self) -> None:
        schema = get_schema(bag_and_shoe())
        bag_only = LandmarkSchema('bags', schema.categories[:1])
        assert schema.group_names[: bag_only.num_groups] == bag_only.group_names

    @pytest.mark.parametrize(
        ('change', 'message'),
        [
            (
                {'keypoint_groups': 'end_left middle middle'},
                r"category 7 'hand bag': landmarks 2 and 3 are both in group 'middle'; two",
            ),
            (
                {'keypoint_groups': ['end_left', 'the middle', 'end_right']},
                r"category 7 'hand bag': group 'the middle' of landmark 2 is not one word",
            ),
            (
                {'keypoint_groups': 'end_left'},
                r"category 7 'hand bag': keypoint_groups: landmark 2 has none; name it, or its fl",
            ),
            (
                {'keypoint_groups': 'end middle'},
                r"'hand bag': keypoint_groups: landmark 3 has none; .* flip partner with _left or",
            ),
            (
                {'keypoint_groups': 'end_left 4:toe'},
                r"'hand bag': keypoint_groups: names landmark 4, but the category has 1 \.\. 3",
            ),
            ({'keypoint_groups': 'a b 2:c'}, r"keypoint_groups: '2:c' names landmark 2 a second"),
            ({'keypoint_groups': '0:a b'}, r'keypoint_groups: names landmark 0, but the category'),
            ({'keypoint_groups': 'a-b'}, r"'hand bag': keypoint_groups: 'a-b' is not of the form"),
            ({'sigmas': [0.1] * 4}, r"category 7 'hand bag': sigmas has 4 entries for 3 landm"),
            ({'keypoint_groups': 5}, r"'hand bag': keypoint_groups: 5 is not a list"),
            ({'keypoint_groups': ['a', 5]}, r'keypoint_groups: landmark 2: 5 is not a text'),
        ],
    )
    def test_mistakes_are_named(self, change: dict, message: str) -> None:
        with pytest.raises(SchemaError, match=rf'^schema: .*{message}'):
            get_schema(changed(0, **change))

    def test_groups_whose_mirror_images_disagree_are_named(self) -> None:
        message = (
            r"^schema 'accessories': landmark 3 of category 9 'shoe' is in group 'end_left' and "
            r"flips to group 'heel', but landmark 1 of category 7 'hand bag' is in it too and "
            r"flips to group 'end_right'; the mirror image"
        )
        bag, shoe = get_schema(bag_and_shoe()).categories
        shoe = replace(shoe, keypoint_groups=('toe', 'middle', 'end_left', 'heel'))
        with pytest.raises(SchemaError, match=message):
            LandmarkSchema('accessories', [bag, shoe])

    def test_a_group_on_the_axis_stays_there(self) -> None:
        groups = 'end_left middle toe end_right'  # 3-4 is a pair, 1 and 2 lie on the axis
        message = r"landmark 1 of category 9 'shoe' is in group 'end_left' and flips to group 'end_"
        with pytest.raises(SchemaError, match=message):
            get_schema(changed(1, keypoint_groups=groups))


@st.composite
def categories(draw: st.DrawFn) -> list[Category]:
    """One to three categories of up to four landmarks with any pairs and groups of six names."""
    drawn = []
    for number in range(draw(st.integers(1, 3))):
        count = draw(st.integers(1, 4))
        order = draw(st.permutations(range(count)))
        pairs = draw(st.integers(0, count // 2))
        names = draw(st.permutations('abcdef'))[:count]
        drawn.append(
            Category(
                name=f'category {number}',
                category_id=number,
                num_keypoints=count,
                flip_pairs=tuple((order[2 * i], order[2 * i + 1]) for i in range(pairs)),
                skeleton=(),
                sigmas=(0.1,) * count,
                keypoint_names=tuple(names),
                keypoint_groups=tuple(names),
            )
        )
    return drawn


@given(categories())
def test_a_schema_is_accepted_just_when_each_group_has_one_mirror_image(
    drawn: list[Category],
) -> None:
    images: dict[str, set[str]] = {}
    for category in drawn:
        partner = {a: b for x, y in category.flip_pairs for a, b in ((x, y), (y, x))}
        for index, group in enumerate(category.keypoint_groups):
            image = category.keypoint_groups[partner.get(index, index)]
            images.setdefault(group, set()).add(image)
    if any(len(image) > 1 for image in images.values()):
        with pytest.raises(SchemaError, match='the mirror image of a group must be one group'):
            LandmarkSchema('drawn', drawn)
        return
    schema = LandmarkSchema('drawn', drawn)
    mirrored = [schema.group_names[i] for i in schema.group_flip_index]
    assert dict(zip(schema.group_names, mirrored, strict=True)) == {
        group: next(iter(image)) for group, image in images.items()
    }
    assert [images[group] for group in mirrored] == [{group} for group in schema.group_names]
