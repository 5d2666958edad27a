# SPDX-License-Identifier: Apache-2.0
"""The demo: draw garments, train on them, evaluate on others, predict a real photograph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from rich.console import Console

from deepmark.apis.experiment import Experiment, run_experiment
from deepmark.apis.inferencer import DeepMarkInferencer
from deepmark.datasets.garments import GarmentConfig, is_current, make_garments
from deepmark.engine.errors import RunError

SEED = 0


def run_demo(
    config: str,
    work_dir: Path,
    train_images: int,
    validation_images: int,
    cfg_options: Mapping[str, Any],
) -> Experiment:
    """Run all of it; outputs go to the work directory.

    Garments that an earlier run has drawn with the same settings are used again.

    Args:
        config: config file of the network.
        work_dir: gets ``garments/``, ``metrics.json``, ``contact_sheet.png``, ``curves.png`` and
            ``real_photo/``.
        train_images: garment images to train on.
        validation_images: garment images to evaluate on.
        cfg_options: config entries to replace, dotted keys.

    Raises:
        RunError: the photograph could not be predicted.
    """
    console = Console()
    garments = work_dir / 'garments'
    for split, count in (('train', train_images), ('validation', validation_images)):
        settings = GarmentConfig()
        if not is_current(garments, split, count, settings, SEED):
            make_garments(garments, split, count, settings, SEED, overwrite=True)
    roots = {
        f'{loader}_dataloader.dataset.data_root': str(garments)
        for loader in ('train', 'val', 'test')
    }
    experiment = run_experiment(config, work_dir, {**roots, **cfg_options})
    photo = real_photograph()
    inferencer = DeepMarkInferencer(experiment.cfg, experiment.checkpoint)
    result = inferencer(str(photo), out_dir=work_dir / 'real_photo', overwrite=True)
    if result.failures:
        raise RunError(f'{photo}: {result.failures[0]}')
    found = [garment.category_name for garment in result.predictions[0].garments]
    console.print(f'{photo.name}: {", ".join(found) or "no garment"} above score 0.3')
    console.print(f'figures and pictures: {work_dir}')
    return experiment


def real_photograph() -> Path:
    """A photograph that every installation has: matplotlib's sample of Grace Hopper."""
    return Path(matplotlib.get_data_path()) / 'sample_data' / 'grace_hopper.jpg'
