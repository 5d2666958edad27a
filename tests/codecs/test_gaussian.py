# SPDX-License-Identifier: Apache-2.0
"""Gaussian radius and support, by hand and against a naive drawing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from dense_maps import dense_heatmap
from hypothesis import given, settings
from hypothesis import strategies as st

from deepmark.codecs.gaussian import gaussian_radius, gaussian_support


def naive_radius(height: float, width: float, overlap: float = 0.7) -> float:
    """CenterNet's formula, step by step."""
    b1 = height + width
    r1 = (b1 + math.sqrt(b1**2 - 4 * width * height * (1 - overlap) / (1 + overlap))) / 2
    b2 = 2 * (height + width)
    r2 = (b2 + math.sqrt(b2**2 - 16 * (1 - overlap) * width * height)) / 2
    a3, b3 = 4 * overlap, -2 * overlap * (height + width)
    r3 = (b3 + math.sqrt(b3**2 - 4 * a3 * (overlap - 1) * width * height)) / 2
    return min(r1, r2, r3)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    inter = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(inter / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inter))


class TestRadius:
    def test_published_example(self) -> None:
        sizes = torch.tensor([[60.0, 100.0]])
        assert gaussian_radius(sizes).item() == pytest.approx(20.6, abs=0.05)
        assert gaussian_radius(sizes, rule='corrected').item() == pytest.approx(6.1, abs=0.05)
        corrected = gaussian_radius(sizes, min_overlap=0.3, rule='corrected').item()
        assert corrected == pytest.approx(16.5, abs=0.05)

    @given(st.floats(1, 200), st.floats(1, 200))
    def test_original_formula(self, width: float, height: float) -> None:
        size = torch.tensor([[width, height]], dtype=torch.float64)
        assert gaussian_radius(size).item() == pytest.approx(naive_radius(height, width))

    @given(st.floats(4, 200), st.floats(4, 200), st.sampled_from([0.3, 0.5, 0.7]))
    def test_corrected_radius_keeps_the_overlap_exactly(
        self, width: float, height: float, overlap: float
    ) -> None:
        size = torch.tensor([[width, height]], dtype=torch.float64)
        r = gaussian_radius(size, overlap, 'corrected').item()
        truth = np.array([0, 0, width, height])
        both, inside, around = [r, r, r, r], [r, r, -r, -r], [-r, -r, r, r]
        worst = min(iou(truth, truth + np.array(shift)) for shift in (both, inside, around))
        assert worst == pytest.approx(overlap, abs=1e-6)

    def test_unknown_rule(self) -> None:
        with pytest.raises(ValueError, match="radius rule 'mmdet'"):
            gaussian_radius(torch.ones(1, 2), rule='mmdet')  # type: ignore[arg-type]


class TestSupport:
    def test_radius_one_by_hand(self) -> None:
        support = gaussian_support(
            torch.tensor([0]), torch.tensor([[1, 2]]), torch.tensor([1]), (5, 4)
        )
        # sigma = 3 / 6, so the neighbours hold exp(-1 / 0.5) and the corners exp(-2 / 0.5).
        side, corner = math.exp(-2), math.exp(-4)
        expected = torch.tensor(
            [
                [0, 0, 0, 0],
                [corner, side, corner, 0],
                [side, 1, side, 0],
                [corner, side, corner, 0],
                [0, 0, 0, 0],
            ]
        )
        torch.testing.assert_close(dense_heatmap(support, (1, 1, 5, 4))[0, 0], expected)

    def test_radius_zero_is_one_cell(self) -> None:
        support = gaussian_support(
            torch.tensor([2]), torch.tensor([[3, 0]]), torch.tensor([0]), (2, 4)
        )
        assert support.position.tolist() == [2 * 8 + 3]
        assert support.value.tolist() == [1.0]

    def test_nothing_in_nothing_out(self) -> None:
        empty = torch.zeros(0, dtype=torch.long)
        support = gaussian_support(empty, torch.zeros(0, 2, dtype=torch.long), empty, (5, 4))
        assert support.position.numel() == support.value.numel() == 0

    @settings(max_examples=40)
    @given(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 8), st.integers(0, 5), st.integers(0, 4)),
            max_size=6,
        )
    )
    def test_naive_drawing(self, gaussians: list[tuple[int, int, int, int]]) -> None:
        expected = torch.zeros(3, 6, 9)
        for index, cx, cy, radius in gaussians:
            sigma = (2 * radius + 1) / 6
            for y in range(max(0, cy - radius), min(6, cy + radius + 1)):
                for x in range(max(0, cx - radius), min(9, cx + radius + 1)):
                    value = math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
                    expected[index, y, x] = max(expected[index, y, x], value)
        rows = torch.tensor(gaussians, dtype=torch.long).view(-1, 4)
        support = gaussian_support(rows[:, 0], rows[:, 1:3], rows[:, 3], (6, 9))
        assert len(support.position) == len(support.position.unique())
        torch.testing.assert_close(dense_heatmap(support, (1, 3, 6, 9))[0], expected)
