# SPDX-License-Identifier: Apache-2.0
"""The generator of drawn garments: shapes, scenes and the truth of the annotations."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from deepmark.datasets.garments import (
    GarmentConfig,
    GarmentError,
    render_scene,
)
from deepmark.datasets.garments.body import Body, random_body
from deepmark.datasets.garments.geometry import along, curve, point, tube
from deepmark.datasets.garments.outfit import build
from deepmark.datasets.garments.raster import Canvas
from deepmark.datasets.garments.templates import CUTS, landmark_names
from deepmark.schema import DEEPFASHION2

SMALL = GarmentConfig(size=96)


def items(annotation: dict[str, Any]) -> list[dict[str, Any]]:
    return [value for key, value in annotation.items() if key.startswith('item')]


def landmarks_of(item: dict[str, Any]) -> np.ndarray:
    return np.array(item['landmarks']).reshape(-1, 3)


@pytest.fixture(scope='module')
def scenes() -> list[tuple[np.ndarray, dict[str, Any]]]:
    """One hundred images as they are made by default, smaller."""
    config = GarmentConfig(size=160)
    return [render_scene(0, index, config=config) for index in range(1, 101)]


# The templates


@pytest.mark.parametrize('category_id', sorted(CUTS))
def test_landmark_names_follow_the_schema(category_id: int) -> None:
    category = DEEPFASHION2.categories[DEEPFASHION2.label_of(category_id)]
    names = landmark_names(category_id)
    assert len(names) == len(set(names)) == category.num_keypoints
    paired = {i for pair in category.flip_pairs for i in pair}
    for left, right in category.flip_pairs:
        assert names[left][:-1] == names[right][:-1]
        assert {names[left][-1], names[right][-1]} == {'-', '+'}
    assert all(names[i][-1] not in '-+' for i in range(len(names)) if i not in paired)


def test_landmark_order_of_the_figure() -> None:
    """Read off DeepFashion2's figure of landmark definitions, numbers from 1."""
    top = landmark_names(1)
    assert top[:6] == ('back', 'neck-', 'line-', 'line', 'line+', 'neck+')
    assert top[6:12] == (
        'shoulder-',
        'outer1-',
        'cuff_outer-',
        'cuff_inner-',
        'inner1-',
        'armpit-',
    )
    assert top[12:18] == ('side1-', 'side2-', 'hem-', 'hem', 'hem+', 'side2+')
    coat = landmark_names(4)
    assert [coat[i - 1] for i in (2, 4, 19, 20, 21, 34)] == [
        'neck-',
        'front-',
        'hem-',
        'front_hem-',
        'hem+',
        'front+',
    ]
    assert coat[34:] == ('edge1+', 'edge2+', 'front_hem+', 'edge1-', 'edge2-')
    assert landmark_names(8)[3:9] == (
        'outer1-',
        'outer2-',
        'outer_hem-',
        'inner_hem-',
        'inner1-',
        'crotch',
    )


def test_short_sleeve_outwear_follows_the_sigmas() -> None:
    names = landmark_names(3)
    assert (names[1], names[5]) == ('neck-', 'neck+')
    assert (names[3], names[25]) == ('front-', 'front+')


# The geometry of bodies and garments


def test_curve_passes_through_its_control_points() -> None:
    control = [point(0, 0), point(1, 2), point(3, 1)]
    line = curve(*control, steps=5)
    assert line.shape == (11, 2)
    np.testing.assert_allclose(line[[0, 5, 10]], control, atol=1e-12)


def test_along_measures_arc_length() -> None:
    line = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    np.testing.assert_allclose(along(line, np.array([0.5, 1.0])), [[2.0, 0.0], [3.0, 1.0]])


def test_tube_of_a_hanging_arm() -> None:
    """A vertical line of width 0.2 on the image's left: the outer edge lies at smaller x."""
    line = np.array([[0.0, 0.0], [0.0, 1.0]])
    limb = tube(line, 0.5, (0.1, 0.1), side=-1)
    np.testing.assert_allclose(limb.outer[-1], [-0.1, 0.5], atol=1e-12)
    np.testing.assert_allclose(limb.inner[-1], [0.1, 0.5], atol=1e-12)


