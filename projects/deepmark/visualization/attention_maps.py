# SPDX-License-Identifier: Apache-2.0
"""One picture of what a DAFE neck attends to, for people.

Each photo has a block, each step of the neck a row, finest level first. From left to right: the
photo with what the model found; the spatial attention, first the mean of all channels, then the
channels that vary most over the photo (one that is high everywhere singles out no place); and the
channel attention. Every map has its own colours, whose range stands at its bar and in its title.

A level's cells are drawn as the squares that they are, on the grey photo.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from deepmark.analysis.attention import AttendedPhoto, StepAttention
from deepmark.atomic_write import atomic_path

FloatArray = npt.NDArray[np.floating]

CELL_INCHES = 2.3  # width of a map with its bar
LOWEST_CELLS = 0.5  # height of a row at least, in widths
PHOTO_CELLS = 1.8  # width of the photo, in maps
BAR_CELLS = 1.1
TITLE_INCHES = 0.5  # above each map
HEADING_INCHES = 0.5  # above each photo
PHOTO_SIDE = 512  # pixels, longer side in the picture
BARS = 12
COLORS = 'magma'
OPACITY = 0.65
EXPLANATION = (
    "Spatial attention multiplies the level's features cell by cell; it is made from the level "
    'above. Channel weights multiply whole channels; an affinity mixes them.'
)


def write_attention(
    path: str | os.PathLike[str],
    photos: Sequence[AttendedPhoto],
    channels: int = 4,
    title: str = '',
    overwrite: bool = False,
) -> None:
    """Draw the photos one below the other into one PNG.

    Args:
        path: The picture.
        photos: One or more.
        channels: Single channels beside the mean.
        title: Above everything, such as the config's name.
        overwrite: Replace the file.

    Raises:
        FileExistsError: It is there and ``overwrite`` is false.
    """
    figure = draw_attention(photos, channels, title)
    with atomic_path(path, overwrite) as temporary:
        figure.savefig(temporary, format='png', dpi=110)


def draw_attention(photos: Sequence[AttendedPhoto], channels: int = 4, title: str = '') -> Figure:
    """Draw the figure of :func:`write_attention`."""
    photos = [shrunk(photo, PHOTO_SIDE) for photo in photos]
    columns = [_columns(photo, channels) for photo in photos]
    heights = [_block_inches(photo) for photo in photos]
    width = max(sum(widths) for widths in columns) * CELL_INCHES
    figure = Figure(figsize=(width, sum(heights) + 2 * HEADING_INCHES), layout='constrained')
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=12)
    figure.supxlabel(EXPLANATION, fontsize=8)
    blocks = figure.subfigures(len(photos), 1, height_ratios=heights, squeeze=False)[:, 0]
    for block, photo, widths in zip(blocks, photos, columns, strict=True):
        _draw_photo(block, photo, widths, channels)
    return figure


def most_varying(spatial: FloatArray, count: int) -> npt.NDArray[np.intp]:
    """Channels of (C, h, w) with the largest standard deviation over the cells, largest first."""
    spread = spatial.std(axis=(1, 2))
    return np.argsort(-spread, kind='stable')[:count]


def on_picture(cells: FloatArray, stride: int, photo: AttendedPhoto) -> FloatArray:
    """Lay a map of cells on the picture.

    Args:
        cells: (h, w); cell i covers the input pixels stride * i .. stride * (i + 1) - 1.
        stride: Input pixels of a cell.
        photo: The picture and its frame.

    Returns:
        (H, W) of the picture; NaN where the network's input does not reach.
    """
    height, width = photo.input_hw
    spread = cells.astype(np.float32).repeat(stride, 0).repeat(stride, 1)[:height, :width]
    size_wh = photo.picture.shape[1], photo.picture.shape[0]
    laid: FloatArray = cv2.warpAffine(
        spread,
        np.asarray(photo.to_picture, np.float64),
        size_wh,
        flags=cv2.INTER_NEAREST,
        borderValue=float('nan'),
    )
    return laid


def shrunk(photo: AttendedPhoto, side: int) -> AttendedPhoto:
    """The same with a picture of at most this longer side; pixel centres keep their places."""
    height, width = photo.picture.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return photo
    size_wh = max(1, round(width * factor)), max(1, round(height * factor))
    factors = np.array(size_wh) / (width, height)
    matrix = photo.to_picture * factors[:, None]
    matrix[:, 2] += 0.5 * (factors - 1)
    return photo._replace(
        picture=cv2.resize(photo.picture, size_wh, interpolation=cv2.INTER_AREA),
        drawn=cv2.resize(photo.drawn, size_wh, interpolation=cv2.INTER_AREA),
        landmarks=(photo.landmarks + 0.5) * factors - 0.5,
        to_picture=matrix,
    )


def _columns(photo: AttendedPhoto, channels: int) -> list[float]:
    """Widths in maps: photo, mean and channels, channel attention."""
    first = photo.steps[0]
    maps = [] if first.spatial is None else [1.0] * (1 + channels)
    bars = [] if first.weights is None and first.affinity is None else [BAR_CELLS]
    return [PHOTO_CELLS, *maps, *bars]


def _block_inches(photo: AttendedPhoto) -> float:
    height, width = photo.picture.shape[:2]
    row = max(0.8 * height / width, LOWEST_CELLS) * CELL_INCHES + TITLE_INCHES
    found = CELL_INCHES * PHOTO_CELLS * height / width + TITLE_INCHES
    return max(len(photo.steps) * row, found) + HEADING_INCHES


def _draw_photo(
    block: SubFigure, photo: AttendedPhoto, widths: Sequence[float], channels: int
) -> None:
    block.suptitle(photo.name, fontsize=11, fontweight='bold')
    grid = block.add_gridspec(len(photo.steps), len(widths), width_ratios=widths)
    found = block.add_subplot(grid[:, 0])
    found.imshow(photo.drawn)
    x, y = photo.landmarks.T
    found.scatter(x, y, s=22, c='cyan', edgecolors='black', linewidths=0.8)
    found.set_title('what the model found', fontsize=9)
    found.set_axis_off()
    found.set_anchor('N')
    for row, step in enumerate(photo.steps):
        cells = [block.add_subplot(grid[row, column]) for column in range(1, len(widths))]
        _draw_step(cells, step, photo, channels)


def _draw_step(
    cells: Sequence[Axes], step: StepAttention, photo: AttendedPhoto, channels: int
) -> None:
    if step.spatial is not None:
        for axes, (name, values) in zip(cells, _maps(step.spatial, channels), strict=False):
            _draw_map(axes, on_picture(values, step.stride, photo), photo)
            axes.set_title(f'{name}\n{_range(values)}', fontsize=8)
    if step.weights is not None:
        _draw_weights(cells[-1], step.weights)
    if step.affinity is not None:
        _draw_affinity(cells[-1], step.affinity)
    source = f'stride {step.stride}\nguided by stride {step.coarser_stride}'
    cells[0].set_ylabel(source, fontsize=9)
    for axes in cells:  # a level may have fewer channels than there are columns
        axes.set_visible(axes.has_data())


def _maps(spatial: FloatArray, channels: int) -> list[tuple[str, FloatArray]]:
    """Title and (h, w) values of a step's maps."""
    count = len(spatial)
    chosen = most_varying(spatial, channels)
    mean = (f'spatial: mean of {count} channels', spatial.mean(axis=0))
    return [mean, *((f'spatial: channel {channel}', spatial[channel]) for channel in chosen)]


