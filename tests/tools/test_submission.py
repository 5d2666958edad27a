# SPDX-License-Identifier: Apache-2.0
"""tools/test.py writes a challenge submission for photos without annotations."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from deepmark.evaluation.submission_check import check_submission

from .conftest import RunScript
from .toy_runs import ROOT, TOOLS

CONFIG = ROOT / 'configs/deepmark_garments_small.py'
NUMBERS = [7, 12, 40]


@pytest.fixture
def folder(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Grey photos in ``data/test/image`` and random weights; ``toy`` sets the process up."""
    assert toy.parent == tmp_path
    photos = tmp_path / 'data/test/image'
    photos.mkdir(parents=True)
    for number in NUMBERS:
        photo = np.full((50 + number, 80, 3), number, np.uint8)
        assert cv2.imwrite(str(photos / f'{number:06d}.jpg'), photo)
    init_default_scope('mmdet')
    model = MODELS.build(Config.fromfile(CONFIG).model)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, 'weights.pth')
    return tmp_path


@pytest.mark.usefixtures('folder')
def test_the_test_split_becomes_a_submission(
    run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    options = (
        'test_dataloader.dataset.data_root=data',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
        'test_dataloader.batch_size=2',
        'test_evaluator.max_per_image=4',
    )
    arguments = (CONFIG, 'weights.pth', '--work-dir', 'w', '--submission', 'out/s.json.gz')
    assert run_script(TOOLS / 'test.py', *arguments, '--cfg-options', *options) == 0
    summary = check_submission('out/s.json.gz', NUMBERS, max_per_image=4)
    assert (summary.results, summary.images) == (12, 3)
    assert [path.name for path in Path('out').iterdir()] == ['s.json.gz']
    assert '12 results of 3 images' in next(Path('w').glob('*/*.log')).read_text()
    assert run_script(TOOLS / 'test.py', *arguments, '--cfg-options', *options) == 1
    assert 'error: out/s.json.gz exists already' in capsys.readouterr().err
