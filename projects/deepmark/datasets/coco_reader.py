# SPDX-License-Identifier: Apache-2.0
"""DeepFashion2's official COCO JSON: all photos and garments of a split in one file.

Landmarks stand in the dense layout, x, y, v for the slots of all categories (294), zeros outside
the garment's own; a list of the garment's own landmarks alone is read too. Boxes are x y w h. Keys
that are not needed are not looked at: published files hold stray ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from deepmark.datasets.image_size import read_image_size
from deepmark.datasets.item_parsing import (
    ItemError,
    is_name_of,
    parse_attributes,
    parse_box,
    parse_label,
    parse_polygons,
    parse_slot_landmarks,
    required,
    whole_number,
)
from deepmark.datasets.packing import ImageRow, ItemRow
from deepmark.datasets.problems import DatasetError, Kind, Problems
from deepmark.schema import LandmarkSchema, SchemaError


@dataclass
class CocoReader:
    """Reads one annotation file.

    Args:
        annotation_file: the JSON file.
        image_folder: in front of each ``file_name``.
        schema: categories and landmarks.
        with_polygons: also read ``segmentation``.
        check_images: whether each image file must exist.
    """

    annotation_file: Path
    image_folder: Path
    schema: LandmarkSchema
    with_polygons: bool = False
    check_images: bool = True
    _listings: dict[Path, frozenset[str]] = field(default_factory=dict, repr=False)

    def read(self, problems: Problems) -> list[ImageRow]:
        """All images in the order of the file, each with its garments.

        Raises:
            DatasetError: the file cannot be read at all.
        """
        content = self._load()
        self._check_categories(content, problems)
        images, rejected = self._read_images(content, problems)
        if 'annotations' in content:
            self._read_annotations(content, images, rejected, problems)
        return list(images.values())

    def locate(self, image_name: str, position: int) -> tuple[str, str]:
        """File and key of a garment, for messages."""
        return str(self.annotation_file), f'annotations[{position}]'

    def keys(self) -> tuple[str, str]:
        """What boxes and landmarks are called in the file."""
        return 'bbox', 'keypoints'

    def _load(self) -> Mapping[str, Any]:
        file = self.annotation_file
        try:
            content = json.loads(file.read_bytes())
        except FileNotFoundError:
            raise DatasetError(
                f'{file}: annotation file missing. Fix: check data_root and ann_file'
            ) from None
        except (OSError, ValueError) as error:
            empty = file.is_file() and file.stat().st_size == 0
            detail = 'the file is empty' if empty else str(error)
            raise DatasetError(
                f'{file}: unreadable annotation file ({detail}). Fix: {Kind.UNREADABLE_FILE.fix}'
            ) from error
        if not isinstance(content, Mapping) or 'images' not in content:
            raise DatasetError(
                f"{file}: images: missing key. Fix: give a COCO file with 'images', 'annotations' "
                "and 'categories', or a folder of DeepFashion2's own JSON files"
            )
        return content

    def _entries(self, content: Mapping[str, Any], key: str) -> Sequence[Any]:
        entries = content.get(key, [])
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            raise DatasetError(f'{self.annotation_file}: {key}: not a list. Fix: restore the file')
        return entries

    def _check_categories(self, content: Mapping[str, Any], problems: Problems) -> None:
        for index, category in enumerate(self._entries(content, 'categories')):
            with _Place(self, problems, f'categories[{index}]'):
                category_id = whole_number(_mapping(category), 'id')
                try:
                    label = self.schema.label_of(category_id)
                except SchemaError as error:
                    raise ItemError(Kind.UNKNOWN_CATEGORY, 'id', str(error)) from error
                name = category.get('name')
                if name is not None and not is_name_of(str(name), label, self.schema):
                    detail = f'{name!r}, but id {category_id} is {self.schema.class_names[label]!r}'
                    raise ItemError(Kind.CATEGORY_NAME, 'name', detail)

    def _read_images(
        self, content: Mapping[str, Any], problems: Problems
    ) -> tuple[dict[int, ImageRow], set[int]]:
        """The usable images by their id, and the ids that stand in the file but are not usable."""
        images: dict[int, ImageRow] = {}
        names: set[str] = set()
        listed: set[int] = set()
        for index, entry in enumerate(self._entries(content, 'images')):
            with _Place(self, problems, f'images[{index}]'):
                image_id = whole_number(_mapping(entry), 'id')
                listed.add(image_id)
                image = self._parse_image(entry, image_id)
                if image_id in images or image.file_name in names:
                    detail = f'id {image_id}, {image.file_name}'
                    raise ItemError(Kind.DUPLICATE_IMAGE, '', detail)
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
                raise ItemError(Kind.UNREADABLE_IMAGE, 'file_name', str(error)) from error
        if min(width, height) < 1:
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

    def _read_annotations(
        self,
        content: Mapping[str, Any],
        images: dict[int, ImageRow],
        rejected: set[int],
        problems: Problems,
    ) -> None:
        seen: set[int] = set()
        for index, entry in enumerate(self._entries(content, 'annotations')):
            with _Place(self, problems, f'annotations[{index}]'):
                annotation = _mapping(entry)
                image_id = whole_number(annotation, 'image_id')
                if image_id in rejected:
                    continue  # the image has been reported, once
                if image_id not in images:
                    raise ItemError(Kind.UNKNOWN_IMAGE, 'image_id', str(image_id))
                item, foreign = self._parse_item(annotation, index)
                if item.annotation_id in seen:
                    raise ItemError(Kind.DUPLICATE_ID, 'id', str(item.annotation_id))
                seen.add(item.annotation_id)
                images[image_id].items.append(item)
                if foreign:
                    key = f'annotations[{index}].keypoints'
                    detail = f'{foreign} of them'
                    problems.add(Kind.FOREIGN_LANDMARK, str(self.annotation_file), key, detail)
        for image in images.values():
            if not image.items:
                key = f'images.id {image.image_id}'
                problems.add(Kind.NO_ITEM, str(self.annotation_file), key, image.file_name)

    def _parse_item(self, annotation: Mapping[str, Any], index: int) -> tuple[ItemRow, int]:
        label = parse_label(annotation, self.schema)
        values = required(annotation, 'keypoints')
        landmarks, foreign = parse_slot_landmarks(values, 'keypoints', label, self.schema)
        x, y, width, height = parse_box(required(annotation, 'bbox'), 'bbox')
        polygons = annotation.get('segmentation') if self.with_polygons else None
        area = annotation.get('area')
        item = ItemRow(
            label=label,
            bbox=(x, y, x + width, y + height),
            keypoints=landmarks,
            position=index,
            area=float(area) if isinstance(area, int | float) else width * height,
            ignore=bool(annotation.get('iscrowd', 0)),
            attributes=parse_attributes(annotation),
            pair_id=whole_number(annotation, 'pair_id', 0),
            source=str(annotation.get('source', '')),
            annotation_id=whole_number(annotation, 'id', index + 1),
            polygons=parse_polygons(polygons, 'segmentation'),
        )
        return item, foreign


class _Place:
    """Turns an ItemError inside the block into an entry of the problem list."""

    def __init__(self, reader: CocoReader, problems: Problems, key: str) -> None:
        self.reader, self.problems, self.key = reader, problems, key

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, ItemError):
            return False
        key = f'{self.key}.{error.key}' if error.key else self.key
        self.problems.add(error.kind, str(self.reader.annotation_file), key, error.detail)
        return True


def _mapping(entry: object) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise ItemError(Kind.MISSING_KEY, '', f'a {type(entry).__name__}, not an object')
    return entry
