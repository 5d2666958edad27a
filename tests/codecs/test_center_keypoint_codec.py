# SPDX-License-Identifier: Apache-2.0
"""Encode and decode: hand-computed targets, round trips, and the rules of the refinement."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from dense_maps import DenseMaps, dense_heatmap, perfect_maps
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from deepmark.codecs import CenterKeypointCodec, Garments

# Two categories: a bar with 2 landmarks and a corner with 3.
SCHEMA = {
    'name': 'tiny',
    'categories': [
        {'id': 1, 'name': 'bar', 'num_keypoints': 2, 'flip_pairs': '1-2', 'sigmas': [0.1, 0.1]},
        {'id': 2, 'name': 'corner', 'num_keypoints': 3, 'sigmas': [0.1, 0.1, 0.1]},
    ],
}
HEIGHT, WIDTH = 12, 20


def codec(**kwargs: Any) -> CenterKeypointCodec:
    return CenterKeypointCodec(SCHEMA, **{'stride': 4, 'detections': 10, **kwargs})


def garments(*rows: tuple[int, int, list[float], list[list[float]]]) -> Garments:
    """Rows of image, label, box in input pixels, landmarks (x, y, v)."""
    keypoints = torch.zeros(len(rows), 3, 3)
    for n, (_, _, _, points) in enumerate(rows):
        keypoints[n, : len(points)] = torch.tensor(points, dtype=torch.float32).view(-1, 3)
    return Garments(
        image_index=torch.tensor([row[0] for row in rows], dtype=torch.long),
        labels=torch.tensor([row[1] for row in rows], dtype=torch.long),
        boxes_xyxy=torch.tensor([row[2] for row in rows], dtype=torch.float32).view(-1, 4),
        keypoints=keypoints[..., :2],
        visible=keypoints[..., 2] > 0,
    )


def decode(coder: CenterKeypointCodec, truth: Garments, batch: int = 1) -> Any:
    """Encode, draw the targets, decode."""
    targets = coder.encode(truth, (HEIGHT, WIDTH))
    maps = perfect_maps(targets, batch, coder.schema.num_slots, HEIGHT, WIDTH)
    center = dense_heatmap(targets.center_support, (batch, 2, HEIGHT, WIDTH))
    keypoint = dense_heatmap(targets.keypoint_support, (batch, 5, HEIGHT, WIDTH))
    return coder.decode(center, keypoint, maps)


class TestEncode:
    def test_by_hand(self) -> None:
        truth = garments((0, 1, [6, 10, 44, 36], [[8, 12, 2], [0, 0, 0], [41, 35, 1]]))
        targets = codec().encode(truth, (HEIGHT, WIDTH))
        # In cells: box 1.5 2.5 11 9, centre (6.25, 5.75).
        assert targets.center_cell.tolist() == [[6, 5]]
        assert targets.center_offset.tolist() == [[0.25, 0.75]]
        assert targets.box_size.tolist() == [[9.5, 6.5]]
        assert targets.coarse_keypoints.tolist() == [[[-4, -2], [0, 0], [4.25, 3.75]]]
        assert targets.coarse_weight.tolist() == [[1, 0, 1]]
        assert targets.channels.tolist() == [[2, 0, 4]]
        assert targets.keypoint_cell.tolist() == [[2, 3], [10, 8]]
        assert targets.keypoint_offset.tolist() == [[0, 0], [0.25, 0.75]]
        center = dense_heatmap(targets.center_support, (1, 2, HEIGHT, WIDTH))
        assert center[0, 1, 5, 6] == 1
        assert center[0, 0].abs().max() == 0
        keypoint = dense_heatmap(targets.keypoint_support, (1, 5, HEIGHT, WIDTH))
        assert (keypoint.flatten(2).amax(2) == torch.tensor([[0, 0, 1, 0, 1]])).all()

    def test_a_box_that_leaves_the_map_is_clipped_first(self) -> None:
        truth = garments((0, 0, [-40, 8, 20, 400], [[0, 0, 0], [0, 0, 0]]))
        targets = codec().encode(truth, (HEIGHT, WIDTH))
        assert targets.box_size.tolist() == [[5, 9]]  # x 0 .. 5, y 2 .. 11 = H - 1
        assert targets.center_cell.tolist() == [[2, 6]]

    def test_landmarks_outside_the_map_are_masked(self) -> None:
        truth = garments((0, 0, [8, 8, 40, 40], [[-1, 10, 2], [4 * WIDTH, 10, 2]]))
        targets = codec().encode(truth, (HEIGHT, WIDTH))
        assert targets.coarse_weight.sum() == 0
        assert len(targets.keypoint_cell) == 0

    def test_a_box_outside_is_left_out(self) -> None:
        truth = garments((0, 0, [-40, 8, -20, 20], [[8, 8, 2], [9, 9, 2]]))
        assert len(codec().encode(truth, (HEIGHT, WIDTH)).center_cell) == 0

    @pytest.mark.parametrize(('keep', 'weight'), [(True, 1), (False, 0)])
    def test_garments_without_landmarks(self, keep: bool, weight: int) -> None:
        truth = garments((0, 0, [8, 8, 40, 40], [[8, 8, 0], [9, 9, 0]]))
        targets = codec(boxes_without_keypoints=keep).encode(truth, (HEIGHT, WIDTH))
        assert targets.box_weight.tolist() == [weight]
        assert (targets.center_support.value == 1).sum() == 1  # it stays a positive either way

    def test_no_garments(self) -> None:
        targets = codec().encode(garments(), (HEIGHT, WIDTH))
        assert targets.center_support.position.numel() == 0
        assert targets.coarse_keypoints.shape == (0, 3, 2)

    def test_at_most_so_many_garments_of_an_image(self) -> None:
        rows = [(image, 0, [8.0, 8, 40, 40], [[8, 8, 2]]) for image in (0, 0, 0, 1)]
        targets = codec(max_objects=2).encode(garments(*rows), (HEIGHT, WIDTH))
        assert targets.image_index.tolist() == [0, 0, 1]
        assert len(codec(max_objects=None).encode(garments(*rows), (HEIGHT, WIDTH)).channels) == 4

    def test_the_radius_rule_changes_the_targets(self) -> None:
        truth = garments((0, 0, [0, 0, 76, 44], [[8, 8, 2], [30, 30, 2]]))
        original = codec().encode(truth, (HEIGHT, WIDTH)).keypoint_support
        corrected = codec(radius='corrected').encode(truth, (HEIGHT, WIDTH)).keypoint_support
        assert len(corrected.position) < len(original.position)


class TestRoundTrip:
    def test_two_images(self) -> None:
        truth = garments(
            (0, 1, [6, 10, 44, 36], [[8.3, 12.1, 2], [20, 18.7, 2], [41.2, 35, 1]]),
            (1, 0, [31, 5, 79, 43], [[36.5, 11.5, 2], [70.1, 37.9, 2]]),
        )
        found = decode(codec(), truth, batch=2)
        for image, label, count in ((0, 1, 3), (1, 0, 2)):
            assert found.labels[image, 0] == label
            assert found.scores[image, 0] == 1
            box = found.boxes_xyxy[image, 0]
            expected = torch.minimum(truth.boxes_xyxy[image] / 4, torch.tensor([19, 11, 19, 11]))
            torch.testing.assert_close(box, expected, atol=1e-4, rtol=0)
            torch.testing.assert_close(
                found.keypoints[image, 0, :count],
                truth.keypoints[image, :count] / 4,
                atol=1e-4,
                rtol=0,
            )
            assert (found.keypoint_scores[image, 0, :count] == 1).all()
            assert (found.keypoints[image, 0, count:] == 0).all()

    def test_two_categories_in_one_cell(self) -> None:
        truth = garments(
            (0, 0, [8, 8, 40, 40], [[10, 10, 2], [30, 30, 2]]),
            (0, 1, [8, 8, 40, 40], [[12, 30, 2], [30, 12, 2], [36, 36, 2]]),
        )
        found = decode(codec(), truth)
        assert sorted(found.labels[0, :2].tolist()) == [0, 1]
        for n in range(2):
            label = int(found.labels[0, n])
            torch.testing.assert_close(found.keypoints[0, n], truth.keypoints[label] / 4)

    @settings(max_examples=30, deadline=None)
    @given(st.data())
    def test_any_garment_comes_back(self, data: st.DataObject) -> None:
        x1, y1 = data.draw(st.floats(0, 36)), data.draw(st.floats(0, 20))
        x2, y2 = data.draw(st.floats(x1 + 8, 76)), data.draw(st.floats(y1 + 8, 44))
        inner_x, inner_y = st.floats(x1, x2), st.floats(y1, y2)
        points = [[data.draw(inner_x), data.draw(inner_y), 2] for _ in range(3)]
        # Landmarks of one cell share its offset, in the original as well.
        assume(len({(x // 4, y // 4) for x, y, _ in points}) == 3)
        truth = garments((0, 1, [x1, y1, x2, y2], points))
        found = decode(codec(), truth)
        torch.testing.assert_close(
            found.boxes_xyxy[0, 0], truth.boxes_xyxy[0] / 4, atol=1e-4, rtol=0
        )
        torch.testing.assert_close(found.keypoints[0, 0], truth.keypoints[0] / 4, atol=1e-4, rtol=0)


class TestWithoutOffsets:
    """CenterNet's rule without offset branches: the middle of the cell, cell + 0.5."""

    # In cells: box 1.5 2.5 11 9, centre (6.25, 5.75) in the cell (6, 5), landmarks (2, 3) and
    # (10.25, 8.75).
    TRUTH = (0, 1, [6, 10, 44, 36], [[8, 12, 2], [0, 0, 0], [41, 35, 1]])

    def decode(self, **kwargs: Any) -> Any:
        coder, truth = codec(**kwargs), garments(self.TRUTH)
        targets = coder.encode(truth, (HEIGHT, WIDTH))
        maps = perfect_maps(targets, 1, coder.schema.num_slots, HEIGHT, WIDTH).maps
        used = {'center_offset': coder.center_offset, 'keypoint_offset': coder.keypoint_offset}
        # A branch that is off is not there to be read.
        reader = DenseMaps({name: maps[name] for name in maps if used.get(name, True)})
        center = dense_heatmap(targets.center_support, (1, 2, HEIGHT, WIDTH))
        keypoint = dense_heatmap(targets.keypoint_support, (1, 5, HEIGHT, WIDTH))
        return coder.decode(center, keypoint, reader)

    def test_of_centers(self) -> None:
        found = self.decode(center_offset=False)
        # The size 9.5 x 6.5 around (6.5, 5.5); landmarks hang on the integer cell and stay.
        assert found.boxes_xyxy[0, 0].tolist() == [1.75, 2.25, 11.25, 8.75]
        assert found.keypoints[0, 0, [0, 2]].tolist() == [[2, 3], [10.25, 8.75]]

    def test_of_landmarks(self) -> None:
        found = self.decode(keypoint_offset=False)
        assert found.boxes_xyxy[0, 0].tolist() == [1.5, 2.5, 11, 9]
        assert found.keypoints[0, 0, [0, 2]].tolist() == [[2.5, 3.5], [10.5, 8.5]]

    def test_of_both(self) -> None:
        found = self.decode(center_offset=False, keypoint_offset=False)
        assert found.boxes_xyxy[0, 0].tolist() == [1.75, 2.25, 11.25, 8.75]
        assert found.keypoints[0, 0, [0, 2]].tolist() == [[2.5, 3.5], [10.5, 8.5]]

    def test_the_targets_stay(self) -> None:
        plain, without = (
            codec(center_offset=on, keypoint_offset=on).encode(
                garments(self.TRUTH), (HEIGHT, WIDTH)
            )
            for on in (True, False)
        )
        for ours, theirs in zip(plain[:11], without[:11], strict=True):
            assert torch.equal(ours, theirs)


