# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an annotation: collected while reading, reported once at the end.

Two severities:

* errors: the file contradicts itself or DeepFashion2's format, so that training on it would teach
  something wrong. ``on_problem='error'`` (the default) stops and lists them;
  ``on_problem='warn'`` leaves the broken garments or images out and counts them.
* warnings: training can sensibly go on (a landmark outside the image, an image without garments).
  They are counted in one line of the log each.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from mmengine.logging import print_log

OnProblem = Literal['error', 'warn']


class Kind(Enum):
    """A kind of problem: what it is called, whether it is an error, and what to do about it."""

    UNREADABLE_FILE = ('unreadable annotation file', True, 'unpack or download the file again')
    READ_ERROR = (
        'file could not be read',
        True,
        'check its permissions and the disk, then try again',
    )
    MISSING_KEY = ('missing or malformed key', True, 'restore the key as in the data set')
    LIST_LENGTH = (
        'first line counts other than there are lines',
        True,
        'correct the count, or unpack the list again: it may be cut off',
    )
    LIST_COLUMNS = ('wrong columns', True, 'write the columns that the list begins with')
    CLOTHES_TYPE = ('unknown clothes type', True, 'use 1 upper body, 2 lower body, 3 full body')
    PARTITION = ('unknown partition', True, 'use train, val or test')
    CROP_BOX = (
        'box that is no crop of its image',
        True,
        'give x_1 y_1 x_2 y_2 in pixels of this image',
    )
    CROP_BOX_OUTSIDE = (
        'box reaches outside its image',
        True,
        'compare the size of the image with that of the annotated one',
    )
    LANDMARK_COUNT = (
        'wrong number of landmarks',
        True,
        "give x, y, v for each of the category's landmarks (v = 0: not labelled)",
    )
    UNKNOWN_CATEGORY = (
        'unknown category',
        True,
        'correct the id, or pass schema= with your own categories',
    )
    CATEGORY_NAME = ('category name and id differ', True, 'correct the name or the id')
    NOT_FINITE = ('NaN or infinity', True, 'write finite numbers, in pixels')
    NEGATIVE_AREA = ('negative area', True, 'write the area in square pixels, or leave it out')
    VISIBILITY = ('visibility is not 0, 1 or 2', True, 'use 0 not labelled, 1 occluded, 2 visible')
    DUPLICATE_IMAGE = ('image listed twice', True, 'keep one of the entries')
    DUPLICATE_ID = ('annotation id used twice', True, 'number the annotations')
    UNKNOWN_IMAGE = ('annotation of an unknown image', True, 'list the image or drop the entry')
    MISSING_IMAGE = ('image file missing', True, 'restore the image, or remove its annotation')
    MISSING_ANNOTATION = (
        'annotation file missing',
        True,
        'restore the annotation, or remove the image',
    )
    UNREADABLE_IMAGE = ('image header unreadable', True, 'unpack or download the image again')
    DEGENERATE_BOX = (
        'box of zero or negative size, garment left out',
        False,
        'boxes are x1 y1 x2 y2 in the native files and x y w h in COCO files',
    )
    BOX_OFF_IMAGE = (
        'box that misses the image, garment left out',
        False,
        'compare the size of the image with that of the annotated one',
    )
    BOX_OUTSIDE = (
        'box reaches outside the image, kept as it is and clipped by the transforms',
        False,
        'nothing, unless there are many: then the image was resized',
    )
    LANDMARK_OUTSIDE = (
        'labelled landmark outside the image, kept as it is and masked by the transforms',
        False,
        'nothing, unless there are many: then the image was resized',
    )
    FOREIGN_LANDMARK = (
        "landmark labelled in another category's slots, ignored",
        False,
        'check the category id',
    )
    NO_KEYPOINTS = (
        "annotation without 'keypoints', whose landmarks count as not labelled",
        False,
        'give x, y, v of each landmark, unless boxes alone are meant',
    )
    NO_ITEM = ('image without any garment', False, 'filter_cfg=dict(filter_empty_gt=True) skips it')
    ITEM_NUMBERS = ('items do not start with item1', False, 'number the items from 1')

    def __init__(self, title: str, is_error: bool, fix: str) -> None:
        self.title = title
        self.is_error = is_error
        self.fix = fix


@dataclass(frozen=True)
class Problem:
    """One finding: which file, which key in it, and the details."""

    kind: Kind
    file: str
    key: str
    detail: str = ''

    def __str__(self) -> str:
        place = f'{self.file}: {self.key}' if self.key else self.file
        detail = f' ({self.detail})' if self.detail else ''
        return f'{place}: {self.kind.title}{detail}'


class DatasetError(ValueError):
    """A data set that cannot be used as it is; the message names file, key and fix."""


class Problems:
    """Collects problems and reports them in one go.

    Args:
        on_problem: ``'error'`` raises when there are errors, ``'warn'`` only counts them.
        shown: how many are named in a message; the others are counted.
    """

    def __init__(self, on_problem: OnProblem = 'error', shown: int = 5) -> None:
        if on_problem not in ('error', 'warn'):
            raise ValueError(f"on_problem is {on_problem!r}, must be 'error' or 'warn'")
        self.on_problem = on_problem
        self.shown = shown
        self.found: list[Problem] = []

    def add(self, kind: Kind, file: str, key: str = '', detail: str = '') -> None:
        """Note one problem."""
        self.found.append(Problem(kind, str(file), key, detail))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note several problems."""
        self.found.extend(problems)

    def counts(self) -> dict[Kind, int]:
        """How often each kind was found, in the order of :class:`Kind`."""
        kinds = [problem.kind for problem in self.found]
        return {kind: kinds.count(kind) for kind in Kind if kind in kinds}

    def has_errors(self) -> bool:
        """Whether anything was found that ``on_problem='error'`` stops at."""
        return any(problem.kind.is_error for problem in self.found)

    def report(self) -> None:
        """Log the counts, one line for each kind; raise when errors must stop the run.

        Raises:
            DatasetError: there are errors and ``on_problem`` is ``'error'``.
        """
        stop = self.on_problem == 'error'
        for kind, count in self.counts().items():
            if not (kind.is_error and stop):
                line = self._summary(kind, count)
                print_log(line, logger='current', level=logging.WARNING)
        errors = [problem for problem in self.found if problem.kind.is_error]
        if errors and stop:
            raise DatasetError(self._error_message(errors))

    def _summary(self, kind: Kind, count: int) -> str:
        places = [f'{p.file}: {p.key}' if p.key else p.file for p in self.found if p.kind is kind]
        more = ', ...' if count > self.shown else ''
        return f'{count} x {kind.title}: {", ".join(places[: self.shown])}{more}. Fix: {kind.fix}'

    def _error_message(self, errors: list[Problem]) -> str:
        kinds = list(dict.fromkeys(problem.kind for problem in errors))
        lines = [f'{len(errors)} problem(s) in the annotations:']
        lines += [f'  {problem}. Fix: {problem.kind.fix}' for problem in errors[: self.shown]]
        if len(errors) > self.shown:
            names = ', '.join(kind.title for kind in kinds)
            lines.append(f'  ... and {len(errors) - self.shown} more ({names})')
        lines.append("on_problem='warn' leaves them out, counts them and goes on.")
        return '\n'.join(lines)
