# SPDX-License-Identifier: Apache-2.0
"""All numbers of a comparison as CSV, one row a run, unrounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from deepmark.comparison.results import Model, Run

Cell = str | float | None


def to_csv(models: Sequence[Model]) -> str:
    """Write one row a run; what was not measured is empty.

    Columns ``bbox_AP/short sleeve top`` hold single categories. A model without any run has one
    row without a seed.
    """
    rows = [_row(model, run) for model in models for run in model.runs or [Run(-1)]]
    columns = list(dict.fromkeys([*_row(Model('', ''), Run(0)), *(c for row in rows for c in row)]))
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _row(model: Model, run: Run) -> dict[str, Cell]:
    timing = model.timing
    width, height = timing.input_size_wh if timing else (None, None)
    row: dict[str, Cell] = {
        'model': model.name,
        'config': model.config,
        'kind': model.kind,
        'true_boxes': str(model.true_boxes).lower(),
        'seed': run.seed if run.seed >= 0 else None,
        'status': run.status,
        'error': run.error,
        'train_minutes': run.train_minutes,
        'images_seen': run.images_seen,
        'parameters': model.parameters,
        'flops': model.flops,
        'ms_median': timing.median if timing else None,
        'ms_low': timing.low if timing else None,
        'ms_high': timing.high if timing else None,
        'input_width': width,
        'input_height': height,
        'peak_memory_mib': model.peak_memory_mib,
    }
    row.update(run.figures)
    for figure, categories in run.per_category.items():
        row.update({f'{figure}/{name}': value for name, value in categories.items()})
    return row