class TestRefinement:
    """One bar, box (2, 2) .. (12, 8), coarse landmark 0 at (5, 5); the peak is moved about."""

    def found(self, peak_xy: tuple[int, int], score: float, **kwargs: Any) -> tuple[Any, float]:
        center = torch.zeros(1, 2, HEIGHT, WIDTH)
        center[0, 0, 5, 7] = 0.8
        keypoint = torch.zeros(1, 5, HEIGHT, WIDTH)
        keypoint[0, 0, peak_xy[1], peak_xy[0]] = score
        maps = {
            'box_size': torch.tensor([10.0, 6.0]),
            'center_offset': torch.zeros(2),
            'coarse_keypoints': torch.tensor([-2.0, 0, 3, 1, 0, 0, 0, 0, 0, 0]),
            'keypoint_offset': torch.tensor([0.25, 0.5]),
        }
        dense = {
            name: values.view(1, -1, 1, 1).expand(1, -1, HEIGHT, WIDTH)
            for name, values in maps.items()
        }
        result = codec(**kwargs).decode(center, keypoint, DenseMaps(dense))
        return result.keypoints[0, 0, 0].tolist(), result.keypoint_scores[0, 0, 0].item()

    def test_a_near_peak_is_taken(self) -> None:
        point, score = self.found((6, 5), 0.6)
        assert point == [6.25, 5.5]
        assert score == pytest.approx(0.6)

    def test_without_refinement(self) -> None:
        assert self.found((6, 5), 0.6, refine=False)[0] == [5, 5]

    def test_a_weak_peak_is_not(self) -> None:
        assert self.found((6, 5), 0.1)[0] == [5, 5]
        assert self.found((6, 5), 0.1, keypoint_threshold=0.05)[0] == [6.25, 5.5]

    def test_a_peak_outside_the_box_is_not(self) -> None:
        assert self.found((5, 8), 0.9, max_distance=1.0)[0] == [5, 5]  # 8.5 > 8

    def test_a_far_peak_is_not(self) -> None:
        # 0.3 x 10 = 3 cells: (8.25, 5.5) is 3.29 away, (7.25, 5.5) is 2.30.
        assert self.found((8, 5), 0.9)[0] == [5, 5]
        assert self.found((7, 5), 0.9)[0] == [7.25, 5.5]

    def test_the_other_landmark_stays_coarse(self) -> None:
        center = torch.zeros(1, 2, HEIGHT, WIDTH)
        center[0, 0, 5, 7] = 0.8
        keypoint = torch.zeros(1, 5, HEIGHT, WIDTH)
        keypoint[0, 1, 3, 4] = 0.9  # channel of landmark 1, near landmark 0
        zeros = {
            name: torch.zeros(1, width, HEIGHT, WIDTH)
            for name, width in (
                ('box_size', 2),
                ('center_offset', 2),
                ('coarse_keypoints', 10),
                ('keypoint_offset', 2),
            )
        }
        zeros['box_size'] += 20
        result = codec().decode(center, keypoint, DenseMaps(zeros))
        assert result.keypoints[0, 0].tolist() == [[7, 5], [4, 3], [0, 0]]

    def test_scores_of_coarse_landmarks_come_from_the_heatmap(self) -> None:
        assert self.found((5, 5), 0.08)[1] == pytest.approx(0.08)

    def test_without_the_offset_of_peaks_they_lie_in_mid_cell(self) -> None:
        assert self.found((6, 5), 0.6, keypoint_offset=False)[0] == [6.5, 5.5]
        # The rules see that position: 8.5 lies outside the box, whose lower edge is at 8.
        assert self.found((5, 7), 0.6, keypoint_offset=False)[0] == [5.5, 7.5]
        assert self.found((5, 8), 0.6, keypoint_offset=False, max_distance=1.0)[0] == [5, 5]

    def test_a_share_of_the_coarse_position(self) -> None:
        # Coarse (5, 5), refined (6.25, 5.5): a quarter of the way back.
        assert self.found((6, 5), 0.6, blend=0.25)[0] == [5.9375, 5.375]
        assert self.found((6, 5), 0.6, blend=1.0)[0] == [5, 5]
        assert self.found((6, 5), 0.05, blend=0.25)[0] == [5, 5]

    def test_smoothed_maps_are_searched(self) -> None:
        point, score = self.found((6, 5), 0.6, smoothing=0.5)
        assert point == [6.25, 5.5]
        assert score == pytest.approx(0.6 / 1.27134**2, rel=1e-4)

    @pytest.mark.parametrize('bad', [{'blend': 1.5}, {'smoothing': -1.0}])
    def test_bad_options(self, bad: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=r'smoothing is .* blend is'):
            codec(**bad)


