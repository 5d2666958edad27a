# SPDX-License-Identifier: Apache-2.0
"""What a check of a data set found: a kind, how often, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import Enum
from itertools import islice
from typing import Any, Literal, NamedTuple

from deepmark.datasets.problems import Kind, Problem

Severity = Literal['error', 'warning', 'info']
SEVERITIES: tuple[Severity, ...] = ('error', 'warning', 'info')
LISTED_PER_KIND = 10_000


class CheckKind(Enum):
    """What the check looks for beyond the readers: its name, its severity, what to do about it.

    An error would teach or measure something wrong, or stop the training; a warning is worth a
    look; an info is normal for some sources.
    """

    IMAGE_SIZE = (
        'size of the image differs from the annotated one',
        'error',
        'use the image that was annotated, or correct width and height',
    )
    NOTHING_USABLE = (
        'not a single usable garment',
        'error',
        'see the other findings: each garment was left out for one of them, or there is none',
    )
    TRUNCATED_IMAGE = ('image file cut off', 'error', 'unpack or download the image again')
    BOX_LAYOUT = (
        'box looks like the other layout (corners x1 y1 x2 y2 against x y w h)',
        'warning',
        'boxes are x1 y1 x2 y2 in the native files and x y w h in COCO files: convert them',
    )
    SAME_PHOTO = (
        'same photo under several names',
        'warning',
        'keep one, and none that is also in another split',
    )
    PHOTO_IN_TWO_SPLITS = (
        'photo that is also in another split',
        'warning',
        'keep it in one: what was trained on measures nothing',
    )
    JSON_NOT_READ = (
        "JSON file beside the photos, where there is no folder 'annos'; not read",
        'warning',
        'check a COCO file by its own path; nothing for lists of test photos',
    )
    DUPLICATE_ITEM = (
        'garment annotated twice in an image',
        'warning',
        'remove one: in an evaluation the second one counts as missed',
    )
    NO_LANDMARKS = (
        'garment without a labelled landmark',
        'warning',
        'nothing for training (its box counts); an evaluation treats it by the mode that it names',
    )
    LANDMARK_AT_ORIGIN = (
        'labelled landmark at exactly (0, 0)',
        'warning',
        'set v = 0 where the landmark is not labelled',
    )
    LANDMARK_OUTSIDE_BOX = (
        'labelled landmark outside the enlarged box',
        'warning',
        'correct the box or the landmark',
    )
    ATTRIBUTE_RANGE = (
        'scale, occlusion, zoom_in or viewpoint is not 1, 2 or 3',
        'warning',
        'correct the level',
    )
    ATTRIBUTE_ABSENT = (
        'scale, occlusion, zoom_in or viewpoint absent',
        'warning',
        'nothing for training; an evaluation by attributes leaves these garments out',
    )
    NO_ANNOTATIONS = (
        'photos without annotations',
        'info',
        "nothing for a test split; else restore the folder 'annos' beside 'image'",
    )
    PAIR_ABSENT = ('no pair_id', 'info', 'nothing: it serves retrieval only')
    STYLE_ABSENT = ('style absent or 0', 'info', 'nothing: 0 is a garment that belongs to no pair')

    def __init__(self, title: str, severity: Severity, fix: str) -> None:
        self.title = title
        self.severity: Severity = severity
        self.fix = fix


class Place(NamedTuple):
    """One occurrence: which file, which key in it, and the details."""

    file: str
    key: str = ''
    detail: str = ''

    def __str__(self) -> str:
        place = f'{self.file}: {self.key}' if self.key else self.file
        return f'{place} ({self.detail})' if self.detail else place


@dataclass
class Finding:
    """All occurrences of one kind.

    Args:
        kind: short name, as in the report.
        title: in words.
        severity: error, warning or info.
        fix: what to do.
        count: how many, also of those that are not listed.
        places: the first ones, in the order of the files.
        note: about all of them together.
    """

    kind: str
    title: str
    severity: Severity
    fix: str
    count: int = 0
    places: list[Place] = field(default_factory=list)
    note: str = ''

    def to_dict(self) -> dict[str, Any]:
        """For the JSON report."""
        return {**asdict(self), 'places': [place._asdict() for place in self.places]}


class Findings:
    """Collects findings.

    Args:
        listed: places kept of each kind; the others are only counted.
    """

    def __init__(self, listed: int = LISTED_PER_KIND) -> None:
        self.listed = listed
        self._by_kind: dict[str, Finding] = {}

    def add(
        self,
        kind: CheckKind | Kind,
        count: int,
        places: Iterable[Place],
        note: str = '',
        severity: Severity | None = None,
    ) -> None:
        """Note ``count`` occurrences; no more places are drawn from the iterable than are kept."""
        if count:
            name = kind.name.lower()
            usual = severity or severity_of(kind)
            finding = self._by_kind.setdefault(name, Finding(name, kind.title, usual, kind.fix))
            finding.count += count
            finding.places += islice(places, self.listed - len(finding.places))
            finding.note = note or finding.note

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Note what the readers found."""
        for problem in problems:
            self.add(problem.kind, 1, [Place(problem.file, problem.key, problem.detail)])

    def ordered(self) -> list[Finding]:
        """Errors first; of one severity the most frequent first."""
        return sorted(
            self._by_kind.values(), key=lambda f: (SEVERITIES.index(f.severity), -f.count, f.kind)
        )

    def counts(self) -> dict[Severity, int]:
        """Occurrences by severity."""
        found = self._by_kind.values()
        return {s: sum(f.count for f in found if f.severity == s) for s in SEVERITIES}


def severity_of(kind: CheckKind | Kind) -> Severity:
    """The severity that a kind has by itself."""
    if isinstance(kind, CheckKind):
        return kind.severity
    return 'error' if kind.is_error else 'warning'
