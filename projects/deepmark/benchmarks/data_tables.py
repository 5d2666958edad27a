# SPDX-License-Identifier: Apache-2.0
"""The measurements of reading annotations and of the data loader as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

# Not to be exceeded; for DeepFashion2's training set of 191,961 images where that matters.
TARGETS = {
    'load_seconds': 2.0,
    'load_megabytes': 150.0,
    'build_seconds': 300.0,
    'loader_ratio_vs_decode': 1.6,
}
_WAYS = {
    'decode_images_per_second': 'decode (cv2.imread)',
    'decode_and_warp_images_per_second': 'decode and one warp',
    'loader_images_per_second_one_process': "deepmark's training pipeline",
    'mmpose_bottom_up_images_per_second': "mmpose's bottom-up pipeline",
}
_READERS = (
    ('load_garments', 'deepmark, from its cache', 'load'),
    ('load_garments', 'deepmark, the first time', 'build'),
    ('coco_garments', 'pycocotools', 'coco_pycocotools'),
    ('coco_garments', 'deepmark, from its cache', 'coco_load'),
    ('coco_garments', 'deepmark, the first time', 'coco_build'),
)
_MILLISECONDS = 'loader_ms_'


def way_table(measured: Mapping[str, float]) -> Table:
    """The pipeline beside decoding and mmpose's; from ``bench_loader``."""
    table = Table(title='training images of 512 x 512, one process, one thread')
    table.add_column('way', no_wrap=True)
    for title in ('images / s', 'ms / image', 'relative'):
        table.add_column(title, justify='right')
    unit = measured['decode_and_warp_images_per_second']
    for name, title in _WAYS.items():
        speed = measured[name]
        table.add_row(title, f'{speed:.0f}', f'{1e3 / speed:.2f}', f'{unit / speed:.2f}')
    table.caption = (
        f'DataLoader with 2 workers: {measured["loader_images_per_second"]:.0f} images/s'
    )
    return table


def step_table(measured: Mapping[str, float]) -> Table:
    """Where the pipeline's time goes; from ``bench_loader``."""
    steps = {
        name.removeprefix(_MILLISECONDS): value
        for name, value in measured.items()
        if name.startswith(_MILLISECONDS)
    }
    whole = sum(steps.values())
    table = Table(title='where the time of the pipeline goes')
    table.add_column('step')
    for title in ('ms / image', 'share'):
        table.add_column(title, justify='right')
    for name, value in steps.items():
        table.add_row(name, f'{value:.2f}', f'{value / whole:.0%}')
    table.add_section()
    table.add_row('all', f'{whole:.2f}', '')
    return table


def reading_table(measured: Mapping[str, float]) -> Table:
    """Our annotations beside pycocotools'; from ``bench_loading``."""
    table = Table(title='reading annotations')
    for title in ('garments', 'with', 'seconds', 'MB above imports'):
        table.add_column(title, justify='left' if title == 'with' else 'right')
    for garments, title, name in _READERS:
        if name == 'coco_pycocotools':
            table.add_section()
        figures = measured[f'{name}_seconds'], measured[f'{name}_megabytes']
        texts = (f'{value:,.2f}' if value < 100 else f'{value:,.0f}' for value in figures)
        table.add_row(f'{measured[garments]:,.0f}', title, *texts)
    table.caption = (
        f'a DataLoader worker adds {measured["load_worker_megabytes"]:.1f} MB; '
        f'pycocotools takes {measured["load_ratio_vs_pycocotools"]:.0f} times as long'
    )
    return table


def target_table(measured: Mapping[str, float]) -> Table:
    """What was measured beside what it must not exceed."""
    table = Table(title='targets')
    table.add_column('figure')
    for title in ('measured', 'at most', ''):
        table.add_column(title, justify='right')
    for name, limit in TARGETS.items():
        if name in measured:
            good = measured[name] <= limit
            verdict = '[green]pass[/]' if good else '[red]fail[/]'
            table.add_row(name, f'{measured[name]:.2f}', f'{limit:g}', verdict)
    return table
