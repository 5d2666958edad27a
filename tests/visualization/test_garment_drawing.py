# SPDX-License-Identifier: Apache-2.0
"""What is drawn where, and in which colour."""

from __future__ import annotations

import numpy as np
import pytest

from deepmark.schema import DEEPFASHION2
from deepmark.visualization.captions import contrast, draw_caption, text_mask
from deepmark.visualization.garment_drawing import DrawingStyle, GarmentSet, draw_garments

SKIRT = 8
COLOR = np.array(DEEPFASHION2.palette[SKIRT])
GREY = 128


def skirt(**changes: np.ndarray) -> GarmentSet:
    """A skirt in the middle of a 200 x 300 image, landmarks 20 pixels apart on a line."""
    keypoints = np.zeros((1, DEEPFASHION2.max_keypoints, 2))
    keypoints[0, :8] = [(80 + 20 * k, 100) for k in range(8)]
    visibility = np.zeros((1, DEEPFASHION2.max_keypoints), int)
    visibility[0, :8] = 2
    fields = {
        'boxes_xyxy': np.array([[60.0, 60, 240, 160]]),
        'labels': np.array([SKIRT]),
        'keypoints': keypoints,
        'visibility': visibility,
    }
    return GarmentSet(**{**fields, **changes})


def canvas() -> np.ndarray:
    return np.full((200, 300, 3), GREY, np.uint8)


def is_color(pixel: np.ndarray, color: np.ndarray, tolerance: int = 12) -> bool:
    return bool(np.abs(pixel.astype(int) - color).max() <= tolerance)


def test_visible_landmark_is_filled_with_the_category_colour() -> None:
    image = canvas()
    picture = draw_garments(image, skirt(), DEEPFASHION2)
    assert is_color(picture[100, 80], COLOR)
    assert is_color(picture[60, 150], COLOR)  # upper edge of the box
    assert (image == GREY).all()


def test_occluded_landmark_is_hollow() -> None:
    occluded = skirt()
    occluded.visibility[0, 1:] = 0
    occluded.visibility[0, 0] = 1
    style = DrawingStyle(line=1, radius=6.0, text=12)
    picture = draw_garments(canvas(), occluded, DEEPFASHION2, style)
    assert is_color(picture[100, 80], np.full(3, GREY))
    assert is_color(picture[100, 80 + 8], COLOR, tolerance=40)  # 1.4 x radius


def test_unlabelled_landmarks_and_their_lines_are_not_drawn() -> None:
    unlabelled = skirt()
    unlabelled.visibility[:] = 0
    picture = draw_garments(canvas(), unlabelled, DEEPFASHION2)
    assert (picture[80:140, 70:230] == GREY).all()


def test_padding_columns_are_not_drawn() -> None:
    padded = skirt()
    padded.keypoints[0, 8:] = (20, 20)
    picture = draw_garments(
        canvas(), GarmentSet(padded.boxes_xyxy, padded.labels, None, padded.keypoints), DEEPFASHION2
    )
    assert (picture[10:30, 10:30] == GREY).all()


def test_a_skeleton_line_joins_neighbours() -> None:
    first, last = DEEPFASHION2.skeleton(SKIRT)[0]
    joined = skirt()
    joined.keypoints[0, first], joined.keypoints[0, last] = (100, 80), (100, 140)
    picture = draw_garments(canvas(), joined, DEEPFASHION2)
    column = picture[85:135, 100]
    assert np.mean([is_color(pixel, COLOR) for pixel in column]) > 0.9


def test_the_best_garment_lies_on_top() -> None:
    boxes = np.array([[60.0, 60, 240, 160], [60.0, 60, 240, 160]])
    labels = np.array([SKIRT, 0])
    garments = GarmentSet(boxes, labels, scores=np.array([0.9, 0.2]))
    picture = draw_garments(canvas(), garments, DEEPFASHION2)
    assert is_color(picture[110, 60], COLOR)


@pytest.mark.parametrize('value', [1e9, -1e9, np.nan, np.inf])
def test_numbers_far_outside_are_survived(value: float) -> None:
    wild = skirt(boxes_xyxy=np.array([[value, 10, 50, 50]]))
    wild.keypoints[0, 0] = value
    assert draw_garments(canvas(), wild, DEEPFASHION2).shape == (200, 300, 3)


def test_no_garments_leave_the_image() -> None:
    empty = GarmentSet(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    assert np.array_equal(draw_garments(canvas(), empty, DEEPFASHION2), canvas())


def test_scaling_keeps_pixel_centres() -> None:
    scaled = skirt().scaled(2)
    # the centre of pixel 60 lies 60.5 pixels from the edge: 121 when doubled, coordinate 120.5
    assert scaled.boxes_xyxy[0].tolist() == [120.5, 120.5, 480.5, 320.5]
    assert scaled.keypoints[0, 0].tolist() == [160.5, 200.5]


def test_caption_stays_inside_and_is_legible() -> None:
    image = canvas()
    draw_caption(image, 'skirt 0.95', np.array([290.0, 1.0]), (255, 255, 0), 12)
    height, width = text_mask('skirt 0.95', 12).shape
    block = image[:height, 300 - width :]
    assert is_color(block[0, 0], np.array([255, 255, 0]))
    assert block.min() < 60  # black letters on yellow
    assert (image[height:] == GREY).all()


def test_caption_larger_than_the_image_is_cut() -> None:
    tiny = np.zeros((5, 7, 3), np.uint8)
    draw_caption(tiny, 'a very long caption', np.array([0.0, 0.0]), (255, 255, 255), 20)
    assert tiny[0, 0].tolist() == [255, 255, 255]


def test_contrast_is_black_on_yellow_and_white_on_blue() -> None:
    assert contrast((255, 255, 0)) == (0, 0, 0)
    assert contrast((0, 0, 255)) == (255, 255, 255)
