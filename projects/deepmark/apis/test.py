# SPDX-License-Identifier: Apache-2.0
"""Test a checkpoint with the metrics of a config: what ``tools/test.py`` does."""

from __future__ import annotations

import logging
import os
import pickle
from dataclasses import dataclass
from typing import Any

from mmdet.evaluation import DumpDetResults
from mmdet.utils import setup_cache_size_limit_of_dynamo
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from deepmark.apis.preflight import require_checkpoint, require_data, require_writable
from deepmark.apis.run_config import add_checkpoint_guard, build_runner, load_run_config
from deepmark.apis.submission import write_submission
from deepmark.atomic_write import atomic_write
from deepmark.engine.cpu_process_group import cpu_process_group
from deepmark.engine.errors import RunError

LANDMARK_VISUALIZER = 'deepmark.LandmarkVisualizer'
POSE_HOOK = 'PoseVisualizationHook'  # mmpose's has other names for the switches
PICKLE_SUFFIXES = ('.pkl', '.pickle')


@dataclass(frozen=True, kw_only=True)
class TestOptions:
    """The switches of ``tools/test.py``.

    Attributes:
        config: Path of the config file.
        checkpoint: The weights to test.
        work_dir: Where the log goes; None for the config's.
        out: A pickle file for the predictions, or None.
        show: Open a window with each picture.
        show_dir: Folder for the painted pictures, inside ``work_dir/<start>/`` when relative.
        wait_time: Seconds that a window stays.
        tta: Use the config's test-time augmentation.
        submission: Write the predictions for unlabelled photos to this file in the official
            layout, .json or .json.gz, and compute nothing; None for a test with figures.
        test_images: Folder of these photos; None for ``test/image`` of the config's data.
        overwrite: Replace the file of ``submission``.
        cfg_options: Config entries to replace, dotted keys.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'.
    """

    __test__ = False  # no test case, whatever the name says to pytest

    config: str
    checkpoint: str
    work_dir: str | None = None
    out: str | None = None
    show: bool = False
    show_dir: str | None = None
    wait_time: float = 2.0
    tta: bool = False
    submission: str | None = None
    test_images: str | None = None
    overwrite: bool = False
    cfg_options: dict[str, Any] | None = None
    launcher: str = 'none'


class AtomicDumpResults(DumpDetResults):
    """mmdet's pickle of all predictions, written whole or not at all."""

    def compute_metrics(self, results: list[Any]) -> dict[str, Any]:
        """Write the file on rank 0, where mmengine calls this; there are no numbers to report."""
        with atomic_write(self.out_file_path, overwrite=True) as file:
            pickle.dump(results, file, protocol=pickle.HIGHEST_PROTOCOL)
        print_log(f'Predictions of {len(results)} images: {self.out_file_path}', 'current')
        return {}


def run_test(options: TestOptions) -> dict[str, Any]:
    """Check what can be checked at once, then test.

    Returns:
        The metrics.

    Raises:
        RunError: A path is missing, or a switch does not suit the config.
    """
    setup_cache_size_limit_of_dynamo()
    require_checkpoint(options.checkpoint, 'checkpoint')
    if options.out is not None:
        require_pickle_path(options.out)
    cfg = make_test_config(options)
    require_data(cfg, ('test_dataloader',))
    require_writable(cfg.work_dir)
    with cpu_process_group(cfg):
        runner = build_runner(cfg)
        if options.out is not None:
            runner.test_evaluator.metrics.append(AtomicDumpResults(out_file_path=options.out))
        metrics: dict[str, Any] = runner.test()
    return metrics


def make_test_config(options: TestOptions) -> Config:
    """Build the config that the Runner gets.

    Raises:
        RunError: The config is missing, or a switch does not suit it.
    """
    cfg = load_run_config(
        options.config,
        work_dir=options.work_dir,
        launcher=options.launcher,
        cfg_options=options.cfg_options,
    )
    add_checkpoint_guard(cfg)
    cfg.resume, cfg.load_from = False, options.checkpoint
    if options.show or options.show_dir:
        draw_predictions(cfg, options)
    if options.tta:
        use_test_time_augmentation(cfg)
    if options.submission is not None:
        write_submission(cfg, options.submission, options.test_images, options.overwrite)
    elif options.test_images is not None:
        raise RunError('--test-images names the photos for --submission, which is not given')
    return cfg


def draw_predictions(cfg: Config, options: TestOptions) -> None:
    """Switch the config's visualization hook on.

    Raises:
        RunError: The config has no such hook.
    """
    hook = (cfg.get('default_hooks') or {}).get('visualization')
    if hook is None:
        raise RunError(
            '--show and --show-dir need default_hooks.visualization in the config, such '
            "as dict(type='DetVisualizationHook')"
        )
    enable, folder = ('draw', 'test_out_dir')
    if str(hook.get('type')).endswith(POSE_HOOK):
        enable, folder = ('enable', 'out_dir')
    hook[enable] = True
    if options.show:
        hook['show'] = True
        hook['wait_time'] = options.wait_time
    if options.show_dir:
        hook[folder] = options.show_dir
    every_rank_paints = (cfg.get('visualizer') or {}).get('type') == LANDMARK_VISUALIZER
    if options.launcher != 'none' and not (options.show_dir and every_rank_paints):
        print_log(
            'Only rank 0 paints, as in mmengine: pictures of the other ranks are left out; to get '
            f'all of them test with one process, or with --show-dir and {LANDMARK_VISUALIZER}',
            'current',
            logging.WARNING,
        )


def use_test_time_augmentation(cfg: Config) -> None:
    """Test with the augmentation that the config describes.

    The config has at least one of ``tta_pipeline`` (takes the place of the test pipeline),
    ``tta_test_cfg`` (laid over ``model.test_cfg``) and ``tta_model`` (wraps the model).

    mmdet's tool takes ``DetTTAModel`` for a config that has none; it joins boxes alone and would
    drop the landmarks, so here the config must say what is meant.

    Raises:
        RunError: The config has none of them.
    """
    parts = ('tta_pipeline', 'tta_test_cfg', 'tta_model')
    if not any(cfg.get(part) for part in parts):
        raise RunError(f'--tta: the config has none of {", ".join(parts)}')
    if cfg.get('tta_test_cfg'):
        cfg.merge_from_dict({'model.test_cfg': cfg.tta_test_cfg})
    if cfg.get('tta_model'):
        cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    if cfg.get('tta_pipeline'):
        dataset = cfg.test_dataloader.dataset
        while 'dataset' in dataset:
            dataset = dataset.dataset
        dataset.pipeline = cfg.tta_pipeline


def require_pickle_path(path: str) -> None:
    """Check the name of the dump before the test, not after it.

    Raises:
        RunError: It is no pickle, or its folder cannot be written.
    """
    if not path.endswith(PICKLE_SUFFIXES):
        raise RunError(f'--out {path}: the name must end in {" or ".join(PICKLE_SUFFIXES)}')
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise RunError(f'--out {path}: {folder} cannot be created ({error.strerror})') from error
    if not os.access(folder, os.W_OK):
        raise RunError(f'--out {path}: {folder} cannot be written')
