# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's official COCO JSON: all photos and garments of a split in one file.

Landmarks stand in the dense layout, x, y, v for the slots of all categories (294), zeros outside
the garment's own; a list of the garment's own landmarks alone is read too, and none at all (boxes
alone, or a crowd) counts as not labelled. Boxes are x y w h. Keys that are not needed are not
looked at: published files hold stray ones. ``.json.gz`` is read too.

The dense file of the training split is 1 GB. Its bytes are held once; annotations are decoded one
by one and only the garment's own landmarks are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import numpy as np

from deepmark.datasets.coco_annotation import CocoAnnotationParser, entry_mapping
from deepmark.datasets.coco_file import load_coco
from deepmark.datasets.image_size import read_image_size, size_problem
from deepmark.datasets.item_columns import ItemColumns
from deepmark.datasets.item_parsing import ItemError, is_name_of, required, whole_number
from deepmark.datasets.packing import ImageRow, ReadResult
from deepmark.datasets.problems import Kind, Problems
from deepmark.schema import LandmarkSchema, SchemaError

_MAX_SIDE = 2**31 - 1


@dataclass
class CocoReader:
    """Reads one annotation file.

    Args:
        annotation_file: the JSON file, or that file gzipped.
        image_folder: in front of each ``file_name``.
        schema: categories and landmarks.
        check_images: whether each image file must exist.
    """

    annotation_file: Path
    image_folder: Path
    schema: LandmarkSchema
    check_images: bool = True
    _listings: dict[Path, frozenset[str]] = field(default_factory=dict, repr=False)

    def read(self, problems: Problems) -> ReadResult:
        """All images in the order of the file, each with its garments.

        Raises:
            DatasetError: the file cannot be read at all.
        """
        content = load_coco(self.annotation_file)
        self._check_categories(content.categories, problems)
        images, rejected = self._read_images(content.images, problems)
        columns = ItemColumns()
        if content.annotations is not None:
            annotations = _Annotations(self, images, rejected, problems)
            with np.errstate(over='ignore'):  # beyond float32 is infinity: a problem found later
                annotations.read(content.annotations, columns)
        return columns.pack(list(images.values()))

    def locate(self, image_name: str, position: int) -> tuple[str, str]:
        """File and key of a garment, for messages."""
        return str(self.annotation_file), f'annotations[{position}]'

    def keys(self) -> tuple[str, str]:
        """What boxes and landmarks are called in the file."""
        return 'bbox', 'keypoints'

    def note(self, problems: Problems, place: str, error: ItemError) -> None:
        """Put an error of an entry into the list of problems."""
        key = f'{place}.{error.key}' if error.key else place
        problems.add(error.kind, str(self.annotation_file), key, error.detail)

    def _check_categories(self, categories: list[msgspec.Raw], problems: Problems) -> None:
        for index, text in enumerate(categories):
            try:
                self._check_category(entry_mapping(text))
            except ItemError as error:
                self.note(problems, f'categories[{index}]', error)

    def _check_category(self, category: Mapping[str, Any]) -> None:
        category_id = whole_number(category, 'id')
        try:
            label = self.schema.label_of(category_id)
        except SchemaError as error:
            raise ItemError(Kind.UNKNOWN_CATEGORY, 'id', str(error)) from error
        name = category.get('name')
        if name is not None and not is_name_of(str(name), label, self.schema):
            detail = f'{name!r}, but id {category_id} is {self.schema.class_names[label]!r}'
            raise ItemError(Kind.CATEGORY_NAME, 'name', detail)

    def _read_images(
        self, entries: list[msgspec.Raw], problems: Problems
    ) -> tuple[dict[int, ImageRow], set[int]]:
        """The usable images by their id, and the ids that stand in the file but are not usable."""
        images: dict[int, ImageRow] = {}
        names: set[str] = set()
        listed: set[int] = set()
        for index, text in enumerate(entries):
            try:
                entry = entry_mapping(text)
                image_id = whole_number(entry, 'id')
                listed.add(image_id)
                image = self._parse_image(entry, image_id)
                if image_id in images or image.file_name in names:
                    detail = f'id {image_id}, {image.file_name}'
                    raise ItemError(Kind.DUPLICATE_IMAGE, '', detail)
            except ItemError as error:
                self.note(problems, f'images[{index}]', error)
                continue
            images[image_id] = image
            names.add(image.file_name)
        return images, listed - images.keys()

    def _parse_image(self, entry: Mapping[str, Any], image_id: int) -> ImageRow:
        name = str(required(entry, 'file_name'))
        path = self.image_folder / name
        if self.check_images and not self._exists(name):
            raise ItemError(Kind.MISSING_IMAGE, 'file_name', str(path))
        if 'width' in entry and 'height' in entry:
            width, height = whole_number(entry, 'width'), whole_number(entry, 'height')
        else:
            try:
                width, height = read_image_size(path)
            except OSError as error:
                raise ItemError(size_problem(error), 'file_name', str(error)) from error
        if not 1 <= min(width, height) <= max(width, height) <= _MAX_SIDE:
            raise ItemError(Kind.MISSING_KEY, 'width', f'image size {width} x {height}')
        return ImageRow(name, image_id, width, height)

    def _exists(self, name: str) -> bool:
        """Whether an image file exists; each folder is listed only once."""
        relative = PurePosixPath(name)
        folder = self.image_folder / relative.parent
        if folder not in self._listings:
            listing = folder.iterdir() if folder.is_dir() else ()
            self._listings[folder] = frozenset(path.name for path in listing)
        return relative.name in self._listings[folder]


