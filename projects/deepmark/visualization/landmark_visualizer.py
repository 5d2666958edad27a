# SPDX-License-Identifier: Apache-2.0
"""LandmarkVisualizer: mmdet's visualizer that also draws each category's own landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mmcv
import numpy as np
import numpy.typing as npt
from mmdet.visualization import DetLocalVisualizer
from mmengine.dist import is_main_process

from deepmark.atomic_write import atomic_path
from deepmark.registry import VISUALIZERS
from deepmark.schema import LandmarkSchema, get_schema
from deepmark.visualization.garment_drawing import GarmentSet, draw_garments
from deepmark.visualization.sample_garments import garments_of_instances, truth_of_sample

Image = npt.NDArray[np.uint8]


@VISUALIZERS.register_module()
class LandmarkVisualizer(DetLocalVisualizer):
    """Truth beside prediction, drawn with OpenCV.

    Takes the place of mmdet's ``DetLocalVisualizer`` in any config. Truth and prediction are both
    drawn in original pixels on the photo (see
    :func:`deepmark.visualization.sample_garments.truth_of_sample`).

    Args:
        name: name of the instance.
        schema: names, colours and skeletons; None is the schema of the data set drawn (the
            Runner's loops pass it on), or else DeepFashion2.
        vis_backends: where pictures and scalars go.
        save_dir: folder of the back-ends.
        kwargs: as for mmdet's DetLocalVisualizer.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        schema: LandmarkSchema | str | None = None,
        vis_backends: Sequence[Mapping[str, Any]] | None = None,
        save_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._follows_data = schema is None
        self.schema = get_schema(schema)
        super().__init__(name=name, vis_backends=vis_backends, save_dir=save_dir, **kwargs)
        self.dataset_meta = {
            'classes': self.schema.class_names,
            'palette': self.schema.palette,
        }

    @classmethod
    def get_instance(cls, name: str = 'visualizer', **kwargs: Any) -> LandmarkVisualizer:
        """Look the instance up or make it; mmdet's browse_dataset.py gives no name."""
        instance: LandmarkVisualizer = super().get_instance(name, **kwargs)
        return instance

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """Metainfo of the data set drawn; mmengine's loops set it."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict[str, Any] | None) -> None:
        self._dataset_meta = dataset_meta
        if self._follows_data:
            self.schema = get_schema((dataset_meta or {}).get('schema'))

    def add_datasample(
        self,
        name: str,
        image: Image,
        data_sample: Any = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | None = None,
        pred_score_thr: float = 0.3,
        step: int = 0,
    ) -> None:
        """Draw one sample and show it, write it to a file, or give it to the back-ends.

        Of several processes each writes its own files; only rank 0 has windows and back-ends, as
        in mmengine.

        Args:
            name: of the picture in the back-ends or the window.
            image: (H, W, 3) RGB: the original photo, or the network's input.
            data_sample: with ``pred_instances`` and truth, both optional.
            draw_gt: draw the truth (on the left when both are drawn).
            draw_pred: draw the predictions above the threshold.
            show: open a window.
            wait_time: seconds the window stays; 0 is for ever.
            out_file: write the picture here instead of to the back-ends; replaces a file.
            pred_score_thr: lowest score that is drawn.
            step: iteration, for the back-ends.
        """
        if out_file is None and not is_main_process():
            return
        drawn = self.draw_sample(image, data_sample, draw_gt, draw_pred, pred_score_thr)
        self.set_image(drawn)
        if show:
            self.show(drawn, win_name=name, wait_time=wait_time)
        if out_file is not None:
            # Two ranks may have the same image: samplers repeat some for shares of equal length.
            with atomic_path(out_file, overwrite=True) as temporary:
                mmcv.imwrite(drawn[..., ::-1], str(temporary))
        else:
            self.add_image(name, drawn, step)

    def draw_sample(
        self,
        image: Image,
        data_sample: Any = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        pred_score_thr: float = 0.3,
    ) -> Image:
        """The picture of :meth:`add_datasample`: (H, W, 3) RGB, or (H, 2 W, 3) with both sides."""
        image = image.clip(0, 255).astype(np.uint8)
        if data_sample is None:
            return image
        sides: list[GarmentSet] = []
        if draw_gt:
            image_hw = image.shape[0], image.shape[1]
            truth = truth_of_sample(data_sample, image_hw, self.schema)
            sides += [] if truth is None else [truth]
        if draw_pred and 'pred_instances' in data_sample:
            sides.append(garments_of_instances(data_sample.pred_instances, pred_score_thr))
        pictures = [draw_garments(image, garments, self.schema) for garments in sides]
        return np.concatenate(pictures or [image], axis=1)
