# SPDX-License-Identifier: Apache-2.0
"""docs/results.md is what its JSON files give, byte by byte, and says what was not run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepmark.comparison.benchmark_commands import arguments_of, chosen_commands, run_benchmark
from deepmark.comparison.page.benchmark_plan import read_plan
from deepmark.comparison.results import Model, Results, write_results
from deepmark.comparison.results_page import (
    BEGIN,
    END,
    FOLDER,
    IMAGES,
    PAGE,
    PICTURES,
    README,
    page_text,
    read_checked_in,
    readme_block,
    with_block,
    write_page,
)
from deepmark.datasets.garments import GarmentConfig
from deepmark.datasets.garments.writer import GENERATOR_VERSION
from deepmark.engine.errors import RunError
from deepmark.json_file import JsonFileError

from .invented_results import finished_run, invented_results

ROOT = Path(__file__).resolve().parents[2]
OURS, PADDED = 'configs/ours.py', 'configs/padded.py'
MANIFESTS = {
    'train': {'generator_version': 1, 'seed': 0, 'count': 20},
    'validation': {'generator_version': 1, 'seed': 0, 'count': 5},
}
PLAN: dict[str, Any] = {
    'format_version': 1,
    'title': 'The benchmark',
    'question': 'Which?',
    'data': {'root': 'data/drawn', 'splits': MANIFESTS, 'description': 'drawn.'},
    'groups': [
        {
            'title': 'Group',
            'question': 'Why?',
            'in_readme': True,
            'rows': [
                {'config': OURS, 'title': 'Ours', 'seeds': 3, 'headline': True},
                {'config': PADDED, 'title': 'Padded', 'seeds': 1, 'weights_of': OURS},
            ],
        }
    ],
    'commands': [{'name': 'all', 'command': 'python tools/compare.py a.py --out work_dirs/b/all'}],
}
PAPERS: dict[str, Any] = {
    'format_version': 1,
    'title': 'Quoted',
    'note': 'Quoted from the paper.',
    'tables': [
        {
            'title': 'Table',
            'note': 'A note.',
            'columns': ['box AP', 'ms'],
            'rows': [
                {
                    'method': 'Theirs', 'figures': {'box AP': '.710 .821', 'ms': '76'},
                    'source': 'arXiv 1910.01225', 'config': OURS, 'in_readme': True,
                },
                {
                    'method': 'Other', 'figures': {'box AP': '.5'}, 'source': 'somebody',
                    'second_hand': True,
                },
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a plan, papers and configs, without results."""
    for config in (OURS, PADDED):
        (tmp_path / config).parent.mkdir(exist_ok=True)
        (tmp_path / config).write_text('')
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / README).write_text(f'# A\n\n{BEGIN}\nold\n{END}\n\nrest\n')
    write_json(tmp_path, 'benchmark.json', PLAN)
    write_json(tmp_path, 'papers.json', PAPERS)
    return tmp_path


def write_json(project: Path, name: str, content: object) -> None:
    (project / FOLDER / name).write_text(json.dumps(content))


def drawn_results(models: list[Model]) -> Results:
    results = invented_results(models)
    results.data = {'name': 'garments', **MANIFESTS}
    return results


def two_seeds(name: str = 'ours') -> Model:
    runs = [finished_run(0, 0.25, 0.125, 0.2), finished_run(1, 0.5, 0.375, 0.4)]
    return Model(name, f'configs/{name}.py', kind='one-shot', runs=runs)


def table_rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith('| [') or line.startswith('| Th')]


def test_the_page_in_docs_is_what_its_files_give() -> None:
    made = page_text(read_checked_in(ROOT)).encode()
    assert (ROOT / PAGE).read_bytes() == made, 'run make docs-results'


def test_the_table_in_the_readme_is_what_the_files_give() -> None:
    readme = (ROOT / README).read_text(encoding='utf-8')
    assert with_block(readme, readme_block(read_checked_in(ROOT))) == readme, 'make docs-results'


def test_the_plan_is_about_the_garments_that_are_drawn() -> None:
    plan = read_plan(ROOT / FOLDER)
    assert f'{GarmentConfig().size} x {GarmentConfig().size}' in plan.data.description
    assert GarmentConfig() == GarmentConfig().at_difficulty('medium')
    assert {recipe.generator_version for recipe in plan.data.splits.values()} == {GENERATOR_VERSION}
    assert sum(row.headline for row in plan.rows) == 2
    assert all(row.seeds == 3 for row in plan.rows if row.headline)
    commands = ' '.join(planned.command for planned in plan.commands)
    assert [row.config for row in plan.rows if row.config not in commands] == []


