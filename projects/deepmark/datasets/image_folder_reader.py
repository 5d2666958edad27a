# SPDX-License-Identifier: Apache-2.0
"""A folder of photos without annotations, as DeepFashion2's test split."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deepmark.datasets.image_size import image_ids_of, list_images, read_image_size, size_problem
from deepmark.datasets.packing import ImageRow, ImagesRead, ReadResult, read_result
from deepmark.datasets.problems import Kind, Problem, Problems

_THREADS = 4


@dataclass(frozen=True)
class ImageFolderReader:
    """Reads the sizes of all photos of a folder."""

    image_folder: Path

    def read(self, problems: Problems) -> ReadResult:
        """All photos in the order of their names."""
        part = self.read_images(*self.list_images(problems))
        problems.extend(part.problems)
        return read_result(part.images)

    def list_images(self, problems: Problems) -> tuple[list[str], list[int]]:
        """Names and ids of all photos in the order of their names; each id once."""
        names = list_images(self.image_folder)
        first: dict[int, str] = {}
        for name, image_id in zip(names, image_ids_of(names), strict=True):
            if image_id in first:
                detail = f'same number as {first[image_id]}'
                problems.add(Kind.DUPLICATE_IMAGE, str(self.image_folder / name), detail=detail)
            else:
                first[image_id] = name
        return list(first.values()), list(first)

    def read_images(
        self,
        names: Sequence[str],
        image_ids: Sequence[int],
        known_sizes: Sequence[tuple[int, int]] | None = None,
    ) -> ImagesRead:
        """Sizes of some photos; those that are known (not 0 0) are not looked up."""
        sizes = known_sizes or [(0, 0)] * len(names)
        with ThreadPoolExecutor(_THREADS) as threads:
            results = list(threads.map(self._read_image, names, image_ids, sizes))
        images = [result for result in results if isinstance(result, ImageRow)]
        return ImagesRead(images, [result for result in results if isinstance(result, Problem)])

    def locate(self, image_name: str, position: int) -> tuple[str, str]:
        """File and key, for messages."""
        return str(self.image_folder / image_name), ''

    def keys(self) -> tuple[str, str]:
        """There are no boxes and landmarks to name."""
        return 'bbox', 'keypoints'

    def _read_image(self, name: str, image_id: int, size: tuple[int, int]) -> ImageRow | Problem:
        path = self.image_folder / name
        try:
            width, height = size if size[0] else read_image_size(path)
        except OSError as error:
            return Problem(size_problem(error), str(path), '', str(error))
        return ImageRow(name, image_id, width, height)
