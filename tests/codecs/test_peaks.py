# SPDX-License-Identifier: Apache-2.0
"""Local maxima, by hand on tiny maps."""

from __future__ import annotations

import pytest
import torch

from deepmark.codecs.peaks import best_centers, channel_peaks, smooth


def heatmap(*points: tuple[int, int, int, float], shape: tuple[int, ...] = (1, 2, 4, 5)):
    maps = torch.zeros(shape)
    for channel, x, y, value in points:
        maps[0, channel, y, x] = value
    return maps


def test_best_centers_over_all_channels() -> None:
    maps = heatmap((0, 1, 1, 0.9), (0, 2, 1, 0.8), (1, 4, 3, 0.95), (0, 4, 0, 0.3))
    peaks = best_centers(maps, 3)
    # (2, 1) is higher than (4, 0) but lies beside (1, 1), so it is no maximum.
    torch.testing.assert_close(peaks.scores, torch.tensor([[0.95, 0.9, 0.3]]))
    assert peaks.labels.tolist() == [[1, 0, 0]]
    assert peaks.cells.tolist() == [[[4, 3], [1, 1], [4, 0]]]


def test_more_centers_than_cells() -> None:
    assert best_centers(heatmap((0, 1, 1, 0.9)), 1000).scores.shape == (1, 2 * 4 * 5)


def test_channel_peaks_are_sorted_and_padded() -> None:
    maps = heatmap((0, 0, 0, 0.2), (0, 3, 0, 0.6), (0, 0, 3, 0.4), (1, 2, 2, 0.11))
    peaks = channel_peaks(maps, threshold=0.1, max_per_channel=10)
    torch.testing.assert_close(peaks.scores, torch.tensor([[[0.6, 0.4, 0.2], [0.11, -1.0, -1.0]]]))
    assert peaks.cells[0, 0].tolist() == [[3, 0], [0, 3], [0, 0]]
    assert peaks.cells[0, 1, 0].tolist() == [2, 2]


def test_the_threshold_is_strict_and_the_number_limited() -> None:
    maps = heatmap((0, 0, 0, 0.5), (0, 3, 0, 0.6), (1, 2, 2, 0.25))
    peaks = channel_peaks(maps, threshold=0.25, max_per_channel=1)
    torch.testing.assert_close(peaks.scores, torch.tensor([[[0.6], [-1.0]]]))


def test_no_peaks_at_all() -> None:
    assert channel_peaks(heatmap(), 0.1, 10).scores.shape == (1, 2, 0)


def test_at_most_so_many_centers_of_a_category() -> None:
    maps = heatmap((0, 0, 0, 0.9), (0, 3, 0, 0.8), (0, 0, 3, 0.7), (1, 2, 2, 0.3))
    peaks = best_centers(maps, 3, per_category=2)
    torch.testing.assert_close(peaks.scores, torch.tensor([[0.9, 0.8, 0.3]]))
    assert peaks.labels.tolist() == [[0, 0, 1]]
    assert best_centers(maps, 3, per_category=1).scores.tolist()[0][2] == 0


def test_smoothing_is_a_gaussian_of_sum_1() -> None:
    maps = heatmap((0, 3, 4, 1.0), shape=(1, 2, 9, 11))
    blurred = smooth(maps, 0.5)
    # exp(-x^2 / (2 * 0.25)) at 0, 1, 2: 1, 0.1353, 0.0003; their sum on both sides 1.27134.
    center, beside = 1 / 1.27134, 0.1353353 / 1.27134
    assert blurred[0, 0, 4, 3].item() == pytest.approx(center**2, rel=1e-4)
    assert blurred[0, 0, 4, 4].item() == pytest.approx(center * beside, rel=1e-4)
    assert blurred[0, 0, 5, 2].item() == pytest.approx(beside**2, rel=1e-4)
    assert blurred[0, 0].sum().item() == pytest.approx(1)
    assert blurred[0, 1].abs().max() == 0


def test_smoothing_joins_two_bumps_of_one_peak() -> None:
    maps = heatmap((0, 2, 2, 0.6), (0, 4, 2, 0.6), (0, 3, 2, 0.5), shape=(1, 1, 5, 7))
    assert (channel_peaks(maps, 0.1, 10).scores > 0).sum() == 2
    found = channel_peaks(smooth(maps, 1.0), 0.01, 10)
    assert found.cells[0, 0].tolist() == [[3, 2]]