def _draw_map(axes: Axes, values: FloatArray, photo: AttendedPhoto) -> None:
    axes.imshow(photo.picture.mean(axis=2), cmap='gray', vmin=0, vmax=255)
    # NaN is left out.
    drawn = axes.imshow(values, cmap=COLORS, alpha=OPACITY, interpolation='nearest')
    axes.set_xticks([])
    axes.set_yticks([])
    _color_bar(axes, drawn)


def _draw_weights(axes: Axes, weights: FloatArray) -> None:
    strongest = np.argsort(-np.abs(weights), kind='stable')[:BARS]
    values = weights[strongest]
    places = np.arange(len(strongest))
    axes.barh(places, values, color=np.where(values < 0, 'tab:blue', 'tab:orange'))
    axes.axvline(0, color='black', linewidth=0.8)
    axes.set_yticks(places, [f'ch {channel}' for channel in strongest], fontsize=6)
    axes.invert_yaxis()
    axes.tick_params(axis='x', labelsize=7)
    axes.set_title(
        f'channel weights: {len(strongest)} of {len(weights)}\nall: {_range(weights)}', fontsize=8
    )


def _draw_affinity(axes: Axes, affinity: FloatArray) -> None:
    drawn = axes.imshow(affinity, cmap='viridis')
    axes.set_xlabel('mixed in', fontsize=7)
    axes.set_ylabel('channel', fontsize=7)
    axes.tick_params(labelsize=6)
    axes.set_title(f'channel affinity, {len(affinity)} channels\n{_range(affinity)}', fontsize=8)
    _color_bar(axes, drawn)


def _color_bar(axes: Axes, drawn: Any) -> None:
    bar: Any = axes.figure.colorbar(drawn, ax=axes, fraction=0.06, pad=0.02)
    bar.solids.set_alpha(1)
    bar.ax.tick_params(labelsize=6)


def _range(values: FloatArray) -> str:
    return f'{values.min():.3f} .. {values.max():.3f}'
