# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's own tree: one JSON file for each photo.

``<root>/<split>/image/000001.jpg`` with ``<root>/<split>/annos/000001.json``, in which ``source``
and ``pair_id`` describe the photo and ``item1``, ``item2`` ... its garments. Boxes are x1 y1 x2 y2,
landmarks x, y, v of the garment's own category. The image size is not in the file: it is read from
the image header.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepmark.datasets.image_size import image_ids_of, list_images, read_image_size
from deepmark.datasets.item_parsing import (
    ItemError,
    parse_attributes,
    parse_box,
    parse_label,
    parse_own_landmarks,
    parse_polygons,
    required,
    whole_number,
)
from deepmark.datasets.packing import ImageRow, ItemRow
from deepmark.datasets.problems import Kind, Problem, Problems
from deepmark.schema import LandmarkSchema

_THREADS = 4
_ITEM_KEY = re.compile(r'item(\d+)')


@dataclass
class _FileResult:
    """What one annotation file gave; ``image`` is None when it cannot be used."""

    image: ImageRow | None
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class NativeReader:
    """Reads one split.

    Args:
        image_folder: the photos.
        annotation_folder: the JSON files; a photo and its file have the same stem.
        schema: categories and landmarks.
        with_polygons: also read ``segmentation``.
    """

    image_folder: Path
    annotation_folder: Path
    schema: LandmarkSchema
    with_polygons: bool = False

    def read(self, problems: Problems) -> list[ImageRow]:
        """All photos with an annotation, in the order of their names.

        Several threads hide the latency of a network disk. Annotations are numbered from 1 in this
        order, as the data set's own COCO converter does.
        """
        names = self._paired_names(problems)
        ids = image_ids_of(names)
        with ThreadPoolExecutor(_THREADS) as threads:
            results = list(threads.map(self._read_file, names, ids))
        for result in results:
            problems.extend(result.problems)
        images = [result.image for result in results if result.image is not None]
        for number, item in enumerate((item for image in images for item in image.items), 1):
            item.annotation_id = number
        return images

    def locate(self, image_name: str, position: int) -> tuple[str, str]:
        """File and key of a garment, for messages."""
        return str(self._annotation_file(image_name)), f'item{position}'

    def keys(self) -> tuple[str, str]:
        """What boxes and landmarks are called in the files."""
        return 'bounding_box', 'landmarks'

    def _annotation_file(self, image_name: str) -> Path:
        return self.annotation_folder / f'{Path(image_name).stem}.json'

    def _paired_names(self, problems: Problems) -> list[str]:
        """Names of images that have an annotation; the others are problems."""
        stems = {p.stem for p in self.annotation_folder.iterdir() if p.suffix == '.json'}
        names, seen = [], dict[str, str]()
        for name in list_images(self.image_folder):
            stem = Path(name).stem
            file = str(self.image_folder / name)
            number = str(int(stem)) if stem.isdecimal() else stem
            if stem not in stems:
                problems.add(Kind.MISSING_ANNOTATION, file, detail=str(self._annotation_file(name)))
            elif number in seen:
                problems.add(Kind.DUPLICATE_IMAGE, file, detail=f'image {number} is {seen[number]}')
            else:
                names.append(name)
            seen.setdefault(number, name)
        with_image = {Path(name).stem for name in seen.values()}
        for stem in sorted(stems - with_image):
            if not stem.isdecimal() or str(int(stem)) not in seen:
                file = str(self.annotation_folder / f'{stem}.json')
                problems.add(Kind.MISSING_IMAGE, file, detail=str(self.image_folder / stem) + '.*')
        return names

    def _read_file(self, name: str, image_id: int) -> _FileResult:
        result = _FileResult(None)
        content = self._load(name, result)
        if content is None:
            return result
        path = self.image_folder / name
        try:
            width, height = read_image_size(path)
        except OSError as error:
            result.problems.append(Problem(Kind.UNREADABLE_IMAGE, str(path), '', str(error)))
            return result
        result.image = ImageRow(name, image_id, width, height)
        result.image.items = self._read_items(name, content, result)
        return result

    def _load(self, name: str, result: _FileResult) -> Mapping[str, Any] | None:
        file = self._annotation_file(name)
        try:
            content = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            detail = 'the file is empty' if file.stat().st_size == 0 else str(error)
            result.problems.append(Problem(Kind.UNREADABLE_FILE, str(file), '', detail))
            return None
        if not isinstance(content, Mapping):
            detail = f'holds a {type(content).__name__}, not an object with item1 ...'
            result.problems.append(Problem(Kind.UNREADABLE_FILE, str(file), '', detail))
            return None
        return content

    def _read_items(
        self, name: str, content: Mapping[str, Any], result: _FileResult
    ) -> list[ItemRow]:
        file = str(self._annotation_file(name))
        found = [(key, int(m[1])) for key in content if (m := _ITEM_KEY.fullmatch(key))]
        if not found:
            result.problems.append(Problem(Kind.NO_ITEM, file, 'item1', 'missing'))
        elif all(number != 1 for _, number in found):
            result.problems.append(Problem(Kind.ITEM_NUMBERS, file, 'item1', 'missing'))
        items = []
        for key, number in found:
            try:
                items.append(self._parse_item(content, key, number))
            except ItemError as problem:
                place = f'{key}.{problem.key}' if problem.key != key else key
                result.problems.append(Problem(problem.kind, file, place, problem.detail))
        return items

    def _parse_item(self, content: Mapping[str, Any], key: str, number: int) -> ItemRow:
        item = content[key]
        if not isinstance(item, Mapping):
            raise ItemError(Kind.MISSING_KEY, key, 'not an object')
        label = parse_label(item, self.schema)
        landmarks = required(item, 'landmarks')
        x1, y1, x2, y2 = parse_box(required(item, 'bounding_box'), 'bounding_box')
        polygons = item.get('segmentation') if self.with_polygons else None
        return ItemRow(
            label=label,
            bbox=(x1, y1, x2, y2),
            keypoints=parse_own_landmarks(landmarks, 'landmarks', label, self.schema),
            position=number,
            area=(x2 - x1) * (y2 - y1),
            attributes=parse_attributes(item),
            pair_id=whole_number(content, 'pair_id', 0),
            source=str(content.get('source', '')),
            polygons=parse_polygons(polygons, 'segmentation'),
        )
