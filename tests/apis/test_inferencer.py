# SPDX-License-Identifier: Apache-2.0
"""DeepMarkInferencer from inputs to files, with a detector that always sees a skirt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
import torch
from mmengine.config import Config

from deepmark.apis.inferencer import DeepMarkInferencer
from deepmark.apis.prediction_records import FrameRecord, ImageRecord
from deepmark.engine.errors import CheckpointError, RunError
from deepmark.registry import INFERENCERS
from deepmark.schema import DEEPFASHION2

from .fake_detector import fake_config


def build(cfg: Config | None = None, **kwargs: Any) -> DeepMarkInferencer:
    return DeepMarkInferencer(cfg or fake_config(), device='cpu', show_progress=False, **kwargs)


def write_image(path: Path, height: int = 40, width: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), image)
    return path


def write_video(path: Path, frames: int = 5, codec: str = 'mp4v') -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (64, 48))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 40 * number % 256, np.uint8))
    writer.release()
    return path


@pytest.fixture(scope='module')
def inferencer() -> DeepMarkInferencer:
    return build()


def test_an_array_gives_typed_predictions_in_original_pixels(
    inferencer: DeepMarkInferencer,
) -> None:
    result = inferencer(np.zeros((40, 60, 3), np.uint8))
    [record] = result.predictions
    assert (record.image, record.width, record.height) == ('array 0', 60, 40)
    [garment] = record.garments  # the poor one is below the threshold
    assert (garment.category_id, garment.category_name) == (9, 'skirt')
    assert garment.bbox_xyxy == (0, 0, 30, 40)
    assert garment.score == pytest.approx(0.8)
    names = [keypoint.name for keypoint in garment.keypoints]
    assert names == list(DEEPFASHION2.categories[8].keypoint_names)
    last = garment.keypoints[-1]
    assert (last.x, last.y, last.score) == (7, 7, 0.25)
    assert result.failures == []


def test_a_lower_threshold_gives_more_best_first(inferencer: DeepMarkInferencer) -> None:
    result = inferencer(np.zeros((40, 60, 3), np.uint8), score_thr=0.01)
    assert [g.score for g in result.predictions[0].garments] == pytest.approx([0.8, 0.08])


def test_a_folder_gives_pictures_and_json(inferencer: DeepMarkInferencer, tmp_path: Path) -> None:
    for name in ('a/1.jpg', 'b/1.jpg', 'b/2.png'):
        write_image(tmp_path / 'photos' / name)
    result = inferencer(tmp_path / 'photos', out_dir=tmp_path / 'out')
    written = {p.relative_to(tmp_path / 'out').as_posix() for p in tmp_path.rglob('out/**/*.*')}
    assert written == {
        f'{kind}/{name}{suffix}'
        for kind, suffix in (('vis', '.jpg'), ('preds', '.json'))
        for name in ('a/1', 'b/1', '2')
    }
    content = (tmp_path / 'out/preds/a/1.json').read_bytes()
    assert msgspec.json.decode(content, type=ImageRecord) == result.predictions[0]
    assert json.loads(content)['garments'][0]['keypoints'][7]['name'] == '8'
    assert cv2.imread(str(tmp_path / 'out/vis/2.jpg')).shape == (40, 60, 3)


def test_pictures_have_the_garment_drawn_in(inferencer: DeepMarkInferencer) -> None:
    result = inferencer(np.zeros((40, 60, 3), np.uint8), return_pictures=True)
    color = np.array(DEEPFASHION2.palette[8])
    assert np.abs(result.pictures[0][35, 30].astype(int) - color).max() < 12  # right edge


def test_broken_images_are_named_and_the_rest_goes_on(
    inferencer: DeepMarkInferencer, tmp_path: Path
) -> None:
    write_image(tmp_path / 'good.jpg')
    whole = write_image(tmp_path / 'truncated.jpg').read_bytes()
    (tmp_path / 'truncated.jpg').write_bytes(whole[: len(whole) // 2])
    (tmp_path / 'text.png').write_text('no image')
    (tmp_path / 'empty.jpg').touch()
    result = inferencer([tmp_path, str(tmp_path / 'missing.jpg')], batch_size=4)
    assert [Path(record.image).name for record in result.predictions] == ['good.jpg']
    reasons = {Path(f.source).name: f.reason for f in result.failures}
    assert set(reasons) == {'truncated.jpg', 'text.png', 'empty.jpg', 'missing.jpg'}
    assert 'truncated' in reasons['truncated.jpg']
    assert 'empty' in reasons['empty.jpg']


def test_batches_are_as_large_as_asked_for() -> None:
    inferencer = build()
    images = [np.zeros((40, 60, 3), np.uint8)] * 5
    result = inferencer(images, batch_size=2)
    assert len(result.predictions) == 5
    assert inferencer.model.batch_sizes == [2, 2, 1]


def test_nothing_is_overwritten_unless_told(inferencer: DeepMarkInferencer, tmp_path: Path) -> None:
    photo = write_image(tmp_path / '1.jpg')
    earlier = tmp_path / 'out/preds/1.json'
    earlier.parent.mkdir(parents=True)
    earlier.write_text('precious')
    with pytest.raises(FileExistsError, match=r'1\.json exists already'):
        inferencer(photo, out_dir=tmp_path / 'out')
    assert earlier.read_text() == 'precious'
    assert not (tmp_path / 'out/vis').exists()
    inferencer(photo, out_dir=tmp_path / 'out', overwrite=True)
    assert json.loads(earlier.read_text())['width'] == 60


@pytest.mark.parametrize(('pictures', 'predictions'), [(True, False), (False, True)])
def test_either_output_can_be_left_out(
    inferencer: DeepMarkInferencer, tmp_path: Path, pictures: bool, predictions: bool
) -> None:
    photo = write_image(tmp_path / '1.jpg')
    inferencer(
        photo, out_dir=tmp_path / 'out', write_pictures=pictures, write_predictions=predictions
    )
    assert (tmp_path / 'out/vis/1.jpg').exists() == pictures
    assert (tmp_path / 'out/preds/1.json').exists() == predictions


def test_a_video_gives_a_video_and_json_lines(
    inferencer: DeepMarkInferencer, tmp_path: Path
) -> None:
    clip = write_video(tmp_path / 'clip.mp4')
    result = inferencer(clip, out_dir=tmp_path / 'out', batch_size=2)
    assert (result.num_frames, result.predictions) == (5, [])
    lines = (tmp_path / 'out/preds/clip.jsonl').read_bytes().splitlines()
    records = [msgspec.json.decode(line, type=FrameRecord) for line in lines]
    assert [record.frame for record in records] == [0, 1, 2, 3, 4]
    assert records[4].seconds == pytest.approx(0.4)
    assert records[0].garments[0].bbox_xyxy == (0, 0, 32, 48)
    capture = cv2.VideoCapture(str(tmp_path / 'out/vis/clip.mp4'))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == 5
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10)


def test_frames_are_returned_when_nothing_is_written(
    inferencer: DeepMarkInferencer, tmp_path: Path
) -> None:
    clip = write_video(tmp_path / 'clip.mp4')
    result = inferencer(clip, max_frames=2)
    assert [record.image for record in result.predictions] == [f'{clip}#0', f'{clip}#1']


def test_a_broken_video_and_a_missing_webcam_are_named(
    inferencer: DeepMarkInferencer, tmp_path: Path
) -> None:
    (tmp_path / 'clip.mp4').write_bytes(b'no video')
    result = inferencer([str(tmp_path / 'clip.mp4'), 97], out_dir=tmp_path / 'out')
    assert [f.source for f in result.failures] == [str(tmp_path / 'clip.mp4'), 'webcam 97']
    assert not (tmp_path / 'out').exists()


def interrupted_after_three_frames() -> DeepMarkInferencer:
    inferencer = build()
    forward = inferencer.forward

    def interrupted(batch: Any) -> Any:
        if len(inferencer.model.batch_sizes) == 3:
            raise KeyboardInterrupt
        return forward(batch)

    inferencer.forward = interrupted
    return inferencer


def test_ctrl_c_ends_a_webcam_and_keeps_its_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, capture = write_video(tmp_path / 'clip.mp4'), cv2.VideoCapture
    monkeypatch.setattr(cv2, 'VideoCapture', lambda camera: capture({5: str(clip)}[camera]))
    result = interrupted_after_three_frames()(5, out_dir=tmp_path / 'out')
    assert (result.num_frames, result.failures) == (3, [])
    assert len((tmp_path / 'out/preds/webcam_5.jsonl').read_bytes().splitlines()) == 3
    assert (tmp_path / 'out/vis/webcam_5.mp4').is_file()


def test_ctrl_c_within_a_file_ends_the_call_and_leaves_no_part(tmp_path: Path) -> None:
    clips = [write_video(tmp_path / name) for name in ('1.mp4', '2.mp4')]
    earlier = tmp_path / 'out/preds/1.jsonl'
    earlier.parent.mkdir(parents=True)
    earlier.write_text('whole')
    with pytest.raises(KeyboardInterrupt):
        interrupted_after_three_frames()(clips, out_dir=tmp_path / 'out', overwrite=True)
    assert [path for path in (tmp_path / 'out').rglob('*') if path.is_file()] == [earlier]
    assert earlier.read_text() == 'whole'


def test_a_cut_video_is_a_failure_with_the_frames_there_are(
    inferencer: DeepMarkInferencer, tmp_path: Path
) -> None:
    cut = write_video(tmp_path / 'cut.avi', frames=40, codec='MJPG')
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    whole = write_video(tmp_path / 'whole.avi', frames=3, codec='MJPG')
    result = inferencer([cut, whole], out_dir=tmp_path / 'out')
    [failure] = result.failures
    num_read = result.num_frames - 3
    assert 0 < num_read < 40
    assert failure.source == str(cut)
    assert failure.reason.startswith(f'{num_read} of 40 frames could be read')
    assert len((tmp_path / 'out/preds/cut.jsonl').read_bytes().splitlines()) == num_read
    assert inferencer(cut, max_frames=3).failures == []
    assert inferencer(cut, max_frames=39).failures == [failure]


def test_a_video_that_cannot_be_written_is_a_failure(
    inferencer: DeepMarkInferencer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = [write_video(tmp_path / name) for name in ('1.mp4', '2.mp4')]

    class NotTheFirst:
        fourcc, writer = cv2.VideoWriter.fourcc, cv2.VideoWriter

        def __new__(cls, path: str, *settings: Any) -> Any:
            return cls.writer() if Path(path).name == '1.mp4' else cls.writer(path, *settings)

    monkeypatch.setattr(cv2, 'VideoWriter', NotTheFirst)
    result = inferencer(clips, out_dir=tmp_path / 'out')
    [failure] = result.failures
    assert failure.source == str(clips[0])
    assert 'cannot write mp4 video (64 x 48)' in failure.reason
    written = {path.name for path in (tmp_path / 'out').rglob('*') if path.is_file()}
    assert written == {'2.mp4', '2.jsonl'}


def test_a_detector_without_landmarks_works() -> None:
    result = build(fake_config(with_keypoints=False))(
        np.zeros((40, 60, 3), np.uint8), return_pictures=True
    )
    assert result.predictions[0].garments[0].keypoints == []
    assert result.pictures[0].any()


def test_weights_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / 'epoch_1.pth'
    torch.save({'state_dict': {'score': torch.tensor(0.5)}, 'meta': {}}, path)
    result = build(weights=path)(np.zeros((40, 60, 3), np.uint8))
    assert result.predictions[0].garments[0].score == 0.5


def test_unfit_checkpoints_and_configs_are_named(tmp_path: Path) -> None:
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': {'backbone.weight': torch.zeros(3)}}, path)
    with pytest.raises(CheckpointError, match=r'other\.pth does not fit the model'):
        build(weights=path)
    meta = {'dataset_meta': {'classes': ('cat', 'dog')}}
    torch.save({'state_dict': {'score': torch.tensor(0.5)}, 'meta': meta}, path)
    with pytest.raises(RunError, match=r'other\.pth was trained for the classes .*cat'):
        build(weights=path)
    with pytest.raises(RunError, match=r'missing\.py: there is no such config file'):
        DeepMarkInferencer(tmp_path / 'missing.py')
    with pytest.raises(RunError, match=r'no test_dataloader\.dataset\.pipeline'):
        build(Config({'model': {'type': 'deepmark.FakeSkirtDetector'}}))


def test_the_registry_builds_it() -> None:
    inferencer = INFERENCERS.build(
        {'type': 'deepmark.DeepMarkInferencer', 'model': fake_config(), 'device': 'cpu'}
    )
    assert isinstance(inferencer, DeepMarkInferencer)
    assert inferencer.schema is DEEPFASHION2


def test_the_schema_of_the_config_is_used() -> None:
    schema = {
        'name': 'one',
        'categories': [{'id': 5, 'name': 'kilt', 'num_keypoints': 1, 'sigmas': [0.1]}],
    }
    cfg = fake_config()
    cfg.test_dataloader.dataset.schema = schema
    with pytest.raises(ValueError, match=r'predicts label 8, but .*one'):
        build(cfg)(np.zeros((40, 60, 3), np.uint8))
