# SPDX-License-Identifier: Apache-2.0
"""docs/results.md and the table of README.md, made of the JSON files in docs/results alone.

``benchmark.json`` is the plan, ``papers.json`` holds what papers say; every other file is a results
file of ``tools/compare.py``, as it was written. Equal files give equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from deepmark.atomic_write import atomic_write
from deepmark.comparison.data import DEEPFASHION2, GARMENTS
from deepmark.comparison.page.benchmark_plan import (
    PLAN_NAME,
    BenchmarkPlan,
    check_configs,
    check_data,
    read_plan,
)
from deepmark.comparison.page.paper_figures import (
    PAPERS_NAME,
    Papers,
    paper_parts,
    read_papers,
    readme_paper_table,
)
from deepmark.comparison.page.sections import (
    README_COSTS,
    benchmark_parts,
    headline_parts,
    readme_rows,
    source_parts,
)
from deepmark.comparison.report.cells import HEADLINES, status_of
from deepmark.comparison.report.pictures import bars_figure, curves_figure
from deepmark.comparison.report.speed_picture import speed_accuracy_figure
from deepmark.comparison.results import Model, Results, join_results, read_results
from deepmark.json_file import JsonFileError
from deepmark.markdown_table import markdown_table
from deepmark.visualization.evaluation_plots import figure_png

FOLDER = Path('docs') / 'results'
PAGE = Path('docs') / 'results.md'
IMAGES = Path('docs') / 'images'
README = Path('README.md')
BEGIN, END = '<!-- results:begin -->', '<!-- results:end -->'
PICTURES = {
    'results_speed_accuracy.png': ('Speed against accuracy', speed_accuracy_figure),
    'results_bars.png': ('AP with the single seeds', bars_figure),
    'results_curves.png': ('AP and loss over the training', curves_figure),
}


class CheckedIn(NamedTuple):
    """What the folder holds.

    Attributes:
        plan: Of the benchmark.
        papers: Quoted figures.
        garments: File name to results on the benchmark's images.
        deepfashion2: The same on DeepFashion2.
    """

    plan: BenchmarkPlan
    papers: Papers
    garments: dict[str, Results]
    deepfashion2: dict[str, Results]

    @property
    def models(self) -> dict[str, Model]:
        """The benchmark's models by name, in the order of the plan."""
        found = _by_name(self.garments)
        return {row.name: found[row.name] for row in self.plan.rows if row.name in found}


def read_checked_in(root: Path) -> CheckedIn:
    """Read and check all files of docs/results.

    Args:
        root: Of the project.

    Raises:
        JsonFileError: A file has other content than expected, or does not belong to the plan.
        OSError: A file cannot be opened.
    """
    folder = root / FOLDER
    plan = read_plan(folder)
    check_configs(plan, root)
    files = {
        path.name: read_results(path)
        for path in sorted(folder.glob('*.json'))
        if path.name not in (PLAN_NAME, PAPERS_NAME)
    }
    parts: dict[str, dict[str, Results]] = {GARMENTS: {}, DEEPFASHION2: {}}
    for name, results in files.items():
        data = results.data.get('name')
        if data not in parts:
            raise JsonFileError(f'{name}: data.name is {data}, expected {" or ".join(parts)}')
        parts[data][name] = results
    _check_garments(plan, parts[GARMENTS])
    return CheckedIn(plan, read_papers(folder), parts[GARMENTS], parts[DEEPFASHION2])


def page_text(checked_in: CheckedIn) -> str:
    """docs/results.md; ends with a line break."""
    plan, models = checked_in.plan, checked_in.models
    numbers = {
        model.name: number
        for number, results in enumerate(checked_in.garments.values(), 1)
        for model in results.models
    }
    parts = [
        '# Results',
        'Made of the JSON files in [docs/results](results) by `make docs-results`; a test '
        'compares. "Not run" and "not measured" mean just that.',
        *benchmark_parts(plan, models, numbers),
    ]
    if _something_to_draw(checked_in):
        parts += [f'![{title}](images/{name})' for name, (title, _) in PICTURES.items()]
    parts += headline_parts(plan, models)
    parts += source_parts(plan, checked_in.garments)
    parts += paper_parts(checked_in.papers, _by_name(checked_in.deepfashion2))
    return '\n\n'.join(parts) + '\n'


def readme_block(checked_in: CheckedIn) -> str:
    """What stands between the two marks in README.md, line breaks at both ends."""
    plan, papers = checked_in.plan, checked_in.papers
    ours = markdown_table(
        readme_rows(plan, checked_in.models), [*HEADLINES.values(), *README_COSTS]
    )
    parts = [
        f'**{plan.title}.** {plan.question} All rows, commands and the machine: '
        f'[{PAGE.as_posix()}]({PAGE.as_posix()}).',
        ours,
        f'**{papers.title}.** {papers.note}',
        readme_paper_table(papers, _by_name(checked_in.deepfashion2)),
    ]
    return '\n' + '\n\n'.join(parts) + '\n'


def with_block(text: str, block: str) -> str:
    """Replace what stands between the two marks.

    Raises:
        JsonFileError: The marks are not there once each, in this order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise JsonFileError(f'{README}: expected {BEGIN} and, below it, {END}, once each')
    return f'{before}{BEGIN}\n{block}\n{END}{after}'


def write_page(root: Path) -> list[Path]:
    """Make docs/results.md, its pictures and the block of README.md anew.

    A README.md without marks stays as it is. Without any finished run there are no pictures.

    Args:
        root: Of the project.

    Returns:
        The files written.

    Raises:
        JsonFileError: A checked-in file is wrong, or README.md has one mark only.
        OSError: A file cannot be read or written.
    """
    checked_in = read_checked_in(root)
    contents = {root / PAGE: page_text(checked_in).encode()}
    if _something_to_draw(checked_in):
        models = list(checked_in.models.values())
        for name, (_, draw) in PICTURES.items():
            contents[root / IMAGES / name] = figure_png(draw(models))
    readme = (root / README).read_text(encoding='utf-8')
    if BEGIN in readme or END in readme:
        contents[root / README] = with_block(readme, readme_block(checked_in)).encode()
    for path, content in contents.items():
        with atomic_write(path, overwrite=True) as file:
            file.write(content)
    return list(contents)


def _check_garments(plan: BenchmarkPlan, files: Mapping[str, Results]) -> None:
    planned = {row.name for row in plan.rows}
    for name, results in files.items():
        check_data(plan, results.data, name)
        for model in results.models:
            if model.name not in planned:
                raise JsonFileError(
                    f'{name}: {PLAN_NAME} has no row for {model.name}; add one, or leave it out'
                )
    join_results(list(files.values()))


def _by_name(files: Mapping[str, Results]) -> dict[str, Model]:
    return {model.name: model for model in join_results(list(files.values()))}


def _something_to_draw(checked_in: CheckedIn) -> bool:
    return any(status_of(model) == 'finished' for model in checked_in.models.values())
