# SPDX-License-Identifier: Apache-2.0
"""Parameters and operations counted by hand; times are taken in turns."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from deepmark.analysis import neck_costs
from deepmark.analysis.neck_costs import (
    PyramidWidths,
    Times,
    cost_record,
    cost_rows,
    measure_necks,
    neck_configs,
    neck_flops,
)
from deepmark.engine import RunError

NARROW = PyramidWidths((2, 4, 8, 16), 3)
# At 64 pixels the levels have 256, 64, 16 and 4 cells.
CELLS = (256, 64, 16, 4)


def plain_dafe_flops() -> int:
    """A transposed 1x1 convolution works on the coarse level's cells; last the projection to 3."""
    steps = 4 * 16 * 8 + 16 * 8 * 4 + 64 * 4 * 2
    return 2 * (steps + 256 * 2 * 3)


def test_operations_by_hand() -> None:
    configs = neck_configs(NARROW)

    def flops(name: str) -> int:
        return neck_flops(configs[name], NARROW.in_channels, 64)

    plain = plain_dafe_flops()
    assert flops('DAFE, no attention') == plain
    # The attention matrix is made on the coarse level's cells, too: as much as the up-sampling.
    guides = 2 * (4 * 16 * 8 + 16 * 8 * 4 + 64 * 4 * 2)
    assert flops('DAFE, spatial only') == plain + guides
    # On one cell, to a quarter of the channels (at least one) and back.
    squeezed = 2 * 2 * (8 * 2 + 4 * 1 + 2 * 1)
    assert flops('DAFE, channel only') == plain + squeezed
    assert flops('DAFE') == plain + guides + squeezed
    assert flops('DAFE, sigmoid gate') == flops('DAFE, no residual') == flops('DAFE')
    assert flops('DAFE, bilinear') == flops('DAFE')
    # S S^T and its product with S: twice C * C * cells.
    mixed = 2 * 2 * (8 * 8 * 16 + 4 * 4 * 64 + 2 * 2 * 256)
    assert flops('DAFE, channel affinity') == plain + guides + mixed
    assert flops('DAFE, all levels') == flops('DAFE') + 2 * 3 * (64 * 4 + 16 * 8 + 4 * 16)
    # FPN: 1x1 to 3 channels, then 3x3, on every level.
    fpn = sum(
        cells * (channels * 3 + 9 * 3 * 3)
        for cells, channels in zip(CELLS, NARROW.in_channels, strict=True)
    )
    assert flops('FPN, all levels') == 2 * fpn


def test_parameters_by_hand() -> None:
    configs = neck_configs(NARROW)
    names = ('DAFE, no attention', 'DAFE, spatial only', 'DAFE, channel only')
    costs = measure_necks({n: configs[n] for n in names}, NARROW.in_channels, size=64, repeats=1)
    step = 16 * 8 + 8 + 8 * 4 + 4 + 4 * 2 + 2
    squeezed = (8 * 2 + 2 + 2 * 8 + 8) + (4 + 1 + 4 + 4) + (2 + 1 + 2 + 2)
    plain = step + 2 * 3 + 3
    assert [c.parameters for c in costs] == [plain, plain + step, plain + squeezed]
    assert costs[0].flops == plain_dafe_flops()
    for cost in costs:
        for times in (cost.forward, cost.forward_backward):
            assert times is not None
            assert 0 < times.lowest <= times.median <= times.highest


def test_every_neck_builds_and_runs_forth_and_back() -> None:
    configs = neck_configs(NARROW)
    costs = measure_necks(configs, NARROW.in_channels, size=64, repeats=1)
    assert [cost.name for cost in costs] == list(configs)
    assert all(cost.flops > 0 and cost.parameters > 0 for cost in costs)


def test_costly_necks_are_counted_and_not_timed() -> None:
    configs = neck_configs(NARROW)
    names = ('DAFE, no attention', 'DLAUp')
    dafe, dla_up = measure_necks(
        {name: configs[name] for name in names},
        NARROW.in_channels,
        size=64,
        repeats=1,
        max_gflops=plain_dafe_flops() / 1e9,
    )
    assert dafe.forward is not None
    assert dla_up.forward is dla_up.forward_backward is None
    assert dla_up.flops > dafe.flops
    assert cost_rows([dla_up])[0]['forward (ms)'] == '-'
    assert cost_record([dla_up])['necks'][0]['forward'] is None


def test_turns_are_interleaved_and_the_first_is_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []
    seconds = [9, 9, 0.3, 0.01, 0.1, 0.03, 0.2, 0.02]
    clock = itertools.chain.from_iterable((0, end) for end in seconds)
    monkeypatch.setattr(time, 'perf_counter', lambda: next(clock))
    runs = {name: lambda name=name: order.append(name) for name in ('a', 'b')}
    found = neck_costs._interleaved(runs, repeats=3)
    assert order == ['a', 'b'] * 4
    assert list(found['a']) == pytest.approx([200, 100, 300])
    assert list(found['b']) == pytest.approx([20, 10, 30])


def test_table_and_record() -> None:
    cost = neck_costs.NeckCost('x', 1_234_567, 7_890_000_000, Times(5, 4, 6), Times(15, 14, 16.4))
    assert cost_rows([cost]) == [
        {
            'neck': 'x',
            'parameters (M)': '1.23',
            'GFLOPs': '7.89',
            'forward (ms)': '5 (4 .. 6)',
            'forward + backward (ms)': '15 (14 .. 16)',
        }
    ]
    record: dict[str, Any] = cost_record([cost], size=64)
    assert record['size'] == 64
    assert record['threads'] >= 1
    assert record['necks'][0]['forward'] == {'median': 5, 'lowest': 4, 'highest': 6}


@pytest.mark.parametrize(('size', 'repeats'), [(100, 1), (32, 1), (64, 0)])
def test_out_of_range(size: int, repeats: int) -> None:
    with pytest.raises(RunError, match=r'--size|--repeats'):
        measure_necks({}, NARROW.in_channels, size, repeats)
