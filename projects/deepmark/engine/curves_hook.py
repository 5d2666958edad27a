# SPDX-License-Identifier: Apache-2.0
"""Keep loss and metric curves in the log folder of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop

from deepmark.engine.curves import write_curves
from deepmark.engine.scalar_history import SCALARS_FILE, read_work_dir
from deepmark.registry import HOOKS


@HOOKS.register_module()
class CurvesHook(Hook):
    """Write the curves beside ``scalars.json`` after each validation and after the training.

    ``work_dir/<start>/vis_data`` then holds ``curves.png``, ``train_curves.csv`` and
    ``val_curves.csv``. A resumed run draws the runs that it continues as well. The numbers are
    those of mmengine's ``LocalVisBackend``; without that backend there is nothing to draw, which is
    logged. A disk that is full stops no training.
    """

    # After LoggerHook (BELOW_NORMAL), which writes the row of a validation.
    priority = 'LOW'

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Draw while the training runs."""
        if isinstance(runner._train_loop, BaseLoop):
            self._write(runner)

    def after_train(self, runner: Any) -> None:
        """Draw the whole training."""
        self._write(runner)

    @master_only
    def _write(self, runner: Any) -> None:
        log_dir = Path(runner.log_dir)
        if not (log_dir / SCALARS_FILE).is_file():
            runner.logger.warning(
                f'No curves: {log_dir / SCALARS_FILE} is not there (the '
                'visualizer has no LocalVisBackend)'
            )
            return
        try:
            history = read_work_dir(log_dir.parent, until=log_dir.name)
            write_curves(history, (log_dir / SCALARS_FILE).parent)
        except OSError as error:
            runner.logger.warning(f'The curves cannot be written: {error}')
