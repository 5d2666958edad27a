# SPDX-License-Identifier: Apache-2.0
"""The evaluation's measurements as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table


def evaluation_table(measured: Mapping[str, float]) -> Table:
    """Ours and pycocotools side by side.

    Args:
        measured: from :func:`deepmark.benchmarks.evaluation.bench_evaluation`.
    """
    table = Table(title='evaluation: boxes, visible landmarks, visible + occluded landmarks')
    table.add_column('images', justify='right')
    table.add_column('detections', justify='right')
    for title in ('with', 'seconds', 'peak MB'):
        table.add_column(title, justify='left' if title == 'with' else 'right')
    tenth = [f'{measured[f"eval_tenth_{name}"]:,}' for name in ('images', 'detections')]
    whole = [f'{measured[f"eval_val_scale_{name}"]:,}' for name in ('images', 'detections')]
    table.add_row(*tenth, 'pycocotools', _seconds(measured['eval_pycocotools_seconds_tenth']), '')
    table.add_row(*tenth, 'deepmark', _seconds(measured['eval_ours_seconds_tenth']), '')
    table.add_section()
    figures = _seconds(measured['eval_val_scale_figures_seconds'])
    table.add_row(*whole, 'deepmark', figures, '')
    table.add_row(
        *whole,
        'deepmark, with all slices',
        _seconds(measured['eval_val_scale_seconds']),
        f'{measured["eval_val_scale_megabytes"]:,.0f}',
    )
    table.caption = (
        f'{measured["eval_ratio_vs_pycocotools"]:.1f} times as fast as pycocotools; '
        f'largest difference of a figure {measured["eval_max_difference"]:.1e}'
    )
    return table


def _seconds(value: float) -> str:
    return f'{value:.2f}'
