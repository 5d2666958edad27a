# SPDX-License-Identifier: Apache-2.0
"""A folder of photos without annotations, as DeepFashion2's test split."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deepmark.datasets.image_size import image_ids_of, list_images, read_image_size
from deepmark.datasets.packing import ImageRow
from deepmark.datasets.problems import Kind, Problem, Problems

_THREADS = 4


@dataclass(frozen=True)
class ImageFolderReader:
    """Reads the sizes of all photos of a folder."""

    image_folder: Path

    def read(self, problems: Problems) -> list[ImageRow]:
        """All photos in the order of their names."""
        names = list_images(self.image_folder)
        with ThreadPoolExecutor(_THREADS) as threads:
            results = list(threads.map(self._read_image, names, image_ids_of(names)))
        images: dict[int, ImageRow] = {}
        for result in results:
            if isinstance(result, Problem):
                problems.extend([result])
            elif result.image_id in images:
                other = images[result.image_id].file_name
                file = str(self.image_folder / result.file_name)
                problems.add(Kind.DUPLICATE_IMAGE, file, detail=f'same number as {other}')
            else:
                images[result.image_id] = result
        return list(images.values())

    def locate(self, image_name: str, position: int) -> tuple[str, str]:
        """File and key, for messages."""
        return str(self.image_folder / image_name), ''

    def keys(self) -> tuple[str, str]:
        """There are no boxes and landmarks to name."""
        return 'bbox', 'keypoints'

    def _read_image(self, name: str, image_id: int) -> ImageRow | Problem:
        path = self.image_folder / name
        try:
            width, height = read_image_size(path)
        except OSError as error:
            return Problem(Kind.UNREADABLE_IMAGE, str(path), '', str(error))
        return ImageRow(name, image_id, width, height)
