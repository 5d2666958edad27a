# SPDX-License-Identifier: Apache-2.0
"""From what a user points at to single images and videos with names for their outputs."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepmark.datasets.image_size import IMAGE_SUFFIXES

Image = npt.NDArray[np.uint8]
InputType = str | os.PathLike[str] | int | Image

VIDEO_SUFFIXES = frozenset({'.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg'})


@dataclass(frozen=True)
class Failure:
    """An input that gave no prediction, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class ImageInput:
    """One image: a file, or an (H, W, 3) uint8 BGR array.

    Attributes:
        source: what it is called in messages and predictions: the path, or ``array 0``.
        name: relative path of its outputs, without a suffix.
        array: the image itself when it was given as one.
    """

    source: str
    name: str
    array: Image | None = None


@dataclass(frozen=True)
class VideoInput:
    """A video file, or a webcam by its number."""

    source: str
    name: str
    camera: int | None = None


@dataclass
class InputPlan:
    """What is to be predicted: images and videos, each in the order given, each file once."""

    images: list[ImageInput] = field(default_factory=list)
    videos: list[VideoInput] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def plan_inputs(inputs: InputType | Sequence[InputType]) -> InputPlan:
    """Expand files, folders (with all below them), globs, arrays, videos and webcams.

    Args:
        inputs: one of them or a list. An integer is a webcam; in text, too, unless a file has
            that name. A file of an unknown kind that is named on its own is taken as an image.

    Returns:
        The plan. What does not exist, or holds no image, stands under its failures.

    Raises:
        TypeError: something that is neither path, integer nor array.
        ValueError: an array that is not (H, W, 3) uint8, or an empty list.
    """
    single = isinstance(inputs, str | os.PathLike | int | np.ndarray)
    entries: Sequence[InputType] = [inputs] if single else inputs  # type: ignore[list-item, assignment]
    if len(entries) == 0:
        raise ValueError('there is nothing to predict: the list of inputs is empty')
    plan = InputPlan()
    found: list[str | int | Image] = []  # files, webcams and arrays in the order given
    for entry in entries:
        if isinstance(entry, np.ndarray):
            found.append(entry)
        elif (camera := _camera(entry)) is not None:
            found.append(camera)
        elif isinstance(entry, str | os.PathLike):
            text = os.fspath(entry)
            files = [os.path.abspath(path) for path in _expand(text)]
            found.extend(files)
            if not files:
                plan.failures.append(Failure(text, _why_nothing(text)))
        else:
            raise TypeError(f'an input is a path, a webcam number or an array, not {type(entry)}')
    _fill(plan, found)
    return plan


def output_names(paths: Sequence[str]) -> list[str]:
    """Short names for outputs, different for all paths also where letter case does not count.

    Args:
        paths: absolute, all different.

    Returns:
        The file's name without suffix; where these collide, the path below the common folder;
        where these collide too, with the suffix; and a number at last.

    Example:
        >>> output_names(['/a/x/1.jpg', '/a/y/1.jpg', '/a/y/2.jpg', '/a/y/2.png'])
        ['x/1', 'y/1', 'y/2_jpg', 'y/2_png']
    """
    if not paths:
        return []
    root = os.path.commonpath([os.path.dirname(path) for path in paths])
    below = [Path(os.path.relpath(path, root)) for path in paths]
    candidates = [
        (p.stem, p.with_suffix('').as_posix(), f'{p.with_suffix("").as_posix()}_{p.suffix[1:]}')
        for p in below
    ]
    names = [choice[0] for choice in candidates]
    for level in (1, 2):
        counts = Counter(name.casefold() for name in names)
        names = [
            choice[level] if counts[name.casefold()] > 1 else name
            for name, choice in zip(names, candidates, strict=True)
        ]
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name.casefold()] += 1
        repetition = seen[name.casefold()]
        numbered.append(name if repetition == 1 else f'{name}-{repetition}')
    return numbered


def _fill(plan: InputPlan, found: Sequence[str | int | Image]) -> None:
    """Name everything and sort it into images and videos."""
    files = list(dict.fromkeys(entry for entry in found if isinstance(entry, str)))
    names = dict(zip(files, output_names(files), strict=True))
    num_arrays = 0
    for entry in found:
        if isinstance(entry, np.ndarray):
            _check_array(entry, num_arrays)
            name = f'array_{num_arrays:06d}'
            plan.images.append(ImageInput(f'array {num_arrays}', name, entry))
            num_arrays += 1
        elif isinstance(entry, int):
            plan.videos.append(VideoInput(f'webcam {entry}', f'webcam_{entry}', entry))
        elif entry in names:  # each file once
            name = names.pop(entry)
            if Path(entry).suffix.lower() in VIDEO_SUFFIXES:
                plan.videos.append(VideoInput(entry, name))
            else:
                plan.images.append(ImageInput(entry, name))


def _expand(entry: str) -> Iterator[str]:
    if os.path.isfile(entry):
        yield entry
    elif os.path.isdir(entry):
        for folder, subfolders, names in os.walk(entry):
            subfolders.sort()
            for name in sorted(names):
                if Path(name).suffix.lower() in IMAGE_SUFFIXES:
                    yield os.path.join(folder, name)
    elif glob.has_magic(entry):
        known = IMAGE_SUFFIXES | VIDEO_SUFFIXES
        for path in sorted(glob.glob(entry, recursive=True)):
            if os.path.isfile(path) and Path(path).suffix.lower() in known:
                yield path


def _why_nothing(entry: str) -> str:
    if os.path.isdir(entry):
        return f'the folder holds no image ({", ".join(sorted(IMAGE_SUFFIXES))})'
    if glob.has_magic(entry):
        return 'no image or video file matches'
    return 'there is no such file or folder'


def _camera(entry: InputType) -> int | None:
    if isinstance(entry, int):
        return int(entry)
    if isinstance(entry, str) and entry.isdecimal() and not os.path.exists(entry):
        return int(entry)
    return None


def _check_array(array: Image, number: int) -> None:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise ValueError(
            f'array {number} has the shape {array.shape} and type {array.dtype}, '
            'expected (H, W, 3) uint8 in BGR order'
        )
