# SPDX-License-Identifier: Apache-2.0
"""Train, evaluate and show in one go: what the demo and the real sample do.

Leaves in the work directory: ``metrics.json``, ``contact_sheet.png`` (truth beside prediction on
evaluated images), ``curves.png`` and ``last_weights.pth``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table

from deepmark.apis.train import TrainOptions, make_training_config
from deepmark.atomic_write import atomic_write
from deepmark.schema import get_schema
from deepmark.visualization.contact_sheet import ContactRow, contact_sheet, write_contact_sheet
from deepmark.visualization.sample_garments import garments_of_instances, garments_of_records

EVALUATIONS = {
    'bbox': 'bbox',
    'keypoints_visible_and_occluded': 'keypoints',
    'keypoints_visible': 'keypoints_visible',
}
_TITLES = {
    'bbox': 'boxes',
    'keypoints_visible_and_occluded': 'landmarks, visible + occluded',
    'keypoints_visible': 'landmarks, visible only',
}


def run_experiment(
    config: str, work_dir: Path, cfg_options: Mapping[str, Any], pictures: int = 12
) -> dict[str, dict[str, float]]:
    """Train a config, evaluate its last weights, and write figures and pictures.

    Args:
        config: config file.
        work_dir: where logs, checkpoints and the three files go; what an earlier run left there
            is replaced only at the end.
        cfg_options: config entries to replace, dotted keys.
        pictures: images on the contact sheet.

    Returns:
        figures by evaluation (the content of ``metrics.json``).
    """
    cfg = make_training_config(
        TrainOptions(config=config, work_dir=str(work_dir), cfg_options=dict(cfg_options))
    )
    runner = Runner.from_cfg(cfg)
    runner.train()
    runner.save_checkpoint(str(work_dir), 'last_weights.pth', save_optimizer=False)
    figures = nested_figures(runner.test())
    with atomic_write(work_dir / 'metrics.json', overwrite=True) as file:
        file.write(json.dumps(figures, indent=2).encode() + b'\n')
    sheet = contact_sheet(_rows(runner, cfg, pictures), columns=2)
    write_contact_sheet(work_dir / 'contact_sheet.png', sheet, overwrite=True)
    shutil.copyfile(Path(runner._log_dir) / 'vis_data' / 'curves.png', work_dir / 'curves.png')
    title = f'{Path(config).stem}, {len(runner.test_dataloader.dataset)} images'
    Console().print(figure_table(figures, title))
    return figures


def nested_figures(metrics: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Group the metric's flat names: ``deepfashion2/bbox_AP50`` becomes ``bbox: {AP50: ...}``."""
    prefix = 'deepfashion2/'
    flat = {
        name[len(prefix) :]: value for name, value in metrics.items() if name.startswith(prefix)
    }
    return {
        evaluation: {
            name[len(start) + 1 :]: float(value)
            for name, value in flat.items()
            if name.startswith(f'{start}_AP') or name.startswith(f'{start}_AR')
        }
        for evaluation, start in EVALUATIONS.items()
    }


def figure_table(figures: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """A printable table of AP, AP50 and AP75."""
    table = Table(title=title)
    table.add_column('evaluation')
    for name in ('AP', 'AP50', 'AP75'):
        table.add_column(name, justify='right')
    for evaluation, values in figures.items():
        cells = [f'{values[name]:.3f}' for name in ('AP', 'AP50', 'AP75')]
        table.add_row(_TITLES[evaluation], *cells)
    return table


def _rows(runner: Runner, cfg: Config, count: int) -> list[ContactRow]:
    """The first images of the test set with truth and prediction."""
    dataset = runner.test_dataloader.dataset
    schema = get_schema(cfg.model.bbox_head.get('schema'))
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
                prediction=garments_of_instances(sample.pred_instances, score_thr=0.3),
                caption=Path(record['img_path']).name,
            )
        )
    return rows
