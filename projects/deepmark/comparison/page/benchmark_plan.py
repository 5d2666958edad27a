# SPDX-License-Identifier: Apache-2.0
"""What the garment benchmark consists of: ``docs/results/benchmark.json``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from deepmark.json_file import JsonFileError, decode_json, read_json_bytes

FORMAT_VERSION = 1
PLAN_NAME = 'benchmark.json'


class PlannedRow(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A model of the benchmark.

    Attributes:
        config: From the project's root.
        title: What it is, for the table.
        seeds: Planned runs.
        headline: Its tables per category and per difficulty are printed.
        weights_of: Config whose weights it is tested with; None trains its own.
    """

    config: str
    title: str
    seeds: int
    headline: bool = False
    weights_of: str | None = None

    @property
    def name(self) -> str:
        """Stem of the config, as in results files."""
        return PurePosixPath(self.config).stem


class Group(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Rows that answer one question.

    Attributes:
        title: Above the table.
        question: What it answers, in a sentence.
        rows: Of the table.
        in_readme: The rows stand in README.md as well.
    """

    title: str
    question: str
    rows: list[PlannedRow]
    in_readme: bool = False


class SplitRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the manifest of a drawn split must say.

    Attributes:
        generator_version: ``deepmark.datasets.garments.writer.GENERATOR_VERSION``.
        seed: Of the drawing.
        count: Images.
    """

    generator_version: int
    seed: int
    count: int


class DataRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The drawn data.

    Attributes:
        root: Folder, from the project's root.
        splits: Name of the split to what its manifest must say.
        description: Size, difficulty and the like, in a sentence or two.
    """

    root: str
    splits: dict[str, SplitRecipe]
    description: str


class PlannedCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call of tools/compare.py.

    Attributes:
        name: For ``tools/run_benchmark.py NAME``.
        command: From the project's root.
    """

    name: str
    command: str

    @property
    def out(self) -> str:
        """The folder behind ``--out``."""
        words = shlex.split(self.command)
        return words[words.index('--out') + 1]


class BenchmarkPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole plan.

    Attributes:
        format_version: Of the file.
        title: Of the benchmark.
        question: What it answers, in a sentence.
        data: How the images are made.
        groups: The tables.
        commands: What runs it, in this order.
    """

    format_version: int
    title: str
    question: str
    data: DataRecipe
    groups: list[Group]
    commands: list[PlannedCommand]

    def __post_init__(self) -> None:
        if self.format_version != FORMAT_VERSION:
            raise ValueError(
                f'format_version is {self.format_version}, this version reads {FORMAT_VERSION}'
            )
        names = [row.name for row in self.rows]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'two rows have the config name {twice[0]}')
        for command in self.commands:
            if '--out' not in shlex.split(command.command)[:-1]:
                raise ValueError(f'the command {command.name} has no --out folder')

    @property
    def rows(self) -> list[PlannedRow]:
        """The rows of all groups."""
        return [row for group in self.groups for row in group.rows]


def read_plan(folder: Path) -> BenchmarkPlan:
    """Read the plan.

    Raises:
        JsonFileError: No such content; names the place.
        OSError: The file cannot be opened.
    """
    path = folder / PLAN_NAME
    return decode_json(read_json_bytes(path), BenchmarkPlan, str(path))


def check_configs(plan: BenchmarkPlan, root: Path) -> None:
    """Check that the plan names configs that there are.

    Raises:
        JsonFileError: One is missing.
    """
    for row in plan.rows:
        for config in filter(None, (row.config, row.weights_of)):
            if not (root / config).is_file():
                raise JsonFileError(f'{PLAN_NAME}: {config} does not exist; correct the row')


def check_data(plan: BenchmarkPlan, data: Mapping[str, object], title: str) -> None:
    """Check that results were made on the planned images.

    Args:
        plan: The plan.
        data: As in :class:`deepmark.comparison.results.Results`.
        title: Of the results file, for the message.

    Raises:
        JsonFileError: Other images.
    """
    for split, recipe in plan.data.splits.items():
        found = data.get(split)
        manifest = found if isinstance(found, dict) else {}
        for key, planned in msgspec.to_builtins(recipe).items():
            if manifest.get(key) != planned:
                raise JsonFileError(
                    f'{title}: data.{split}.{key} is {manifest.get(key)}, the plan has {planned}; '
                    'run the benchmark on the planned images'
                )
