# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's own tree: one JSON file for each photo.

``<root>/<split>/image/000001.jpg`` with ``<root>/<split>/annos/000001.json``, in which ``source``
and ``pair_id`` describe the photo and ``item1``, ``item2`` ... its garments. Boxes are x1 y1 x2 y2,
landmarks x, y, v of the garment's own category. The image size is not in the file: it is read from
the image header.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepmark.datasets.digests import DIGEST_BYTES, digest_of
from deepmark.datasets.image_size import image_ids_of, list_images, read_image_size, size_problem
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
from deepmark.datasets.native_items import ITEM_KEY, MAX_POSITION, PlainFiles
from deepmark.datasets.packing import ImageRow, ImagesRead, ItemRow, ReadResult, read_result
from deepmark.datasets.problems import Kind, Problem, Problems
from deepmark.schema import LandmarkSchema

_THREADS = 4
_FILES_AT_ONCE = 32


@dataclass
class _FileResult:
    """What one annotation file gave; ``image`` is None when it cannot be used."""

    problems: list[Problem] = field(default_factory=list)
    image: ImageRow | None = None
    digest: bytes = bytes(DIGEST_BYTES)


@dataclass(frozen=True)
class NativeReader:
    """Reads one split.

    Args:
        image_folder: the photos.
        annotation_folder: the JSON files; a photo and its file have the same stem.
        schema: categories and landmarks.
    """

    image_folder: Path
    annotation_folder: Path
    schema: LandmarkSchema

    def read(self, problems: Problems) -> ReadResult:
        """All photos with an annotation, in the order of their names."""
        names, image_ids = self.list_images(problems)
        part = self.read_images(names, image_ids)
        problems.extend(part.problems)
        return read_result(part.images)

    def list_images(self, problems: Problems) -> tuple[list[str], list[int]]:
        """Names and ids of all photos with an annotation, in the order of their names."""
        names = self._paired_names(problems)
        return names, image_ids_of(names)

    def read_images(
        self,
        names: Sequence[str],
        image_ids: Sequence[int],
        known_sizes: Sequence[tuple[int, int]] | None = None,
    ) -> ImagesRead:
        """Read the files of some photos.

        Several threads hide the latency of a network disk. Annotations are numbered from 1 in this
        order, as the data set's own COCO converter does.

        Args:
            names: the photos.
            image_ids: their ids.
            known_sizes: their widths and heights; 0 0: look into the file.
        """
        plain = PlainFiles(self.schema)
        sizes = known_sizes or [(0, 0)] * len(names)

        def read(rows: slice) -> list[_FileResult]:
            jobs = zip(names[rows], image_ids[rows], sizes[rows], strict=True)
            with np.errstate(over='ignore'):  # beyond float32 is infinity: a problem found later
                return [self._read_file(*job, plain) for job in jobs]

        slices = [slice(n, n + _FILES_AT_ONCE) for n in range(0, len(names), _FILES_AT_ONCE)]
        with ThreadPoolExecutor(_THREADS) as threads:
            results = [result for block in threads.map(read, slices) for result in block]
        images = [result.image for result in results if result.image is not None]
        for number, item in enumerate((item for image in images for item in image.items), 1):
            item.annotation_id = number
        problems = [problem for result in results for problem in result.problems]
        return ImagesRead(images, problems, b''.join(result.digest for result in results))

    def locate(self, image_name: str, position: int) -> tuple[str, str]:
        """File and key of a garment, for messages."""
        return str(self.annotation_file(image_name)), f'item{position}'

    def keys(self) -> tuple[str, str]:
        """What boxes and landmarks are called in the files."""
        return 'bounding_box', 'landmarks'

    def annotation_file(self, image_name: str) -> Path:
        """The JSON file of a photo."""
        return self.annotation_folder / f'{Path(image_name).stem}.json'

    def _paired_names(self, problems: Problems) -> list[str]:
        """Names of images that have an annotation; the others are problems."""
        files = os.listdir(self.annotation_folder)
        stems = {
            name.removesuffix('.json')
            for name in files
            if name.endswith('.json') and name[0] != '.'
        }
        names, seen = [], dict[str, str]()
        for name in list_images(self.image_folder):
            stem = Path(name).stem
            file = str(self.image_folder / name)
            number = str(int(stem)) if stem.isdecimal() else stem
            if stem not in stems:
                problems.add(Kind.MISSING_ANNOTATION, file, detail=str(self.annotation_file(name)))
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

    def _read_file(
        self, name: str, image_id: int, size: tuple[int, int], plain: PlainFiles
    ) -> _FileResult:
        file = self.annotation_file(name)
        try:
            data = file.read_bytes()
        except OSError as error:
            return _FileResult([Problem(Kind.READ_ERROR, str(file), '', str(error))])
        result = _FileResult(digest=digest_of(data))
        items = plain.parse(data)
        content = self._decode(file, data, result) if items is None else {}
        if content is None:
            return result
        path = self.image_folder / name
        try:
            width, height = size if size[0] else read_image_size(path)
        except OSError as error:
            result.problems.append(Problem(size_problem(error), str(path), '', str(error)))
            return result
        if items is None:
            items = self._read_items(name, content, result)
        result.image = ImageRow(name, image_id, width, height, items)
        return result

    def _decode(self, file: Path, data: bytes, result: _FileResult) -> Mapping[str, Any] | None:
        try:
            content = json.loads(data)
        except (ValueError, RecursionError) as error:
            detail = str(error) if data else 'the file is empty'
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
        file = str(self.annotation_file(name))
        found = [(key, int(m[1])) for key in content if (m := ITEM_KEY.fullmatch(key))]
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
        return ItemRow(
            label=label,
            bbox=(x1, y1, x2, y2),
            keypoints=parse_own_landmarks(landmarks, 'landmarks', label, self.schema),
            position=min(number, MAX_POSITION),
            area=(x2 - x1) * (y2 - y1),
            attributes=parse_attributes(item),
            pair_id=whole_number(content, 'pair_id', 0),
            source=str(content.get('source', '')),
            polygons=parse_polygons(item.get('segmentation'), 'segmentation'),
        )