class _Annotations:
    """Puts the annotations of usable images into columns."""

    def __init__(
        self,
        reader: CocoReader,
        images: dict[int, ImageRow],
        rejected: set[int],
        problems: Problems,
    ) -> None:
        self.reader, self.images, self.problems = reader, images, problems
        self.numbers = {image_id: number for number, image_id in enumerate(images)}
        self.rejected = rejected
        self.seen: set[int] = set()
        self.parser = CocoAnnotationParser(reader.schema)

    def read(self, entries: list[msgspec.Raw], columns: ItemColumns) -> None:
        """All entries of the file, in their order."""
        filled = np.zeros(len(self.images), np.bool_)
        for index, text in enumerate(entries):
            try:
                number = self._read_entry(text, index, columns)
            except ItemError as error:
                self.reader.note(self.problems, f'annotations[{index}]', error)
                continue
            if number is not None:
                filled[number] = True
        file = str(self.reader.annotation_file)
        for has_items, image in zip(filled.tolist(), self.images.values(), strict=True):
            if not has_items:
                key = f'images.id {image.image_id}'
                self.problems.add(Kind.NO_ITEM, file, key, image.file_name)

    def _read_entry(self, text: msgspec.Raw, index: int, columns: ItemColumns) -> int | None:
        """Number of the image that got the garment; None for an image that has been reported."""
        row = self.parser.quick(text, index)
        annotation = {} if row is not None else entry_mapping(text)
        image_id = whole_number(annotation, 'image_id') if row is None else row.image_id
        if image_id in self.rejected:
            return None
        number = self.numbers.get(image_id)
        if number is None:
            raise ItemError(Kind.UNKNOWN_IMAGE, 'image_id', str(image_id))
        row = row or self.parser.careful(annotation, index)
        item_id = row.item.annotation_id
        if item_id in self.seen:
            raise ItemError(Kind.DUPLICATE_ID, 'id', str(item_id))
        self.seen.add(item_id)
        columns.add(number, row.item)
        file, key = str(self.reader.annotation_file), f'annotations[{index}].keypoints'
        if row.num_foreign:
            detail = f'{row.num_foreign} of them'
            self.problems.add(Kind.FOREIGN_LANDMARK, file, key, detail)
        if row.is_bare:
            self.problems.add(Kind.NO_KEYPOINTS, file, key)
        return number
