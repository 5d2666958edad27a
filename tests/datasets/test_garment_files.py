# SPDX-License-Identifier: Apache-2.0
"""Generated garments on disk: the same bytes every time, all or nothing, readable."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from deepmark.datasets import DeepFashion2Dataset
from deepmark.datasets.garments import GarmentConfig, GarmentError, is_current, make_garments
from deepmark.datasets.garments.preview import write_preview

SMALL = GarmentConfig(size=96)
TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'make_garments.py'


def fingerprint(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    for name, workers in (('one', 1), ('two', 2), ('again', 2)):
        make_garments(tmp_path / name, 'train', 17, SMALL, 5, workers, progress=False)
    one = fingerprint(tmp_path / 'one')
    assert len(one) == 2 * 17 + 1
    assert 'train/image/000017.jpg' in one
    assert 'train/annos/000017.json' in one
    assert one == fingerprint(tmp_path / 'two') == fingerprint(tmp_path / 'again')


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    make_garments(tmp_path, 'train', 2, SMALL, workers=1, progress=False)
    before = fingerprint(tmp_path)
    with pytest.raises(FileExistsError, match='--overwrite'):
        make_garments(tmp_path, 'train', 3, SMALL, workers=1, progress=False)
    assert fingerprint(tmp_path) == before
    make_garments(tmp_path, 'train', 1, SMALL, seed=9, workers=1, overwrite=True, progress=False)
    assert sorted(fingerprint(tmp_path)) == [
        'train/annos/000001.json',
        'train/garments.json',
        'train/image/000001.jpg',
    ]


def test_a_half_written_split_recovers(tmp_path: Path) -> None:
    leftover = tmp_path / '.train.partial' / 'image'
    leftover.mkdir(parents=True)
    (leftover / '000099.jpg').write_bytes(b'half')
    assert not is_current(tmp_path, 'train', 2, SMALL)
    make_garments(tmp_path, 'train', 2, SMALL, workers=1, progress=False)
    assert is_current(tmp_path, 'train', 2, SMALL)
    assert not is_current(tmp_path, 'train', 2, SMALL, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ['train']
    assert not (tmp_path / 'train' / 'image' / '000099.jpg').exists()


def test_a_failure_leaves_the_old_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_garments(tmp_path, 'train', 1, SMALL, workers=1, progress=False)
    before = fingerprint(tmp_path / 'train')
    monkeypatch.setattr(cv2, 'imwrite', lambda *_: False)
    with pytest.raises(OSError, match='cannot write'):
        make_garments(tmp_path, 'train', 1, SMALL, 1, 1, overwrite=True, progress=False)
    assert fingerprint(tmp_path / 'train') == before


@pytest.mark.parametrize(('split', 'count'), [('train', 0), ('a/b', 1), ('', 1)])
def test_impossible_splits_are_refused(tmp_path: Path, split: str, count: int) -> None:
    with pytest.raises(GarmentError):
        make_garments(tmp_path, split, count, SMALL, workers=1, progress=False)
    assert not list(tmp_path.iterdir())


def test_the_data_set_reads_what_was_written(tmp_path: Path) -> None:
    make_garments(tmp_path, 'train', 4, SMALL, workers=1, progress=False)
    dataset = DeepFashion2Dataset(data_root=str(tmp_path), split='train')
    assert len(dataset) == 4
    for index in range(4):
        info = dataset.get_data_info(index)
        text = (tmp_path / 'train' / 'annos' / f'{info["img_id"]:06d}.json').read_text()
        written = [item for key, item in json.loads(text).items() if key.startswith('item')]
        assert (info['height'], info['width']) == (96, 96)
        assert [i['bbox'] for i in info['instances']] == [i['bounding_box'] for i in written]
        for instance, item in zip(info['instances'], written, strict=True):
            landmarks = np.array(item['landmarks']).reshape(-1, 3)
            np.testing.assert_allclose(instance['keypoints'], landmarks, atol=1e-4)


def test_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = runpy.run_path(str(TOOL))['main']
    out = tmp_path / 'set'
    command = ['--out', str(out), '--train', '2', '--val', '1', '--size', '64', '--workers', '1']
    assert tool([*command, '--difficulty', 'easy', '--occluders', '2']) == 0
    assert sorted(path.name for path in out.iterdir()) == ['train', 'validation']
    manifest = json.loads((out / 'train' / 'garments.json').read_text())
    assert manifest['config']['occluders'] == 2
    assert manifest['config']['back'] == 0
    assert tool(command) == 1
    assert '--overwrite' in capsys.readouterr().err
    assert tool([*command, '--flat', '7']) == 1
    assert 'flat is 7' in capsys.readouterr().err


def test_preview_shows_all_categories(tmp_path: Path) -> None:
    path = write_preview(tmp_path / 'preview.png')
    image = cv2.imread(str(path))
    assert image is not None
    assert image.shape == (5 * 420, 6 * 420, 3)
    assert image.std() > 20


def test_generator_needs_no_framework() -> None:
    """The package's own modules import neither torch nor the hosts."""
    folder = Path(sys.modules['deepmark.datasets.garments'].__file__ or '').parent
    for path in folder.glob('*.py'):
        source = path.read_text()
        assert not any(f'import {name}' in source for name in ('torch', 'mmdet', 'mmengine')), path
