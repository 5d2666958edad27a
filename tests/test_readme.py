# SPDX-License-Identifier: Apache-2.0
"""What README.md and the other pages say exists: links, pictures, files, names in the examples."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import typing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md'), *ROOT.glob('configs/**/*.md')])
TARGETS = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)[^)]*\)|\b(?:src|href)="([^"]+)"')
REPOSITORY_FILES = re.compile(
    r'(?<![\w./*-])(?:configs|docs|projects|requirements|tests|tools)/[\w./-]+\.(?:md|py|sh|txt|yaml)\b'
)


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def relative_targets(text: str) -> list[str]:
    """Link and picture targets without those on the web and inside the page, without anchors."""
    found = [first or second for first, second in TARGETS.findall(text)]
    return [t.partition('#')[0] for t in found if not re.match(r'[a-z]+:|#', t)]


def python_blocks(text: str) -> list[str]:
    return re.findall(r'^```python\n(.*?)^```', text, re.MULTILINE | re.DOTALL)


def test_targets_are_recognised() -> None:
    text = (
        '[a](b.md#c) ![d](e/f.png "g") [h](https://i.org/j.md) [k](#l) <img src="m.png"> '
        '[![n](o.svg)](p.md)'
    )
    assert relative_targets(text) == ['b.md', 'e/f.png', 'm.png', 'o.svg']
    assert REPOSITORY_FILES.findall('x `tools/a.sh` /tools/b.py my/tools/c.py tests/d/e.py, ') == [
        'tools/a.sh',
        'tests/d/e.py',
    ]


@pytest.mark.parametrize('page', PAGES, ids=page_name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    targets = relative_targets(page.read_text(encoding='utf-8'))
    missing = [target for target in targets if not (page.parent / unquote(target)).exists()]
    assert missing == []
    if page.name == 'README.md' and page.parent == ROOT:
        assert len(targets) >= 5
        assert any(target.endswith(('.png', '.jpg')) for target in targets)


@pytest.mark.parametrize('page', PAGES, ids=page_name)
def test_named_files_exist(page: Path) -> None:
    named = set(REPOSITORY_FILES.findall(page.read_text(encoding='utf-8')))
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize('page', PAGES, ids=page_name)
def test_nothing_is_left_to_fill_in(page: Path) -> None:
    assert re.findall(r'\w*PLACEHOLDER\w*|TODO|FIXME|TBD', page.read_text(encoding='utf-8')) == []


def test_names_in_the_python_example_exist() -> None:
    blocks = python_blocks((ROOT / 'README.md').read_text(encoding='utf-8'))
    assert blocks
    reader = ExampleReader()
    for block in blocks:
        reader.visit(ast.parse(block))
    assert {'GarmentRecord', 'ImageRecord'} <= {kind.__name__ for kind, _ in reader.used}
    missing = [f'{kind.__name__}.{name}' for kind, name in reader.used if not has(kind, name)]
    assert missing == []


def test_a_wrong_name_in_an_example_is_found() -> None:
    reader = ExampleReader()
    reader.visit(
        ast.parse(
            'from deepmark.apis import DeepMarkInferencer\n'
            "for g in DeepMarkInferencer('c.py')('p.jpg').predictions[0].garments:\n"
            '    print(g.bbox, g.score)\n'
        )
    )
    wrong = [(kind.__name__, name) for kind, name in reader.used if not has(kind, name)]
    assert wrong == [('GarmentRecord', 'bbox')]
    with pytest.raises(TypeError, match='unexpected keyword argument'):
        reader.visit(ast.parse("DeepMarkInferencer('c.py', weight='w.pth')"))


def is_record(kind: type) -> bool:
    """Whether the class declares all its fields."""
    return dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct)


def has(record: type, name: str) -> bool:
    return name in typing.get_type_hints(record) or hasattr(record, name)


class ExampleReader(ast.NodeVisitor):
    """Follows types through an example, from the annotations of the package.

    Attributes:
        types: type of each variable, as far as it is known.
        used: (record, name) of each attribute that the example reads from a record.
    """

    def __init__(self) -> None:
        self.classes: dict[str, type] = {}
        self.types: dict[str, Any] = {}
        self.used: list[tuple[type, str]] = []

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = importlib.import_module(str(node.module))
        for alias in node.names:
            self.classes[alias.asname or alias.name] = getattr(module, alias.name)

    def visit_Assign(self, node: ast.Assign) -> None:
        (target,) = node.targets
        if isinstance(target, ast.Name):
            self.types[target.id] = self.type_of(node.value)

    def visit_For(self, node: ast.For) -> None:
        if isinstance(node.target, ast.Name):
            self.types[node.target.id] = element(self.type_of(node.iter))
        for statement in node.body:
            self.visit(statement)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.type_of(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.type_of(node)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            self.visit(argument)

    def type_of(self, node: ast.expr) -> Any:
        """Type of an expression; None when it is not known."""
        if isinstance(node, ast.Name):
            return self.types.get(node.id)
        if isinstance(node, ast.Subscript):
            return element(self.type_of(node.value))
        if isinstance(node, ast.Attribute):
            return self._attribute(self.type_of(node.value), node.attr)
        if isinstance(node, ast.Call):
            return self._call(node)
        return None

    def _attribute(self, kind: Any, name: str) -> Any:
        if not isinstance(kind, type) or not is_record(kind):
            return None
        if (kind, name) not in self.used:
            self.used.append((kind, name))
        return typing.get_type_hints(kind).get(name)

    def _call(self, node: ast.Call) -> Any:
        made = self.classes.get(node.func.id) if isinstance(node.func, ast.Name) else None
        kind = made or self.type_of(node.func)
        if not isinstance(kind, type) or (made is None and not callable(kind)):
            return None
        function = kind.__init__ if made else kind.__call__  # type: ignore[misc]
        keywords = {str(keyword.arg): None for keyword in node.keywords}
        inspect.signature(function).bind(None, *node.args, **keywords)
        return kind if made else typing.get_type_hints(function).get('return')


def element(kind: Any) -> Any:
    """Type of the elements of ``list[...]``."""
    return (typing.get_args(kind) or [None])[0]