class TestGroups:
    """Categories that share channels: a bar's ends are the corner's ends."""

    SCHEMA = {
        'name': 'grouped',
        'categories': [
            {**SCHEMA['categories'][0], 'keypoint_groups': ['end_left', 'end_right']},
            {**SCHEMA['categories'][1], 'flip_pairs': '1-3',
             'keypoint_groups': ['end_left', 'bend', 'end_right']},
        ],
    }  # fmt: skip

    def test_a_round_trip_through_three_channels(self) -> None:
        coder = CenterKeypointCodec(self.SCHEMA, grouped=True, detections=10)
        assert coder.channels.count == 3
        assert coder.flip_index(torch.device('cpu')).tolist() == [1, 0, 2]
        truth = garments(
            (0, 0, [2, 2, 30, 20], [[5, 6, 2], [25, 17, 2]]),
            (0, 1, [40, 10, 75, 43], [[44, 14, 2], [70, 16, 2], [60, 40, 2]]),
        )
        targets = coder.encode(truth, (HEIGHT, WIDTH))
        assert targets.channels.tolist() == [[0, 1, 0], [0, 2, 1]]
        maps = perfect_maps(targets, 1, 3, HEIGHT, WIDTH)
        center = dense_heatmap(targets.center_support, (1, 2, HEIGHT, WIDTH))
        keypoint = dense_heatmap(targets.keypoint_support, (1, 3, HEIGHT, WIDTH))
        found = coder.decode(center, keypoint, maps)
        assert sorted(found.labels[0, :2].tolist()) == [0, 1]
        for n in range(2):
            label = int(found.labels[0, n])
            expected = truth.keypoints[label] / 4
            torch.testing.assert_close(found.keypoints[0, n], expected, atol=1e-4, rtol=0)
