# SPDX-License-Identifier: Apache-2.0
"""Which files annotations are read from, and the reader that belongs to them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepmark.datasets.coco_reader import CocoReader
from deepmark.datasets.image_folder_reader import ImageFolderReader
from deepmark.datasets.native_reader import NativeReader
from deepmark.datasets.problems import DatasetError
from deepmark.schema import LandmarkSchema, get_schema

Reader = NativeReader | CocoReader | ImageFolderReader


@dataclass(frozen=True)
class AnnotationSource:
    """One split of a data set.

    Args:
        image_folder: the photos.
        annotations: a folder of DeepFashion2's own JSON files, a COCO file (.json or .json.gz), or
            None: photos without annotations.
        schema: categories and landmarks.
        check_images: whether the photos that a COCO file names must exist.
    """

    image_folder: Path
    annotations: Path | None
    schema: LandmarkSchema
    check_images: bool = True

    def reader(self) -> Reader:
        """The reader for these files; a path that does not exist is taken for a COCO file."""
        if self.annotations is None:
            return ImageFolderReader(self.image_folder)
        if self.annotations.is_dir():
            return NativeReader(self.image_folder, self.annotations, self.schema)
        return CocoReader(
            self.annotations, self.image_folder, self.schema, check_images=self.check_images
        )

    def looked_for(self) -> str:
        """What counts as input here, for messages."""
        if self.annotations is None:
            return f'{self.image_folder}/*.jpg'
        if self.annotations.is_dir():
            return f'{self.image_folder}/*.jpg with {self.annotations}/*.json'
        return f"'images' in {self.annotations}"


def find_source(
    path: str | os.PathLike[str],
    schema: LandmarkSchema | str | Mapping[str, Any] | None = None,
    image_folder: str | os.PathLike[str] | None = None,
) -> AnnotationSource:
    """Find out what a path given by a user holds.

    Args:
        path: a split's folder (with ``annos`` and ``image`` in it), its ``annos`` folder (photos
            in ``image`` beside it), or a COCO file (photos in ``image`` beside it, or else in the
            folder of the file).
        schema: categories and landmarks; DeepFashion2's by default.
        image_folder: the photos, where they are not found so.

    Raises:
        DatasetError: there is no such file or folder, or it holds no annotations.
    """
    annotations = Path(path).absolute()
    if not annotations.exists():
        raise DatasetError(
            f'{path}: no such file or folder. Fix: give the folder of a split (with image and '
            'annos in it), an annos folder, or a COCO .json or .json.gz file'
        )
    if (annotations / 'annos').is_dir():
        annotations = annotations / 'annos'
    elif annotations.is_dir() and not any(annotations.glob('*.json')):
        raise DatasetError(
            f'{path}: holds neither annos nor .json files. Fix: give the folder of a split (with '
            'image and annos in it), an annos folder, or a COCO .json or .json.gz file'
        )
    photos = Path(image_folder) if image_folder is not None else _photos_of(annotations)
    return AnnotationSource(photos, annotations, get_schema(schema))


def _photos_of(annotations: Path) -> Path:
    beside = annotations.parent / 'image'
    return beside if beside.is_dir() or annotations.is_dir() else annotations.parent
