# SPDX-License-Identifier: Apache-2.0
"""Write toy configs and start the tools on them in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'

CONFIG = """
default_scope = 'mmdet'
custom_imports = dict(imports=['deepmark', 'deepmark.engine', 'toy_detection'])
model = dict(type='ToyDetector', data_preprocessor=dict(type='mmengine.BaseDataPreprocessor'))
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(type='ToySquares', data_root={data_root!r}, length=8, seconds={seconds}))
val_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='pseudo_collate'),
    dataset=dict(type='ToySquares', data_root={data_root!r}, length=5))
test_dataloader = val_dataloader
val_evaluator = dict(type='ToyMetric')
test_evaluator = val_evaluator
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs={epochs}, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
auto_scale_lr = dict(enable=False, base_batch_size=4)
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(type='CheckpointHook', interval=1),
    visualization=dict(type='DetVisualizationHook'))
custom_hooks = [dict(type='deepmark.CurvesHook')]
visualizer = dict(type='DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
"""


def write_config(folder: Path, *, epochs: int = 2, seconds: float = 0.0, extra: str = '') -> Path:
    """Write a toy config and its data folder."""
    (folder / 'data').mkdir(exist_ok=True)
    path = folder / 'toy.py'
    path.write_text(
        CONFIG.format(data_root=str(folder / 'data'), epochs=epochs, seconds=seconds) + extra
    )
    return path


def environment(**changes: str) -> dict[str, str]:
    """The environment of a run: no GPU, one thread, this interpreter, the toy modules."""
    paths = [str(ROOT / 'projects'), str(Path(__file__).parent)]
    return {
        **os.environ,
        'CUDA_VISIBLE_DEVICES': '-1',
        'OMP_NUM_THREADS': '1',
        'PYTHON': sys.executable,
        'PYTHONPATH': os.pathsep.join(paths),
        'PYTHONWARNINGS': 'ignore',
        **changes,
    }


def run(
    *command: object, cwd: Path, timeout: float = 120, **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        text=True,
        timeout=timeout,
        capture_output=True,
        env=environment(**changes),
        check=False,
    )
