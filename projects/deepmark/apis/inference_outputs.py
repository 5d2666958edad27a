# SPDX-License-Identifier: Apache-2.0
"""Where predictions go: ``vis/`` for pictures and videos, ``preds/`` for JSON.

Every file is written under a temporary name and then moved. Pictures are RGB arrays here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from deepmark.apis.inference_inputs import ImageInput, InputPlan, VideoInput
from deepmark.apis.prediction_records import FrameRecord, ImageRecord
from deepmark.atomic_write import atomic_path, atomic_write, refuse_existing
from deepmark.engine.errors import RunError

Image = npt.NDArray[np.uint8]
_JPEG_QUALITY = 92
_DEFAULT_FPS = 25.0  # for webcams that do not say


class VideoWriteError(RunError):
    """This OpenCV cannot write a video."""


@dataclass(frozen=True)
class OutputFolder:
    """The outputs of one call.

    Args:
        root: the folder; None writes nothing.
        pictures: write pictures and videos.
        predictions: write JSON.
        overwrite: replace files of an earlier call.
    """

    root: Path | None
    pictures: bool = True
    predictions: bool = True
    overwrite: bool = False

    def picture_path(self, item: ImageInput | VideoInput) -> Path | None:
        """``vis/NAME.jpg`` or ``vis/NAME.mp4``; None when pictures are not written."""
        if self.root is None or not self.pictures:
            return None
        suffix = '.jpg' if isinstance(item, ImageInput) else '.mp4'
        return self.root / 'vis' / f'{item.name}{suffix}'

    def prediction_path(self, item: ImageInput | VideoInput) -> Path | None:
        """``preds/NAME.json`` or ``preds/NAME.jsonl``; None when JSON is not written."""
        if self.root is None or not self.predictions:
            return None
        suffix = '.json' if isinstance(item, ImageInput) else '.jsonl'
        return self.root / 'preds' / f'{item.name}{suffix}'

    def refuse_existing(self, plan: InputPlan) -> None:
        """Fail before the first prediction rather than in the middle.

        Raises:
            FileExistsError: an output is there already and ``overwrite`` is false.
        """
        items: list[ImageInput | VideoInput] = [*plan.images, *plan.videos]
        for item in items:
            for path in (self.picture_path(item), self.prediction_path(item)):
                if path is not None:
                    refuse_existing(path, self.overwrite)

    def write_image(self, item: ImageInput, picture: Image | None, record: ImageRecord) -> None:
        """Write the outputs of one image."""
        picture_path, prediction_path = self.picture_path(item), self.prediction_path(item)
        if picture_path is not None and picture is not None:
            options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
            _, encoded = cv2.imencode('.jpg', np.ascontiguousarray(picture[..., ::-1]), options)
            with atomic_write(picture_path, self.overwrite) as file:
                file.write(encoded.tobytes())
        if prediction_path is not None:
            with atomic_write(prediction_path, self.overwrite) as file:
                file.write(msgspec.json.format(msgspec.json.encode(record), indent=1) + b'\n')

    @contextlib.contextmanager
    def video_sink(
        self, item: VideoInput, width: int, height: int, fps: float
    ) -> Iterator[Callable[[Image | None, FrameRecord], None]]:
        """Give a function that takes one frame after the other.

        Raises:
            VideoWriteError: this OpenCV cannot write the video.
        """
        picture_path, prediction_path = self.picture_path(item), self.prediction_path(item)
        with contextlib.ExitStack() as stack:
            lines = writer = None
            if prediction_path is not None:
                lines = stack.enter_context(atomic_write(prediction_path, self.overwrite))
            if picture_path is not None:
                target = stack.enter_context(atomic_path(picture_path, self.overwrite))
                writer = stack.enter_context(_video_writer(target, width, height, fps))

            def put(picture: Image | None, record: FrameRecord) -> None:
                if lines is not None:
                    lines.write(msgspec.json.encode(record) + b'\n')
                if writer is not None and picture is not None:
                    writer.write(np.ascontiguousarray(picture[..., ::-1]))

            yield put


@contextlib.contextmanager
def _video_writer(path: Path, width: int, height: int, fps: float) -> Iterator[cv2.VideoWriter]:
    codec = cv2.VideoWriter.fourcc(*'mp4v')
    rate = fps if 0 < fps < 1000 else _DEFAULT_FPS
    writer = cv2.VideoWriter(str(path), codec, rate, (width, height))
    if not writer.isOpened():
        raise VideoWriteError(
            f'this OpenCV cannot write mp4 video ({width} x {height}); predict it without '
            'pictures: --no-vis (write_pictures=False)'
        )
    try:
        yield writer
    finally:
        writer.release()


class VideoFrames:
    """Frames of a video file or a webcam, (H, W, 3) uint8 BGR; to be used as a context.

    Attributes:
        fps: frames a second, 0 when unknown.
        expected_frames: how many the file announces, None when unknown.
        num_read: how many could be read so far.

    Raises:
        OSError: it cannot be opened, or holds no frame.
    """

    def __init__(self, item: VideoInput) -> None:
        self._is_file = item.camera is None
        self._capture = cv2.VideoCapture(item.source if item.camera is None else item.camera)
        if not self._capture.isOpened():
            raise OSError('the video cannot be opened')
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.expected_frames = count if count > 0 else None
        success, self._first = self._capture.read()
        if not success:
            self._capture.release()
            raise OSError('the video has no frame that can be read')
        self.num_read = 1
        self.height, self.width = self._first.shape[:2]

    def __enter__(self) -> VideoFrames:
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.release()

    def __iter__(self) -> Iterator[Image]:
        success, frame = True, self._first
        while success:
            yield frame
            success, frame = self._capture.read()
            self.num_read += success

    def missing_end(self, max_frames: int | None = None) -> str | None:
        """What to say of a file that ended before the frames it announces, such as a cut copy.

        OpenCV does not tell the end of a file from a frame that cannot be read.

        Args:
            max_frames: how many were wanted; None for all.

        Returns:
            A message; None for webcams and when all that were wanted have been read.
        """
        wanted = self.expected_frames or 0
        if max_frames is not None:
            wanted = min(wanted, max_frames)
        if not self._is_file or self.num_read >= wanted:
            return None
        return (
            f'{self.num_read} of {self.expected_frames} frames could be read; '
            'their predictions are kept'
        )
