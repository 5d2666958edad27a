# SPDX-License-Identifier: Apache-2.0
"""What a conversion did, for the terminal: every weight by name, then counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.table import Table

from deepmark.converters.conversion import Conversion
from deepmark.converters.heads import branch_of


def report_lines(conversion: Conversion) -> Iterator[str]:
    """A line for each weight, under three headings with their counts."""
    yield f'carried over ({len(conversion.carried)})'
    for source, target in conversion.carried:
        yield f'  {source} -> {target}'
    for heading, weights in (
        ('dropped', conversion.dropped),
        ('left at the initial value', conversion.initialised),
    ):
        yield f'{heading} ({len(weights)})'
        for key, shape, reason in weights:
            yield f'  {key} {shape}: {reason}'


def summary_table(conversion: Conversion) -> Table:
    """How many weights of each part of the model are set, and how many are not."""
    carried = Counter(part_of(target) for _, target in conversion.carried)
    initialised = Counter(part_of(left.key) for left in conversion.initialised)
    table = Table(title=f'{conversion.family.name}; heads: {conversion.heads}', show_footer=True)
    table.add_column('part of the model', footer='all')
    table.add_column('carried over', str(carried.total()), justify='right')
    table.add_column('left initial', str(initialised.total()), justify='right')
    for part in sorted(carried | initialised):
        table.add_row(part, str(carried[part]), str(initialised[part]))
    table.caption = f'dropped from the source: {len(conversion.dropped)}'
    return table


def part_of(key: str) -> str:
    """The part of the model that a weight is counted under.

    >>> part_of('bbox_head.stacks.1.box_size.0.bias'), part_of('backbone.stem.0.conv.weight')
    ('bbox_head box_size', 'backbone stem')
    """
    first, second = key.split('.')[:2]
    return f'{first} {branch_of(key) or second}'