def test_no_figure_of_dafe_is_quoted() -> None:
    papers = json.loads((ROOT / FOLDER / 'papers.json').read_text(encoding='utf-8'))
    rows = [row for table in papers['tables'] for row in table['rows']]
    assert [row['method'] for row in rows if 'DAFE' in row['method']] == []
    assert [row['method'] for row in rows if not row['source']] == []
    configs = [row['config'] for row in rows if 'config' in row]
    assert [config for config in configs if not (ROOT / config).is_file()] == []


def test_nothing_was_run(project: Path) -> None:
    text = page_text(read_checked_in(project))
    assert table_rows(text) == [
        '| [Ours](../configs/ours.py) |  | not run | not run | not run '
        '|  |  |  |  |  |  | none (3 planned) |  |',
        '| [Padded](../configs/padded.py) (tested with the weights of '
        '[ours](../configs/ours.py)) |  | not run | not run | not run '
        '|  |  |  |  |  |  | none (1 planned) |  |',
        '| Theirs | .710 .821 | 76 | arXiv 1910.01225 | not measured |',
    ]
    assert '| Other | .5 |  | somebody (may be second hand) | - |' in text
    assert '## The headline rows in detail\n\nNot run.\n' in text
    assert 'Nothing was run yet.' in text
    assert '- `data/drawn/train`: 20 images, seed 0, generator version 1\n' in text
    assert 'cp work_dirs/b/all/results.json docs/results/garments_all.json\n' in text
    assert 'images/' not in text


def test_a_row_with_results(project: Path) -> None:
    write_results(project / FOLDER / 'garments_all.json', drawn_results([two_seeds()]))
    text = page_text(read_checked_in(project))
    assert table_rows(text)[0] == (
        '| [Ours](../configs/ours.py) | one-shot | 0.375 (0.250–0.500) | 0.250 (0.125–0.375) '
        '| 0.300 (0.200–0.400) | not measured | not measured | not measured | not measured '
        '| 4.5 (4.0–5.0) | 8,050 (8,000–8,100) | 0, 1 (3 planned) | 1 |'
    )
    assert (
        '**1.** [garments_all.json](results/garments_all.json)\n\n'
        '- command: `python tools/compare.py configs/ours.py --seeds 2`\n'
        '- commit: `0123abc` with local changes\n'
        '- machine: Invented CPU, 2 cores, no GPU\n'
    ) in text
    assert '### Box AP per category\n\n| model | shorts | skirt |\n' in text
    assert text.count('not run') >= 3  # the other row


def test_our_figure_beside_the_paper(project: Path) -> None:
    results = invented_results([two_seeds()])
    results.data = {'name': 'deepfashion2'}
    write_results(project / FOLDER / 'deepfashion2.json', results)
    checked_in = read_checked_in(project)
    assert (
        '| Theirs | .710 .821 | 76 | arXiv 1910.01225 | box AP 0.375 (0.250–0.500); '
        'landmark AP, visible + occluded 0.250 (0.125–0.375); '
        'landmark AP, visible only 0.300 (0.200–0.400) |'
    ) in page_text(checked_in)
    assert checked_in.models == {}


def test_the_same_files_give_the_same_bytes(project: Path) -> None:
    write_results(project / FOLDER / 'garments_all.json', drawn_results([two_seeds()]))
    written = write_page(project)
    assert written == [
        project / PAGE, *(project / IMAGES / name for name in PICTURES), project / README
    ]  # fmt: skip
    first = {path: path.read_bytes() for path in written}
    assert (project / PAGE).read_bytes() == page_text(read_checked_in(project)).encode()
    for name, (title, _) in PICTURES.items():
        assert f'![{title}](images/{name})' in first[project / PAGE].decode()
        assert first[project / IMAGES / name].startswith(b'\x89PNG')
        assert b'Software' not in first[project / IMAGES / name]
    readme = first[project / README].decode()
    assert readme.startswith(f'# A\n\n{BEGIN}\n\n**The benchmark.** Which?')
    assert '| Ours | 0.375 (0.250–0.500) | 0.250 (0.125–0.375) |' in readme
    assert '| Theirs | .710 .821 | 76 | arXiv 1910.01225 | not measured |' in readme
    assert readme.endswith(f'\n\n{END}\n\nrest\n')
    assert with_block(readme, readme_block(read_checked_in(project))) == readme


