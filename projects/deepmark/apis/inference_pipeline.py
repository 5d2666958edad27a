# SPDX-License-Identifier: Apache-2.0
"""A config's test pipeline, made fit for images that have no annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import Compose

from deepmark.apis.inference_inputs import ImageInput
from deepmark.datasets.transforms.load_image import LoadImage
from deepmark.engine.errors import RunError


class InferencePipeline:
    """Loads an image and prepares it for the model.

    The first transform of the config's pipeline that loads an image is replaced by
    :class:`deepmark.datasets.transforms.load_image.LoadImage` with the same settings, which does
    not let broken files pass; transforms that load annotations or proposals are left out.

    Args:
        transforms: the config's pipeline, a list of dicts.

    Raises:
        RunError: the pipeline loads no image.
    """

    def __init__(self, transforms: Sequence[Mapping[str, Any]]) -> None:
        kept = [t for t in transforms if _loads_image(t) or not _type_name(t).startswith('Load')]
        if not kept or not _loads_image(kept[0]):
            names = ', '.join(_type_name(t) for t in transforms)
            raise RunError(f'the test pipeline must begin with loading an image, it has: {names}')
        settings = {key: value for key, value in kept[0].items() if key != 'type'}
        settings.update(on_problem='error', check_size=False)
        self._load = LoadImage(**settings)
        self._prepare = Compose(kept[1:])

    def load(self, item: ImageInput) -> dict[str, Any]:
        """The image and what annotations would say of it.

        Raises:
            ImageReadError: the file is missing, empty, truncated or cannot be decoded.
        """
        results: dict[str, Any] = {'img_path': item.source, 'img_id': 0, 'sample_idx': 0}
        if item.array is None:
            loaded = self._load.transform(results)
            assert loaded is not None  # only with on_problem='warn'
            results = loaded
        else:
            image = item.array.astype('float32') if self._load.to_float32 else item.array
            results['img'] = image
            results['img_shape'] = results['ori_shape'] = image.shape[:2]
        height, width = results['img_shape']
        results.update(height=height, width=width, instances=[])
        return results

    def prepare(self, results: dict[str, Any]) -> dict[str, Any]:
        """The remaining transforms: ``inputs`` and ``data_samples`` for the model."""
        packed: dict[str, Any] = self._prepare(results)
        return packed


def test_pipeline_of(cfg: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Find the pipeline of ``test_dataloader``, also inside data set wrappers.

    Raises:
        RunError: there is none.
    """
    node: Any = (cfg.get('test_dataloader') or {}).get('dataset')
    while isinstance(node, Mapping):
        if node.get('pipeline'):
            return node['pipeline']  # type: ignore[no-any-return]
        parts = node.get('datasets')
        node = parts[0] if parts else node.get('dataset')
    raise RunError('the config has no test_dataloader.dataset.pipeline, which prediction needs')


def _type_name(transform: Mapping[str, Any]) -> str:
    kind = transform['type']
    return kind.split('.')[-1] if isinstance(kind, str) else str(kind.__name__)


def _loads_image(transform: Mapping[str, Any]) -> bool:
    return _type_name(transform).startswith('LoadImage')
