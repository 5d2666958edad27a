# SPDX-License-Identifier: Apache-2.0
"""Reading large XML files piece by piece, safely, with line numbers.

expat does the parsing. A document type declaration is refused, so there are no entities to expand
and nothing outside the file is looked at; the tools' exports have none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

from deepmark.labelling.mistakes import ElementError, LabellingError

_CHUNK = 1 << 16


@dataclass
class Element:
    """One element: its tag, attributes, text and children, and the line where it starts."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ''
    children: list[Element] = field(default_factory=list)

    @property
    def place(self) -> str:
        """What errors call the element.

        Example:
            >>> Element('image', {'id': '0', 'name': 'a.jpg'}, 7).place
            'line 7: <image name="a.jpg">'
        """
        named = [key for key in ('name', 'label') if key in self.attributes][:1]
        shown = ''.join(f' {key}="{self.attributes[key]}"' for key in named)
        return f'line {self.line}: <{self.tag}{shown}>'

    def required(self, name: str) -> str:
        """An attribute; ElementError when it is missing."""
        if name not in self.attributes:
            raise ElementError(f'the attribute {name} is missing. Fix: export the file again')
        return self.attributes[name]

    def number(self, name: str) -> float:
        """An attribute that is a number."""
        text = self.required(name)
        try:
            return float(text)
        except ValueError:
            raise ElementError(f'{name}="{text}" is not a number') from None

    def is_set(self, name: str) -> bool:
        """Whether an attribute, false by default, is true."""
        return self.attributes.get(name, '0').lower() in {'1', 'true'}


def read_elements(file: IO[bytes], title: str, root: str) -> Iterator[Element]:
    """The children of the root element, each as soon as it is complete.

    Args:
        file: the document.
        title: its name, for messages.
        root: expected tag of the root element.

    Raises:
        LabellingError: not well-formed, cut off, another root, or with a document type.
    """
    reader = _Reader(title, root)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: reader.start(
        tag, attributes, parser.CurrentLineNumber
    )
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    while True:
        chunk = file.read(_CHUNK)
        try:
            parser.Parse(chunk, not chunk)
        except expat.ExpatError as error:
            raise LabellingError(
                f'{title}: not well-formed XML ({error}). Fix: export or download it again'
            ) from error
        yield from reader.taken()
        if not chunk:
            return


class _Reader:
    def __init__(self, title: str, root: str) -> None:
        self.title, self.root = title, root
        self.open: list[Element] = []
        self.done: list[Element] = []

    def start(self, tag: str, attributes: dict[str, str], line: int) -> None:
        if not self.open and tag != self.root:
            raise LabellingError(f'{self.title}: <{tag}>, expected <{self.root}>')
        self.open.append(Element(tag, attributes, line))

    def end(self, tag: str) -> None:
        element = self.open.pop()
        if len(self.open) == 1:
            self.done.append(element)
        elif self.open:
            self.open[-1].children.append(element)

    def text(self, text: str) -> None:
        self.open[-1].text += text

    def doctype(self, *_: object) -> None:
        raise LabellingError(
            f'{self.title}: a document type (<!DOCTYPE ...>) is not read, for safety. Fix: export '
            'the file again'
        )

    def taken(self) -> list[Element]:
        done, self.done = self.done, []
        return done
