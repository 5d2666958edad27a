# SPDX-License-Identifier: Apache-2.0
"""Samples of a data set as contact sheets and as one HTML page that needs no other file."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from deepmark.visualization.captions import text_mask

Image = npt.NDArray[np.uint8]

_PAPER, _INK, _TEXT = 250, 40, 14
_GAP, _WIDE_GAP = 8, 16  # pixels between pictures, and to the next sample
_JPEG_QUALITY = 90
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 110rem;
       padding: 0 1rem; }
header p, header ul { max-width: 75ch; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); }
main.wide { grid-template-columns: repeat(auto-fill, minmax(42rem, 1fr)); }
article { border: 1px solid #8885; border-radius: 6px; padding: .7rem; }
article h2 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
.views { display: flex; flex-wrap: wrap; gap: .5rem; }
figure { flex: 1 1 16rem; margin: 0; }
figure img { height: auto; width: 100%; }
figcaption, dl, table { font-size: .85rem; }
dl { display: grid; gap: 0 .8rem; grid-template-columns: max-content 1fr; margin: .4rem 0; }
dt { opacity: .7; }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { border-top: 1px solid #8884; padding: .1rem .4rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.key { border-radius: 50%; display: inline-block; height: .7em; margin-right: .4em; width: .7em; }
"""


@dataclass(frozen=True)
class Picture:
    """A drawn picture, (H, W, 3) uint8 RGB, and what it is called."""

    image: Image
    title: str


@dataclass(frozen=True)
class GarmentLine:
    """One garment in the table below a sample: its counts of landmarks and its colour (RGB)."""

    name: str
    visible: int
    occluded: int
    absent: int
    color: tuple[int, int, int]


@dataclass(frozen=True)
class BrowsedSample:
    """What is shown of one sample.

    Attributes:
        heading: the short line above it.
        pictures: the photo, if it is shown, and every image that the network gets.
        facts: what else to say, by name.
        garments: of the network's input.
    """

    heading: str
    pictures: Sequence[Picture]
    facts: dict[str, str]
    garments: Sequence[GarmentLine] = field(default_factory=tuple)


def sample_sheet(samples: Sequence[BrowsedSample], columns: int, cell: int) -> Image:
    """Samples in rows of ``columns``, every picture centred in a square of side ``cell``.

    Args:
        samples: at least one; all need not have the same number of pictures.
        columns: samples in a row.
        cell: pixels; no picture is larger.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    width = max(len(sample.pictures) for sample in samples) * (cell + _GAP) + _WIDE_GAP
    tiles = [_tile(sample, width, cell) for sample in samples]
    columns = min(columns, len(tiles))
    tiles += [np.full_like(tiles[0], _PAPER)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return np.vstack(rows)


def browse_html(
    title: str, facts: dict[str, str], legend: Sequence[str], samples: Sequence[BrowsedSample]
) -> str:
    """The page; its pictures are inside it."""
    wide = ' class="wide"' if any(len(sample.pictures) > 1 for sample in samples) else ''
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n'
        f'<header>\n<h1>{html.escape(title)}</h1>\n{_definitions(facts)}\n<ul>\n'
        + ''.join(f'<li>{html.escape(line)}</li>\n' for line in legend)
        + f'</ul>\n</header>\n<main{wide}>\n'
        + '\n'.join(_article(sample) for sample in samples)
        + '\n</main>\n</body>\n</html>\n'
    )


def _tile(sample: BrowsedSample, width: int, cell: int) -> Image:
    heading = _text_line(sample.heading, width - _WIDE_GAP)
    top = 2 * len(heading)
    tile = np.full((top + cell + _WIDE_GAP, width, 3), _PAPER, np.uint8)
    tile[: len(heading), : heading.shape[1]] = heading
    for position, picture in enumerate(sample.pictures):
        left = position * (cell + _GAP)
        title = _text_line(picture.title, cell)
        tile[len(heading) : top, left : left + title.shape[1]] = title
        height, breadth = picture.image.shape[:2]
        left += (cell - breadth) // 2
        tile[top : top + height, left : left + breadth] = picture.image
    return tile


def _text_line(text: str, width: int) -> Image:
    coverage = text_mask(text or ' ', _TEXT)[:, :width].astype(np.float32)[..., None] / 255
    return np.round(_PAPER + (_INK - _PAPER) * coverage).astype(np.uint8).repeat(3, axis=2)


def _article(sample: BrowsedSample) -> str:
    figures = ''.join(
        f'<figure><img src="{_data_uri(picture.image)}" alt="{html.escape(picture.title)}">'
        f'<figcaption>{html.escape(picture.title)}</figcaption></figure>\n'
        for picture in sample.pictures
    )
    return (
        f'<article>\n<h2>{html.escape(sample.heading)}</h2>\n<div class="views">\n{figures}</div>\n'
        f'{_definitions(sample.facts)}\n{_garment_table(sample.garments)}</article>'
    )


def _garment_table(garments: Sequence[GarmentLine]) -> str:
    if not garments:
        return ''
    rows = ''.join(
        f'<tr><td><span class="key" style="background:rgb{garment.color}"></span>'
        f'{html.escape(garment.name)}</td><td>{garment.visible}</td><td>{garment.occluded}</td>'
        f'<td>{garment.absent}</td></tr>\n'
        for garment in garments
    )
    head = ''.join(f'<th>{name}</th>' for name in ('garment', 'visible', 'occluded', 'absent'))
    return f'<table>\n<tr>{head}</tr>\n{rows}</table>\n'


def _definitions(facts: dict[str, str]) -> str:
    lines = ''.join(
        f'<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>\n'
        for name, value in facts.items()
    )
    return f'<dl>\n{lines}</dl>'


def _data_uri(image: Image) -> str:
    _, encoded = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return f'data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode("ascii")}'
