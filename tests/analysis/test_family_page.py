# SPDX-License-Identifier: Apache-2.0
"""docs/family.md holds the table that ``tools/print_family.py`` makes of the configs."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmark.analysis.family import family_rows, to_markdown

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs' / 'family.md'
LEAVES = sorted((ROOT / 'configs').glob('deepmark_*.py'))


def test_what_configs_say_of_themselves_stands_on_the_page() -> None:
    table = [line for line in PAGE.read_text(encoding='utf-8').splitlines() if line.startswith('|')]
    rows = to_markdown(family_rows(LEAVES)).splitlines()[2:]
    assert len(table) == len(rows) + 2
    for printed, made in zip(table[2:], rows, strict=True):
        assert printed.startswith(made.removesuffix('|')), made


@pytest.mark.slow
def test_parameters_and_operations_too() -> None:
    assert to_markdown(family_rows(LEAVES, complexity=True)) in PAGE.read_text(encoding='utf-8')
