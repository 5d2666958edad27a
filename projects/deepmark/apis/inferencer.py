# SPDX-License-Identifier: Apache-2.0
"""DeepMarkInferencer: images and videos in, boxes and landmarks out."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.infer import BaseInferencer
from mmengine.logging import print_log
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, init_default_scope
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deepmark.apis.inference_inputs import (
    Failure,
    ImageInput,
    InputPlan,
    InputType,
    VideoInput,
    plan_inputs,
)
from deepmark.apis.inference_outputs import OutputFolder, VideoFrames, VideoWriteError
from deepmark.apis.inference_pipeline import InferencePipeline, test_pipeline_of
from deepmark.apis.named_model import find_config, require_weights
from deepmark.apis.prediction_records import (
    FrameRecord,
    GarmentRecord,
    ImageRecord,
    garment_records,
)
from deepmark.engine import load_weights
from deepmark.engine.errors import RunError
from deepmark.registry import INFERENCERS
from deepmark.schema import LandmarkSchema, get_schema
from deepmark.visualization.garment_drawing import draw_garments
from deepmark.visualization.sample_garments import garments_of_instances

Image = npt.NDArray[np.uint8]


@dataclass
class InferenceResult:
    """What a call of the inferencer returns.

    Attributes:
        predictions: one record an image, in the order of the inputs, without those that failed;
            frames of videos are here only when nothing is written to a folder.
        pictures: RGB pictures with the garments drawn in, when asked for.
        failures: inputs that gave no prediction, and why.
        num_frames: frames of videos that were predicted.
    """

    predictions: list[ImageRecord] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    num_frames: int = 0


class CallOptions(NamedTuple):
    """How one call predicts."""

    batch_size: int
    score_thr: float
    output: OutputFolder
    return_pictures: bool
    max_frames: int | None


class LoadedImage(NamedTuple):
    """An image that is ready for the model."""

    item: ImageInput
    image: Image
    packed: dict[str, Any]


@INFERENCERS.register_module()
class DeepMarkInferencer(BaseInferencer):
    """Predict with any mmdet detector trained on this schema's categories.

    Args:
        model: config file, a config that has been read, or from any folder a name:
            'deepmark::dafe/NAME.py' or a model's name in the model index.
        weights: checkpoint file, read with ``weights_only``; None keeps the initial weights. A
            name needs one: none ship.
        device: such as 'cpu' or 'cuda:0'; None takes a GPU when there is one.
        schema: categories and landmarks; None takes the config's, else DeepFashion2.
        show_progress: show a progress bar.

    Raises:
        RunError: the config does not exist or cannot be used for prediction, or a name stands
            without weights.
        CheckpointError: the checkpoint cannot be read or does not fit the model.

    Example::

        inferencer = DeepMarkInferencer('configs/deepmark_garments_small.py', 'epoch_5.pth')
        result = inferencer('photos/', out_dir='predictions')
        print(result.predictions[0].garments[0].category_name, result.failures)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Config,
        weights: str | os.PathLike[str] | None = None,
        device: str | None = None,
        schema: LandmarkSchema | str | None = None,
        show_progress: bool = True,
    ) -> None:
        cfg = _read_config(model, weights)
        self.schema = get_schema(schema if schema is not None else _schema_of(cfg))
        scope = cfg.get('default_scope') or 'mmdet'
        init_default_scope(scope)
        super().__init__(
            model=cfg,
            weights=None if weights is None else os.fspath(weights),
            device=device,
            scope=scope,
            show_progress=show_progress,
        )

    def __call__(
        self,
        inputs: InputType | Sequence[InputType],
        batch_size: int = 1,
        out_dir: str | os.PathLike[str] | None = None,
        score_thr: float = 0.3,
        write_pictures: bool = True,
        write_predictions: bool = True,
        overwrite: bool = False,
        return_pictures: bool = False,
        max_frames: int | None = None,
    ) -> InferenceResult:
        """Predict everything that the inputs name.

        Args:
            inputs: file, folder (with all below it), glob, (H, W, 3) uint8 BGR array, video file or
                webcam number, or a list of these.
            batch_size: images that the model sees at once.
            out_dir: gets ``vis/`` with pictures and ``preds/`` with JSON; None writes nothing.
            score_thr: garments with a lower score are left out of pictures and predictions.
            write_pictures: write pictures and videos.
            write_predictions: write JSON.
            overwrite: replace outputs of an earlier call.
            return_pictures: also return the pictures of images.
            max_frames: stop each video after so many frames. A webcam has no other end but
                Ctrl-C, which keeps the frames so far; within a file Ctrl-C ends the call.

        Returns:
            Predictions, and under ``failures`` every input that could not be read to its end and
            every video that could not be written.

        Raises:
            FileExistsError: an output exists; nothing has been predicted.
            KeyboardInterrupt: Ctrl-C; of the video file in work nothing is written.
            ValueError: arrays of another shape, or an empty list.
        """
        plan = plan_inputs(inputs)
        output = OutputFolder(
            None if out_dir is None else Path(out_dir), write_pictures, write_predictions, overwrite
        )
        output.refuse_existing(plan)
        options = CallOptions(batch_size, score_thr, output, return_pictures, max_frames)
        result = InferenceResult(failures=list(plan.failures))
        with _progress_bar(self.show_progress) as progress:
            self._predict_images(plan, options, result, progress)
            for video in plan.videos:
                self._predict_video(video, options, result, progress)
        return result

    def visualize(
        self, inputs: list[Image], preds: Sequence[Any], score_thr: float = 0.3, **_: Any
    ) -> list[Image]:
        """Draw predictions.

        Args:
            inputs: (H, W, 3) BGR images.
            preds: the model's data samples.
            score_thr: lowest score that is drawn.

        Returns:
            RGB pictures.
        """
        return [
            draw_garments(
                np.ascontiguousarray(image[..., ::-1]).astype(np.uint8),
                garments_of_instances(sample.pred_instances, score_thr),
                self.schema,
            )
            for image, sample in zip(inputs, preds, strict=True)
        ]

    def postprocess(
        self, preds: Sequence[Any], visualization: object = None, score_thr: float = 0.3, **_: Any
    ) -> list[list[GarmentRecord]]:
        """Records of the garments of each image, best first.

        Args:
            preds: the model's data samples.
            visualization: not used.
            score_thr: garments with a lower score are left out.
        """
        records = []
        for sample in preds:
            instances = sample.pred_instances
            instances = instances[instances.scores >= score_thr]
            keypoint_scores = instances.get('keypoint_scores')
            garments = garments_of_instances(instances)
            records.append(garment_records(garments, keypoint_scores, self.schema))
        return records

    def _init_model(self, cfg: Config, weights: str | None, device: str = 'cpu') -> Any:
        model = MODELS.build(cfg.model)
        model.cfg = cfg
        if weights is None:
            print_log(
                'no checkpoint given: the weights are initial ones', 'current', logging.WARNING
            )
        else:
            _check_classes(load_weights(model, weights), self.schema, weights)
        model = revert_sync_batchnorm(model)
        model.to(device).eval()
        return model

    def _init_pipeline(self, cfg: Config) -> InferencePipeline:
        return InferencePipeline(test_pipeline_of(cfg))

    def _init_collate(self, cfg: Config) -> Any:
        if (cfg.get('test_dataloader') or {}).get('collate_fn') is None:
            return pseudo_collate
        return super()._init_collate(cfg)

    def _init_visualizer(self, cfg: Config) -> None:
        """No visualizer with back-ends: pictures are drawn directly."""

    def _predict_images(
        self, plan: InputPlan, options: CallOptions, result: InferenceResult, progress: Progress
    ) -> None:
        if not plan.images:
            return
        task = progress.add_task('images', total=len(plan.images))
        loaded = self._load_all(plan.images, result.failures, progress, task)
        for frame, garments, picture in self._predict(loaded, options):
            record = _image_record(frame, garments)
            options.output.write_image(frame.item, picture, record)
            result.predictions.append(record)
            if options.return_pictures and picture is not None:
                result.pictures.append(picture)
            progress.advance(task)

    def _predict_video(
        self, video: VideoInput, options: CallOptions, result: InferenceResult, progress: Progress
    ) -> None:
        try:
            frames = VideoFrames(video)
        except OSError as error:
            result.failures.append(Failure(video.source, str(error)))
            return
        try:
            with frames:
                self._predict_frames(video, frames, options, result, progress)
        except VideoWriteError as error:
            result.failures.append(Failure(video.source, str(error)))
            return
        if missing := frames.missing_end(options.max_frames):
            result.failures.append(Failure(video.source, missing))

    def _predict_frames(
        self,
        video: VideoInput,
        frames: VideoFrames,
        options: CallOptions,
        result: InferenceResult,
        progress: Progress,
    ) -> None:
        expected = frames.expected_frames if options.max_frames is None else options.max_frames
        task = progress.add_task(Path(video.source).name, total=expected)
        items = (
            ImageInput(f'{video.source}#{number}', '', frame)
            for number, frame in enumerate(itertools.islice(frames, options.max_frames))
        )
        loaded = self._load_all(items, result.failures, progress, task)
        size_and_rate = frames.width, frames.height, frames.fps
        with options.output.video_sink(video, *size_and_rate) as put:
            try:
                for number, (frame, garments, picture) in enumerate(self._predict(loaded, options)):
                    seconds = round(number / frames.fps, 3) if frames.fps > 0 else 0.0
                    put(picture, FrameRecord(number, seconds, garments))
                    if options.output.root is None:
                        result.predictions.append(_image_record(frame, garments))
                    result.num_frames += 1
                    progress.advance(task)
            except KeyboardInterrupt:
                if video.camera is None:
                    raise  # a part of a file must not look like the whole
                # It is the way to end a webcam.
                print_log(f'{video.source}: stopped by the keyboard', 'current')

    def _load_all(
        self,
        items: Iterable[ImageInput],
        failures: list[Failure],
        progress: Progress,
        task: Any,
    ) -> Iterator[LoadedImage]:
        """Load and prepare; what cannot be read becomes a failure and is left out."""
        for item in items:
            try:
                results = self.pipeline.load(item)
                image = results['img']
                loaded = LoadedImage(item, image, self.pipeline.prepare(results))
            except (OSError, ValueError, RuntimeError, cv2.error) as error:
                failures.append(Failure(item.source, _reason(error, item.source)))
                progress.advance(task)
                continue
            yield loaded

    def _predict(
        self, images: Iterable[LoadedImage], options: CallOptions
    ) -> Iterator[tuple[LoadedImage, list[GarmentRecord], Image | None]]:
        """Predict in batches; pictures only when they are wanted."""
        draw = options.return_pictures or (options.output.root and options.output.pictures)
        for batch in _batches(images, options.batch_size):
            samples = self.forward(self.collate_fn([loaded.packed for loaded in batch]))
            garments = self.postprocess(samples, score_thr=options.score_thr)
            pictures: Sequence[Image | None] = [None] * len(batch)
            if draw:
                arrays = [loaded.image for loaded in batch]
                pictures = self.visualize(arrays, samples, score_thr=options.score_thr)
            yield from zip(batch, garments, pictures, strict=True)


