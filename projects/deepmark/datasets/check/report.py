# SPDX-License-Identifier: Apache-2.0
"""The report of a check: as tables for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deepmark.atomic_write import atomic_write
from deepmark.datasets.check.check_source import CheckReport
from deepmark.datasets.check.findings import Finding
from deepmark.datasets.check.statistics import VISIBILITY_NAMES, Statistics

_COLORS = {'error': 'red', 'warning': 'yellow', 'info': 'cyan'}


def write_report(report: CheckReport, path: str | Path, overwrite: bool = False) -> None:
    """Write the report as JSON, with all places that were kept.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    text = json.dumps(report.to_dict(), indent=1, ensure_ascii=False)
    with atomic_write(path, overwrite) as file:
        file.write(f'{text}\n'.encode(errors='backslashreplace'))


def print_report(report: CheckReport, console: Console, max_listed: int = 20) -> None:
    """Print the findings with their first places, and the statistics.

    Args:
        report: what to print.
        console: where.
        max_listed: places printed of each kind.
    """
    console.rule(escape(report.title))
    for table in _statistics_tables(report.statistics):
        console.print(table)
    if report.findings:
        console.print(_findings_table(report.findings))
    for finding in report.findings:
        _print_places(finding, console, max_listed)
    counts = ', '.join(f'{name} {count:,}' for name, count in report.counts.items())
    verdict = '[bold red]errors' if report.has_errors else '[bold green]no errors'
    console.print(f'{verdict}[/] ({counts}) in {report.seconds:.1f} s', highlight=False)


def _findings_table(findings: Iterable[Finding]) -> Table:
    table = Table(title='findings', box=box.SIMPLE_HEAD)
    for column in ('severity', 'count', 'what', 'fix'):
        table.add_column(column, justify='right' if column == 'count' else 'left')
    for finding in findings:
        color = _COLORS[finding.severity]
        what = f'{finding.title}\n{finding.note}' if finding.note else finding.title
        table.add_row(
            f'[{color}]{finding.severity}', f'{finding.count:,}', escape(what), escape(finding.fix)
        )
    return table


def _print_places(finding: Finding, console: Console, max_listed: int) -> None:
    shown = finding.places[:max_listed]
    if shown:
        console.print(f'[{_COLORS[finding.severity]}]{finding.severity}[/] {escape(finding.title)}')
    for place in shown:
        line = f'  {place}'.encode(errors='backslashreplace').decode()
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if shown and finding.count > len(shown):
        console.print(f'  ... and {finding.count - len(shown):,} more', highlight=False)


def _statistics_tables(statistics: Statistics) -> list[Table]:
    if not statistics.num_items:
        return [_numbers_table(statistics)]
    return [_category_table(statistics), _attribute_table(statistics), _numbers_table(statistics)]


def _category_table(statistics: Statistics) -> Table:
    table = Table(title='garments and landmarks by category', box=box.SIMPLE_HEAD)
    table.add_column('category')
    for column in ('garments', 'share', *reversed(VISIBILITY_NAMES)):
        table.add_column(column, justify='right')
    rows = zip(
        statistics.categories,
        statistics.items_per_category.tolist(),
        statistics.landmarks.tolist(),
        strict=True,
    )
    for name, items, landmarks in rows:
        table.add_row(escape(name), *_counts(items, statistics.num_items, landmarks))
    table.add_section()
    totals = statistics.landmarks.sum(axis=0).tolist()
    table.add_row('all', *_counts(statistics.num_items, statistics.num_items, totals))
    return table


def _counts(items: int, total: int, landmarks: list[int]) -> list[str]:
    shares = [_share(count, sum(landmarks)) for count in reversed(landmarks)]
    return [f'{items:,}', _share(items, total), *shares]


def _attribute_table(statistics: Statistics) -> Table:
    table = Table(title='garments by attribute', box=box.SIMPLE_HEAD)
    table.add_column('attribute')
    table.add_column('level')
    table.add_column('garments', justify='right')
    table.add_column('share', justify='right')
    for attribute, levels in statistics.attributes.items():
        for level, count in levels.items():
            if count or level != 'unknown':
                share = _share(count, statistics.num_items)
                table.add_row(attribute, level, f'{count:,}', share)
        table.add_section()
    return table


def _numbers_table(statistics: Statistics) -> Table:
    table = Table(title='numbers', box=box.SIMPLE_HEAD, show_header=False)
    table.add_column('what')
    table.add_column('value', justify='right')
    table.add_row('images', f'{statistics.num_images:,}')
    table.add_row('images without garments', f'{int(statistics.items_per_image[0]):,}')
    table.add_row('garments', f'{statistics.num_items:,}')
    for source, (images, items) in statistics.sources.items():
        table.add_row(f'source {escape(source)}', f'{images:,} images, {items:,} garments')
    for name, count in statistics.pairs.items():
        table.add_row(name.replace('_', ' '), f'{count:,}')
    sizes = statistics.image_sizes.most_common(1)
    for (width, height), count in sizes:
        text = f'{width} x {height} ({count:,} images); {len(statistics.image_sizes):,} sizes'
        table.add_row('commonest image size', text)
    if statistics.box_percentiles:
        low, middle, high = (statistics.box_percentiles[p] for p in (5, 50, 95))
        text = f'{middle:.0f} px (5 % below {low:.0f}, 5 % above {high:.0f})'
        table.add_row('median box size, sqrt(w x h)', text)
    return table


def _share(count: int, total: int) -> str:
    return f'{count / total:.1%}' if total else '-'
