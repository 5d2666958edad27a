# SPDX-License-Identifier: Apache-2.0
"""What the tests of the annotation cache share: loading, comparing, touching files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.load_packed import LoadedAnnotations, load_packed


def load(tree: Any, cache: str | Path, **arguments: Any) -> LoadedAnnotations:
    return load_packed(find_source(tree.annos), cache=cache, progress=False, **arguments)


def assert_same(found: LoadedAnnotations, expected: LoadedAnnotations) -> None:
    for name, array in expected.packed.arrays().items():
        np.testing.assert_array_equal(getattr(found.packed, name), array, name)
    assert found.packed.source_names == expected.packed.source_names
    assert found.problems.found == expected.problems.found
    np.testing.assert_array_equal(found.positions, expected.positions)
    places = [loaded.locate(n) for loaded in (found, expected) for n in range(len(found.positions))]
    assert places[: len(places) // 2] == places[len(places) // 2 :]


def touch(path: Path) -> None:
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))


def photo_opener(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[str]:
    opened: list[str] = []
    original = module.read_image_size

    def read_image_size(path: Path) -> tuple[int, int]:
        opened.append(path.name)
        size: tuple[int, int] = original(path)
        return size

    monkeypatch.setattr(module, 'read_image_size', read_image_size)
    return opened
