# SPDX-License-Identifier: Apache-2.0
"""A user's way through the Hourglass, narrowed: convert, train from it, test with fusion."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import mmdet
import numpy as np
import pytest

from deepmark.datasets.garments import make_garments
from deepmark.engine.checkpoint_file import load_checkpoint_file

from .conftest import RunScript
from .toy_runs import ROOT, TOOLS

REFERENCE = Path(os.environ.get('DEEPMARK_REFERENCE') or ROOT.parent / 'shared' / 'reference')
START = REFERENCE / 'hourglass_coco_det' / 'checkpoint.pth'
CONVERTER = TOOLS / 'model_converters' / 'centernet_to_deepmark.py'
MMDET_TEST = Path(mmdet.__file__).parent / '.mim' / 'tools' / 'test.py'
SINGLE, FUSION = (ROOT / 'configs' / f'deepmark_hg104_8xb5{s}.py' for s in ('', '_flip_2scales'))
LOADERS = ('train', 'val', 'test')


def options(start: Path, *more: str) -> list[str]:
    """The start's widths, drawn garments, one short epoch."""
    meta = json.loads((start.parent / 'meta.json').read_text())
    width = meta['stage_channels'][0]
    return [
        '--cfg-options',
        f'model.backbone.stage_channels={",".join(map(str, meta["stage_channels"]))}',
        f'model.backbone.stage_blocks={",".join(map(str, meta["stage_blocks"]))}',
        *(f'model.{part}={width}' for part in ('backbone.feat_channel', 'bbox_head.in_channels')),
        f'model.bbox_head.feat_channels={width}',
        *more,
    ]


def data_options() -> list[str]:
    return [
        *(f'{loader}_dataloader.dataset.data_root=garments' for loader in LOADERS),
        *(f'{loader}_dataloader.num_workers=0' for loader in LOADERS),
        *(f'{loader}_dataloader.persistent_workers=False' for loader in LOADERS),
    ]


@pytest.mark.slow
@pytest.mark.skipif(not START.is_file(), reason=f'{START} is absent: set DEEPMARK_REFERENCE')
def test_convert_train_and_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_script: RunScript
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    for split, count in (('train', 5), ('validation', 2)):
        make_garments('garments', split, count, workers=1, progress=False)
    assert run_script(CONVERTER, START, 'start.pth', '--config', SINGLE, *options(START)) == 0

    quick = ['train_cfg.max_epochs=1', 'load_from=start.pth', 'optim_wrapper.optimizer.lr=0']
    train = options(START, *data_options(), *quick)
    assert run_script(TOOLS / 'train.py', SINGLE, '--work-dir', 'w', *train) == 0
    trained = load_checkpoint_file('w/epoch_1.pth')['state_dict']
    start = load_checkpoint_file('start.pth')['state_dict']
    weights = [key for key in start if key.endswith(('weight', 'bias'))]
    assert len(weights) > 300
    assert all((trained[key] == start[key]).all() for key in weights)  # at a rate of 0

    test = options(START, *data_options())
    runs = {
        'leaf': (TOOLS / 'test.py', FUSION),
        'tta': (TOOLS / 'test.py', SINGLE, '--tta'),
        'mmdet': (MMDET_TEST, SINGLE, '--tta'),
    }
    for name, (tool, config, *switches) in runs.items():
        command = [tool, config, 'w/epoch_1.pth', '--work-dir', 'w', *switches, *test]
        assert run_script(*command[:3], '--out', f'{name}.pkl', *command[3:]) == 0
    results = [pickle.loads(Path(f'{name}.pkl').read_bytes()) for name in runs]
    assert [len(result) for result in results] == [2, 2, 2]
    for image in zip(*results, strict=True):
        leaf, *others = (prediction['pred_instances'] for prediction in image)
        assert len(leaf['scores']) == 100
        for other in others:
            for name in ('scores', 'labels', 'bboxes', 'keypoints'):
                np.testing.assert_array_equal(leaf[name], other[name])
