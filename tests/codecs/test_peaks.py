# SPDX-License-Identifier: Apache-2.0
"""Local maxima, by hand on tiny maps."""

from __future__ import annotations

import torch

from deepmark.codecs.peaks import best_centers, channel_peaks


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
