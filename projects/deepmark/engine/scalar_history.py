# SPDX-License-Identifier: Apache-2.0
"""The numbers that mmengine logs in ``scalars.json``, as a table over iterations.

One JSON object a line. A training row has ``epoch``, ``iter``, ``step`` (the iteration) and the
losses; a validation row has the metrics and ``step`` (the epoch, or the iteration in a loop by
iterations). A run that was killed may end in half a line; a resumed run starts a new file in a new
folder.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SCALARS_FILE = Path('vis_data') / 'scalars.json'
# Columns that place a row and are no curves.
POSITION_KEYS = ('iter', 'epoch', 'step')
# Columns about the machine: they go to the CSV and are not drawn.
MACHINE_KEYS = ('time', 'data_time', 'memory')

Row = dict[str, float]


class ScalarHistory(NamedTuple):
    """What was logged.

    Attributes:
        train: Rows of the training, ``iter`` in each, ascending.
        val: Rows of the validation; ``iter`` is the last training iteration logged before.
    """

    train: list[Row]
    val: list[Row]


def read_scalars(path: Path) -> ScalarHistory:
    """Read one ``scalars.json``; lines that are no JSON object are skipped.

    A row counts as training when it has the loop's position (``iter``), which mmengine adds to
    training rows alone.
    """
    history = ScalarHistory([], [])
    last_iter = 0.0
    with path.open(encoding='utf-8', errors='replace') as lines:
        for line in lines:
            row = _parse(line)
            if not row:
                continue
            if 'iter' in row:
                last_iter = row['iter']
                history.train.append(row)
            else:
                history.val.append({'iter': last_iter, **row})
    return history


def read_work_dir(work_dir: Path, until: str) -> ScalarHistory:
    """Join the runs of a work directory: a later run replaces what it did anew.

    Args:
        work_dir: Holds one folder a run, named by its start (YYYYmmdd_HHMMSS).
        until: The name of the last run to read.

    Returns:
        The history of the training that the last run belongs to. A run from scratch begins at the
        first iteration and so replaces all earlier ones; a resumed run continues them.
    """
    joined = ScalarHistory([], [])
    for path in sorted(work_dir.glob(f'*/{SCALARS_FILE.as_posix()}')):
        if path.parents[1].name > until:
            continue
        run = read_scalars(path)
        if not run.train:
            continue  # a validation alone
        start = run.train[0]['iter']
        kept_train = [row for row in joined.train if row['iter'] < start]
        kept_val = [row for row in joined.val if row['iter'] < start]
        joined = ScalarHistory(kept_train + run.train, kept_val + run.val)
    return joined


def columns(rows: Iterable[Row], drawn_only: bool = False) -> list[str]:
    """List the columns of some rows in the order of their first appearance."""
    keys = dict.fromkeys(key for row in rows for key in row)
    left_out = (*POSITION_KEYS, *MACHINE_KEYS) if drawn_only else ()
    return [key for key in keys if key not in left_out]


def series(rows: Sequence[Row], key: str, x_key: str = 'iter') -> tuple[list[float], list[float]]:
    """Take one curve: the rows that have a finite value of it.

    Example:
        >>> series([{'iter': 1, 'loss': 4.0}, {'iter': 2}, {'iter': 3, 'loss': 2.0}], 'loss')
        ([1, 3], [4.0, 2.0])
    """
    points = [
        (row[x_key], row[key])
        for row in rows
        if x_key in row and math.isfinite(row.get(key, math.nan))
    ]
    return [x for x, _ in points], [y for _, y in points]


def to_csv(rows: Sequence[Row]) -> str:
    """Write rows as CSV, positions first; a missing value is an empty cell."""
    keys = columns(rows)
    keys = [key for key in POSITION_KEYS if key in keys] + [
        key for key in keys if key not in POSITION_KEYS
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, keys, restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _parse(line: str) -> Row:
    try:
        row: Any = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(row, dict):
        return {}
    return {
        key: value
        for key, value in row.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
