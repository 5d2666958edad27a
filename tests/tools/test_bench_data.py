# SPDX-License-Identifier: Apache-2.0
"""``tools/bench_data.py``: tables, targets and the file of numbers."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from deepmark.benchmarks import loader_throughput
from deepmark.benchmarks.data_tables import reading_table, step_table, target_table, way_table

from .conftest import RunScript
from .toy_runs import TOOLS

LOADER = {
    'loader_ratio_vs_decode': 1.5,
    'loader_ratio_vs_mmpose': 0.25,
    'loader_images_per_second_one_process': 200.0,
    'decode_images_per_second': 500.0,
    'decode_and_warp_images_per_second': 300.0,
    'mmpose_bottom_up_images_per_second': 50.0,
    'loader_ms_load_image': 3.0,
    'loader_ms_photometric_jitter': 1.0,
    'loader_images_per_second': 321.0,
}

LOADING = {
    'load_garments': 312_186,
    'load_seconds': 1.0,
    'load_megabytes': 99.5,
    'load_worker_megabytes': 0.2,
    'build_seconds': 120.0,
    'build_megabytes': 800.0,
    'coco_garments': 12_739,
    'coco_pycocotools_seconds': 1.2,
    'coco_pycocotools_megabytes': 545.0,
    'coco_load_seconds': 0.05,
    'coco_load_megabytes': 4.0,
    'coco_build_seconds': 0.7,
    'coco_build_megabytes': 60.0,
    'load_ratio_vs_pycocotools': 24.0,
}


def _lines(table: Table) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [' '.join(line.split()) for line in console.file.getvalue().splitlines()]


def test_ways_are_compared_with_decode_and_one_warp() -> None:
    lines = _lines(way_table(LOADER))
    assert '│ decode and one warp │ 300 │ 3.33 │ 1.00 │' in lines
    assert "│ deepmark's training pipeline │ 200 │ 5.00 │ 1.50 │" in lines
    assert "│ mmpose's bottom-up pipeline │ 50 │ 20.00 │ 6.00 │" in lines
    assert 'DataLoader with 2 workers: 321 images/s' in lines[-1]


def test_shares_of_the_steps() -> None:
    lines = _lines(step_table(LOADER))
    assert '│ load_image │ 3.00 │ 75% │' in lines
    assert '│ all │ 4.00 │ │' in lines


@pytest.mark.parametrize(('seconds', 'verdict'), [(2.0, 'pass'), (2.01, 'fail')])
def test_targets(seconds: float, verdict: str) -> None:
    lines = _lines(target_table({'load_seconds': seconds}))
    assert f'│ load_seconds │ {seconds:.2f} │ 2 │ {verdict} │' in lines
    assert not any('loader_ratio' in line for line in lines)


def test_readers_side_by_side() -> None:
    lines = _lines(reading_table(LOADING))
    assert '│ 312,186 │ deepmark, from its cache │ 1.00 │ 99.50 │' in lines
    assert '│ 312,186 │ deepmark, the first time │ 120 │ 800 │' in lines
    assert '│ 12,739 │ pycocotools │ 1.20 │ 545 │' in lines
    assert 'adds 0.2 MB; pycocotools takes 24 times as long' in lines[-1]


Run = Callable[..., dict[str, float]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_script: RunScript) -> Run:
    """Run the tool with both measurements replaced; gives what stands in the file."""

    def bench_loader(
        folder: Path, pipeline: Sequence[Mapping[str, Any]], photos: int
    ) -> dict[str, float]:
        assert pipeline[0]['type'] == 'deepmark.LoadImage'
        assert folder.name == 'photos'
        return {**LOADER, 'photos': photos}

    def bench_loading(folder: Path, num_images: int) -> dict[str, float]:
        assert folder.name == 'annotations'
        return {**LOADING, 'load_images': num_images}

    loading = ModuleType('deepmark.benchmarks.loading')
    monkeypatch.setattr(loading, 'bench_loading', bench_loading, raising=False)
    monkeypatch.setitem(sys.modules, 'deepmark.benchmarks.loading', loading)
    monkeypatch.setattr(loader_throughput, 'bench_loader', bench_loader)

    def call(*arguments: str) -> dict[str, float]:
        out = tmp_path / 'bench' / 'data.json'
        options = ['--folder', str(tmp_path / 'made'), '--out', str(out), *arguments]
        assert run_script(TOOLS / 'bench_data.py', *options) == 0
        numbers: dict[str, float] = json.loads(out.read_text())
        assert list(out.parent.iterdir()) == [out]
        return numbers

    return call


def test_numbers_of_both_halves_are_written(run: Run) -> None:
    numbers = run('--images', '12', '--loader-images', '34')
    assert numbers == {**LOADER, **LOADING, 'photos': 34, 'load_images': 12}


def test_the_other_halfs_numbers_stay(run: Run) -> None:
    run('--images', '12')
    both = {**LOADER, **LOADING, 'photos': 5, 'load_images': 12}
    assert run('--only', 'loader', '--loader-images', '5') == both
    assert run('--only', 'loading', '--images', '7') == {**both, 'load_images': 7}


def test_counts_must_be_positive(run_script: RunScript, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_script(TOOLS / 'bench_data.py', '--images', 0) == 2
    assert '0 is not above 0' in capsys.readouterr().err