def _image_record(loaded: LoadedImage, garments: list[GarmentRecord]) -> ImageRecord:
    height, width = loaded.image.shape[:2]
    return ImageRecord(loaded.item.source, width, height, garments)


def _read_config(
    model: str | os.PathLike[str] | Config, weights: str | os.PathLike[str] | None
) -> Config:
    if isinstance(model, Config):
        return model
    path, by_name = find_config(model)
    if by_name:
        require_weights(model, weights)
    return Config.fromfile(path)


def _schema_of(cfg: Config) -> Any:
    """The schema that the config gives its data set or head; None when it names none."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    model = cfg.get('model') or {}
    head = (model.get('module') or model).get('bbox_head') or {}  # a tta_model holds the model
    for part in (dataset, head, cfg.get('visualizer') or {}):
        if isinstance(part, Mapping) and part.get('schema') is not None:
            return part['schema']
    return None


def _check_classes(checkpoint: Mapping[str, Any], schema: LandmarkSchema, weights: str) -> None:
    meta = checkpoint.get('meta') or {}
    classes = (meta.get('dataset_meta') or {}).get('classes')
    if classes is not None and tuple(classes) != schema.class_names:
        raise RunError(
            f'{weights} was trained for the classes {tuple(classes)}, but {schema} has '
            f'{schema.class_names}; give the schema that it was trained with'
        )


def _reason(error: Exception, source: str) -> str:
    """The message in one line, without the name that stands before it anyway."""
    return ' '.join(str(error).removeprefix(f'{source}: ').split())


def _batches(items: Iterable[LoadedImage], size: int) -> Iterator[list[LoadedImage]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, max(1, size))):
        yield batch


def _progress_bar(show: bool) -> Progress:
    return Progress(
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        disable=not show,
    )
