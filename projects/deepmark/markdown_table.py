# SPDX-License-Identifier: Apache-2.0
"""Tables in Markdown, as GitHub reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def markdown_table(rows: Sequence[Mapping[str, str]], right: Collection[str] = ()) -> str:
    r"""Write rows as a table; the columns are those of the first row.

    Args:
        rows: Column name to text, at least one row, all with the same columns.
        right: Names of the columns that are set to the right.

    Example:
        >>> print(markdown_table([{'config': 'a', 'AP': '.5 | .6'}], right=['AP']))
        | config | AP |
        |---|---:|
        | a | .5 \| .6 |
    """
    lines = [list(rows[0]), *([row[column] for column in rows[0]] for row in rows)]
    texts = ['| ' + ' | '.join(_one_line(cell) for cell in line) + ' |' for line in lines]
    rule = '|' + ''.join('---:|' if column in right else '---|' for column in rows[0])
    return '\n'.join([texts[0], rule, *texts[1:]])


def _one_line(cell: str) -> str:
    return ' '.join(cell.split()).replace('|', '\\|')