def test_turned_body_is_an_elliptical_cylinder() -> None:
    assert Body().turned(0.2) == pytest.approx(0.2)
    assert Body(turn=90).turned(0.2) == pytest.approx(0.62 * 0.2)
    np.testing.assert_allclose(Body(turn=90).place(0.3, 0.5, depth=0.1), [0.1, 0.5], atol=1e-12)


@pytest.mark.parametrize('category_id', sorted(CUTS))
@pytest.mark.parametrize('view', ['flat', 'front'])
def test_left_is_left(category_id: int, view: str) -> None:
    """On the torso, and everywhere on a garment laid flat, '-' lies left of '+'."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        garment = build(category_id, random_body(rng, view), rng)
        for name in landmark_names(category_id):
            crossed_arms = view != 'flat' and name.startswith(('outer', 'inner', 'cuff'))
            if name.endswith('-') and not (crossed_arms and category_id not in (7, 8)):
                right = garment.keypoints[f'{name[:-1]}+']
                assert garment.keypoints[name][0] < right[0], (seed, name)


@pytest.mark.parametrize('category_id', [c for c in CUTS if c not in (7, 8, 9)])
def test_upper_garments_run_from_top_to_bottom(category_id: int) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        y = {k: v[1] for k, v in build(category_id, Body('flat'), rng).keypoints.items()}
        sides = sorted(name for name in y if name.startswith('side') and name.endswith('-'))
        chain = [y['neck-'], y['armpit-'], *(y[name] for name in sides), y['hem-']]
        assert chain == sorted(chain)
        assert y['neck-'] < y['line-'] < y['front-' if 'front-' in y else 'line']


def test_dresses_are_longer_than_tops() -> None:
    longest_top = max(CUTS[c].hem[1] for c in (1, 2, 5, 6))  # type: ignore[union-attr]
    assert longest_top < min(CUTS[c].hem[0] for c in (10, 11, 12, 13))  # type: ignore[union-attr]


# The z-order test


def test_a_later_layer_occludes_a_landmark() -> None:
    canvas = Canvas(np.zeros((20, 20, 3), np.uint8))
    square = np.array([[2.0, 2.0], [12.0, 2.0], [12.0, 12.0], [2.0, 12.0]])
    canvas.paint([square], (200, 200, 200), owner=0, part='torso')
    canvas.paint([square + 6], (90, 90, 90), owner=0, part='sleeve+')
    points = np.array([[4.0, 4.0], [10.0, 10.0], [10.0, 10.0], [4.0, 4.0]])
    parts = [('torso',), ('torso',), ('torso', 'sleeve+'), ('hidden',)]
    assert canvas.occluded(0, points, parts).tolist() == [False, True, False, True]
    assert canvas.owner[10, 10] == 0
    assert canvas.extent(0)[4, 4] == 255
    assert canvas.extent(0)[19, 4] == 0


# Whole scenes


def test_scene_depends_on_its_arguments_only() -> None:
    first, annotation = render_scene(3, 7, 'train', SMALL)
    render_scene(3, 8, 'train', SMALL)
    again, same = render_scene(3, 7, 'train', SMALL)
    assert first.shape == (96, 96, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert annotation == same
    for other in ((4, 7, 'train'), (3, 8, 'train'), (3, 7, 'validation')):
        assert not np.array_equal(first, render_scene(*other, SMALL)[0])


def test_annotations_are_valid(scenes: list[tuple[np.ndarray, dict[str, Any]]]) -> None:
    for image, annotation in scenes:
        height, width = image.shape[:2]
        assert annotation['source'] in ('user', 'shop')
        found = items(annotation)
        assert found
        assert [f'item{i}' for i in range(1, len(found) + 1)] == list(annotation)[2:]
        for item in found:
            category = DEEPFASHION2.categories[DEEPFASHION2.label_of(item['category_id'])]
            assert item['category_name'] == category.name
            landmarks = landmarks_of(item)
            assert len(landmarks) == category.num_keypoints
            x1, y1, x2, y2 = item['bounding_box']
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
            x, y = landmarks[landmarks[:, 2] > 0, :2].T
            assert (x >= 0).all() and (x <= width - 1).all()  # noqa: PT018
            assert (y >= 0).all() and (y <= height - 1).all()  # noqa: PT018
            assert not landmarks[landmarks[:, 2] == 0].any()
            assert set(landmarks[:, 2]) <= {0, 1, 2}
            assert all(item[k] in (1, 2, 3) for k in ('scale', 'occlusion', 'zoom_in', 'viewpoint'))


def test_boxes_hold_the_visible_landmarks(
    scenes: list[tuple[np.ndarray, dict[str, Any]]],
) -> None:
    for image, annotation in scenes:
        margin = 0.02 * len(image)
        for item in items(annotation):
            landmarks = landmarks_of(item)
            seen = landmarks[landmarks[:, 2] == 2, :2]
            low, high = np.array(item['bounding_box']).reshape(2, 2)
            assert (seen >= low - margin).all(), item['category_name']
            assert (seen <= high + margin).all(), item['category_name']


def test_visible_landmarks_lie_on_the_visible_area(
    scenes: list[tuple[np.ndarray, dict[str, Any]]],
) -> None:
    """Most of v = 2 lie within 3 pixels of the segmentation; what v = 1 covers mostly does not."""
    distance: dict[int, list[float]] = {1: [], 2: []}
    for _, annotation in scenes:
        for item in items(annotation):
            polygons = [np.array(p, np.int32).reshape(-1, 1, 2) for p in item['segmentation']]
            for x, y, v in landmarks_of(item):
                if v:
                    at = (float(x), float(y))
                    depth = max(cv2.pointPolygonTest(polygon, at, True) for polygon in polygons)
                    distance[int(v)].append(-depth)
    assert np.mean(np.array(distance[2]) < 3) > 0.98
    assert np.mean(np.array(distance[1]) > 1) > 0.5


def test_variety_of_a_hundred_scenes(scenes: list[tuple[np.ndarray, dict[str, Any]]]) -> None:
    found = [item for _, annotation in scenes for item in items(annotation)]
    assert {item['category_id'] for item in found} == set(CUTS)
    visibility = np.concatenate([landmarks_of(item)[:, 2] for item in found])
    share = [float(np.mean(visibility == v)) for v in (0, 1, 2)]
    assert 0.01 < share[0] < 0.3
    assert 0.05 < share[1] < 0.5
    assert share[2] > 0.4
    for key in ('scale', 'occlusion', 'zoom_in', 'viewpoint'):
        assert set(Counter(item[key] for item in found)) == {1, 2, 3}, key
    assert any(len(items(annotation)) >= 3 for _, annotation in scenes)


def test_levels_say_what_was_drawn() -> None:
    """Flat garments without anything in front: viewpoint 1, nothing cut off, no occlusion."""
    config = replace(SMALL, flat=1.0, occluders=0.0, second_person=0.0, fill=(0.8, 0.8))
    for index in range(1, 9):
        _, annotation = render_scene(0, index, config=config)
        (item,) = items(annotation)
        assert annotation['source'] == 'shop'
        assert item['viewpoint'] == 1
        assert item['zoom_in'] == 1
        assert item['occlusion'] == 1
        x1, y1, x2, y2 = item['bounding_box']
        share = (x2 - x1) * (y2 - y1) / 96**2
        assert item['scale'] == (1 if share < 0.1 else 2 if share < 0.4 else 3)


def test_difficulty_levels() -> None:
    easy = GarmentConfig(size=128).at_difficulty('easy')
    assert (easy.size, easy.occluders, easy.back) == (128, 0.0, 0.0)
    assert GarmentConfig().at_difficulty('medium') == GarmentConfig()
    assert GarmentConfig().at_difficulty('hard').occluders > GarmentConfig().occluders
    with pytest.raises(GarmentError, match='extreme'):
        GarmentConfig().at_difficulty('extreme')


@pytest.mark.parametrize(
    ('setting', 'value'),
    [('size', 10), ('flat', 1.5), ('side', -0.1), ('fill', (0.9, 0.2)), ('back', 0.95)],
)
def test_impossible_settings_are_refused(setting: str, value: object) -> None:
    with pytest.raises(GarmentError, match=setting):
        GarmentConfig(**{setting: value})  # type: ignore[arg-type]


def test_hopeless_settings_end_with_advice() -> None:
    with pytest.raises(GarmentError, match='raise fill'):
        render_scene(0, 1, config=replace(SMALL, fill=(0.02, 0.03), close_up=0.0))
