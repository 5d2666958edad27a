# SPDX-License-Identifier: Apache-2.0
"""Pieces of an HTML page that needs no other file and no script; every text is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_STYLE = """
:root { --ink: #1f2328; --soft: #59636e; --line: #d8dee4; --paper: #fff; --ground: #f6f8fa;
        --blue: #0072b2; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 3.5rem; }
body { margin: 0; background: var(--ground); color: var(--ink);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.75rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
p { margin: .4rem 0; max-width: 48rem; }
nav { position: sticky; top: 0; z-index: 1; background: var(--paper);
      border-bottom: 1px solid var(--line); margin-top: 1rem; }
nav ul { max-width: 70rem; margin: 0 auto; padding: .55rem 1.25rem; list-style: none;
         display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; }
a { color: var(--blue); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
          padding: 1.1rem 1.25rem; margin: 1.1rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { caption-side: top; text-align: left; color: var(--soft); padding-bottom: .35rem; }
th, td { padding: .22rem .7rem; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; font-weight: 500; padding-left: 0; }
thead th { color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--line);
           vertical-align: bottom; }
tbody tr:hover { background: var(--ground); }
tr.total > * { border-top: 1px solid var(--line); font-weight: 600; }
tr.group > * { border-top: 1px solid var(--line); padding-top: .45rem; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: var(--soft); max-width: 48rem; margin-top: .3rem; }
figcaption strong { color: var(--ink); }
figcaption ul { margin: .2rem 0 0; padding-left: 1.2rem; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(26rem, 1fr));
         gap: 1rem 1.25rem; }
.sheet figure { margin: 0; border-top: 1px solid var(--line); padding-top: .6rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: .7rem 0; }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1rem; min-width: 9rem; }
.tile b { display: block; font-size: 1.6rem; font-weight: 600; line-height: 1.2; }
.tile span { color: var(--soft); font-size: .87rem; }
footer { color: var(--soft); font-size: .85rem; padding-bottom: 2rem; }
@media print { nav { display: none; } section { break-inside: avoid; } }
"""


class Section(NamedTuple):
    """A part of the page: its anchor, its title and its HTML."""

    anchor: str
    title: str
    body: str


class Row(NamedTuple):
    """A row of a table: cells and the row's class, '' or 'total' or 'group'."""

    cells: Sequence[str]
    kind: str = ''


def paragraph(text: str) -> str:
    """A paragraph."""
    return f'<p>{escape(text)}</p>'


def heading(text: str) -> str:
    """A heading inside a section."""
    return f'<h3>{escape(text)}</h3>'


def definitions(entries: dict[str, str]) -> str:
    """A list of names and values."""
    items = (f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in entries.items())
    return f'<dl>{"".join(items)}</dl>'


def tiles(values: dict[str, str]) -> str:
    """Headline numbers: title -> value."""
    parts = (
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(title)}</span></div>'
        for title, value in values.items()
    )
    return f'<div class="tiles">{"".join(parts)}</div>'


def table(head: Sequence[str], rows: Sequence[Row], caption: str) -> str:
    """A table; the first column names its rows, all others hold right-aligned values.

    Example:
        >>> '<td>1 &lt; 2</td>' in table(['', 'n'], [Row(['a', '1 < 2'])], '')
        True
    """
    titles = ''.join(f'<th scope="col">{escape(title)}</th>' for title in head)
    lines = []
    for cells, kind in rows:
        first, rest = escape(cells[0]), ''.join(f'<td>{escape(cell)}</td>' for cell in cells[1:])
        attribute = f' class="{kind}"' if kind else ''
        lines.append(f'<tr{attribute}><th scope="row">{first}</th>{rest}</tr>')
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f'<thead><tr>{titles}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def picture(content: bytes, kind: str, alt: str, caption: str) -> str:
    """A picture inside the page.

    Args:
        content: the file.
        kind: 'png' or 'jpeg'.
        alt: for those who cannot see it.
        caption: HTML below it.
    """
    data = base64.b64encode(content).decode('ascii')
    return (
        f'<figure><img alt="{escape(alt)}" src="data:image/{kind};base64,{data}">'
        f'<figcaption>{caption}</figcaption></figure>'
    )


def page(title: str, introduction: str, sections: Sequence[Section], ending: str) -> str:
    """The whole page, with links to its sections at the top."""
    links = ''.join(
        f'<li><a href="#{part.anchor}">{escape(part.title)}</a></li>' for part in sections
    )
    bodies = '\n'.join(
        f'<section id="{part.anchor}"><h2>{escape(part.title)}</h2>\n{part.body}</section>'
        for part in sections
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n'
        f'<header><h1>{escape(title)}</h1>{introduction}</header>\n'
        f'<nav aria-label="sections"><ul>{links}</ul></nav>\n'
        f'<main>\n{bodies}\n</main>\n<footer><p>{escape(ending)}</p></footer>\n</body></html>\n'
    )
