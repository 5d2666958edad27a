# SPDX-License-Identifier: Apache-2.0
"""One of two ranks that load together, started by the tests of how the cache is built."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch

from deepmark.datasets import DatasetError, DeepFashion2Dataset
from deepmark.datasets.annotation_source import find_source
from deepmark.datasets.load_packed import load_packed
from deepmark.datasets.native_reader import NativeReader

if __name__ == '__main__':
    rank, folder, annos = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder / "store"}', rank=rank, world_size=2
    )
    files_read = 0
    original = NativeReader.read_images

    def read_images(self: NativeReader, names: Any, *rest: Any) -> Any:
        global files_read
        files_read += len(names)
        return original(self, names, *rest)

    NativeReader.read_images = read_images  # type: ignore[method-assign]
    cache = str(folder / 'cache')
    dataset = DeepFashion2Dataset(
        ann_file=str(annos), data_prefix={'img': str(annos.parent / 'image')}, cache=cache
    )
    error = ''
    try:
        DeepFashion2Dataset(ann_file=str(folder / 'broken.json'), cache=cache)
    except DatasetError as caught:
        error = str(caught)
    alone = load_packed(find_source(annos), cache=cache).packed.num_items if rank == 0 else None
    torch.distributed.barrier()
    print(
        json.dumps(
            {
                'files_read': files_read,
                'labels': [dataset.get_cat_ids(index) for index in range(len(dataset))],
                'error': error,
                'garments_alone': alone,
            }
        )
    )
    torch.distributed.destroy_process_group()