def test_a_tampered_number_is_noticed(project: Path) -> None:
    path = project / FOLDER / 'garments_all.json'
    write_results(path, drawn_results([two_seeds()]))
    before = page_text(read_checked_in(project))
    content = json.loads(path.read_text())
    content['models'][0]['runs'][0]['figures']['bbox_AP'] += 0.01
    path.write_text(json.dumps(content))
    assert page_text(read_checked_in(project)) != before


def set_version(project: Path) -> None:
    content = json.loads((project / FOLDER / 'garments_all.json').read_text())
    write_json(project, 'garments_all.json', {**content, 'format_version': 2})


def draw_others(project: Path) -> None:
    results = drawn_results([two_seeds()])
    results.data = {**results.data, 'train': {**MANIFESTS['train'], 'seed': 7}}
    write_results(project / FOLDER / 'garments_all.json', results, overwrite=True)


def add_unknown(project: Path) -> None:
    write_results(project / FOLDER / 'garments_b.json', drawn_results([two_seeds('unknown')]))


def add_twice(project: Path) -> None:
    write_results(project / FOLDER / 'garments_b.json', drawn_results([two_seeds()]))


def name_other_data(project: Path) -> None:
    results = invented_results([])
    results.data = {'name': 'shoes'}
    write_results(project / FOLDER / 'shoes.json', results)


def remove_config(project: Path) -> None:
    (project / PADDED).unlink()


def misspell_column(project: Path) -> None:
    text = json.dumps(PAPERS).replace('"ms": "76"', '"sm": "76"')
    (project / FOLDER / 'papers.json').write_text(text)


def write_words(project: Path) -> None:
    text = json.dumps(PAPERS).replace('"76"', '"about 76"')
    (project / FOLDER / 'papers.json').write_text(text)


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (set_version, r'garments_all\.json: format_version is 2, this version reads 1'),
        (draw_others, r'garments_all\.json: data\.train\.seed is 7, the plan has 0'),
        (add_unknown, r'garments_b\.json: benchmark\.json has no row for unknown'),
        (add_twice, r'two results files have the model ours'),
        (name_other_data, r'shoes\.json: data\.name is shoes, expected garments or deepfashion2'),
        (remove_config, r'benchmark\.json: configs/padded\.py does not exist'),
        (misspell_column, r'papers\.json: Theirs has the column sm, the table has not'),
        (write_words, r'papers\.json: .*regex.* at `\$\.tables\[0\]\.rows\[0\]\.figures'),
    ],
)
def test_wrong_files_are_refused(
    project: Path, spoil: Callable[[Path], None], message: str
) -> None:
    write_results(project / FOLDER / 'garments_all.json', drawn_results([two_seeds()]))
    page_text(read_checked_in(project))
    spoil(project)
    with pytest.raises(JsonFileError, match=message):
        page_text(read_checked_in(project))


@pytest.mark.parametrize('text', ['a', f'{BEGIN}\n', f'{END}{BEGIN}', f'{BEGIN}{BEGIN}{END}'])
def test_marks_that_do_not_fit(text: str) -> None:
    with pytest.raises(JsonFileError, match='expected <!-- results:begin -->'):
        with_block(text, 'x')


def test_a_readme_without_marks_stays(project: Path) -> None:
    (project / README).write_text('# A\n')
    assert write_page(project) == [project / PAGE]
    assert (project / README).read_text() == '# A\n'


def test_commands_of_the_plan(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = {**PLAN, 'commands': [command('one', 3), command('two', 0), command('three', 130)]}
    write_json(project, 'benchmark.json', plan)
    with pytest.raises(RunError, match=r'^one ended with exit code 3; its results file'):
        run_benchmark(project, ['two', 'one'])
    assert capfd.readouterr().out.count('--out') == 2
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(project)
    with pytest.raises(RunError, match='no command four; it has one, two, three'):
        run_benchmark(project, ['four'])
    assert chosen_commands([], []) == []
    assert arguments_of('cp "a b" c') == ['cp', 'a b', 'c']


def command(name: str, code: int) -> dict[str, str]:
    return {'name': name, 'command': f'python -c "import sys; sys.exit({code})" --out x'}


def test_a_command_without_folder_is_refused(project: Path) -> None:
    write_json(project, 'benchmark.json', {**PLAN, 'commands': [{'name': 'a', 'command': 'ls'}]})
    with pytest.raises(JsonFileError, match='the command a has no --out folder'):
        read_plan(project / FOLDER)
