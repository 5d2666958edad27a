# SPDX-License-Identifier: Apache-2.0
"""Train, evaluate and show in one go: what the demo and the real sample do.

Leaves in the work directory, beside mmengine's logs and checkpoints: ``metrics.json``,
``contact_sheet.png`` (truth beside prediction on evaluated images) and ``curves.png``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner, find_latest_checkpoint
from rich.console import Console

from deepmark.apis.preflight import require_data, require_writable
from deepmark.apis.run_config import build_runner
from deepmark.apis.train import TrainOptions, make_training_config
from deepmark.atomic_write import atomic_write
from deepmark.evaluation.figure_table import overall_table
from deepmark.schema import LandmarkSchema, get_schema
from deepmark.visualization.contact_sheet import ContactRow, contact_sheet, write_contact_sheet
from deepmark.visualization.sample_garments import garments_of_instances, garments_of_records

EVALUATIONS = {
    'bbox': 'bbox',
    'keypoints_visible_and_occluded': 'keypoints',
    'keypoints_visible': 'keypoints_visible',
}
RESULT_FILES = ('metrics.json', 'contact_sheet.png', 'curves.png')
_LOG_PREFIX = 'val/deepfashion2/'
_LOWEST_SCORE_DRAWN = 0.2  # centre scores of a few epochs are low, and right all the same


@dataclass(frozen=True)
class Experiment:
    """A finished experiment.

    Attributes:
        cfg: the config that was trained.
        checkpoint: the last weights.
        figures: AP and AR by evaluation, the content of ``metrics.json``.
    """

    cfg: Config
    checkpoint: Path
    figures: dict[str, dict[str, float]]


def run_experiment(
    config: str, work_dir: Path, cfg_options: Mapping[str, Any], pictures: int = 12
) -> Experiment:
    """Train a config and write figures and pictures of its last weights.

    The config evaluates at the end of its training; these are the figures. Result files of an
    earlier run in the same folder are removed first, so that none of them can be taken for new.

    Args:
        config: config file.
        work_dir: where everything goes.
        cfg_options: config entries to replace, dotted keys.
        pictures: images on the contact sheet.

    Raises:
        RunError: the config, the data or the folder cannot be used.
    """
    cfg = make_training_config(
        TrainOptions(config=config, work_dir=str(work_dir), cfg_options=dict(cfg_options))
    )
    require_data(cfg, ('train_dataloader', 'val_dataloader'))
    require_writable(work_dir)
    for name in RESULT_FILES:
        (work_dir / name).unlink(missing_ok=True)
    runner = build_runner(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    figures = nested_figures(
        {name: scalar.current() for name, scalar in scalars.items() if name.startswith('val/')}
    )
    with atomic_write(work_dir / 'metrics.json') as file:
        file.write(json.dumps(figures, indent=2).encode() + b'\n')
    schema = get_schema(cfg.model.bbox_head.get('schema'))
    sheet = contact_sheet(_rows(runner, schema, pictures), schema, columns=2)
    write_contact_sheet(work_dir / 'contact_sheet.png', sheet)
    shutil.copyfile(Path(runner.log_dir) / 'vis_data' / 'curves.png', work_dir / 'curves.png')
    title = f'{Path(config).stem}, {len(runner.val_dataloader.dataset)} images'
    Console().print(overall_table(figures, title))
    return Experiment(cfg, Path(find_latest_checkpoint(str(work_dir))), figures)


def nested_figures(logged: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Group logged names: ``val/deepfashion2/bbox_AP50`` becomes ``bbox: {AP50: ...}``."""
    figures: dict[str, dict[str, float]] = {}
    for evaluation, start in EVALUATIONS.items():
        figures[evaluation] = {
            name.removeprefix(f'{_LOG_PREFIX}{start}_'): float(value)
            for name, value in logged.items()
            if name.startswith((f'{_LOG_PREFIX}{start}_AP', f'{_LOG_PREFIX}{start}_AR'))
        }
    return figures


def _rows(runner: Runner, schema: LandmarkSchema, count: int) -> list[ContactRow]:
    """The first evaluated images with truth and prediction."""
    dataset = runner.val_dataloader.dataset
    rows = []
    runner.model.eval()
    for index in range(min(count, len(dataset))):
        with torch.no_grad():
            (sample,) = runner.model.test_step(pseudo_collate([dataset[index]]))
        record = dataset.get_data_info(index)
        image = np.asarray(cv2.imread(record['img_path']))
        rows.append(
            ContactRow(
                image=image[..., ::-1],
                truth=garments_of_records(record['instances'], schema),
                prediction=garments_of_instances(
                    sample.pred_instances, score_thr=_LOWEST_SCORE_DRAWN
                ),
                caption=Path(record['img_path']).name,
            )
        )
    return rows
