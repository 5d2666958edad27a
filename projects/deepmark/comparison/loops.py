# SPDX-License-Identifier: Apache-2.0
"""A training loop by epochs that ends after a number of steps."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

from mmengine.runner import EpochBasedTrainLoop

from deepmark.registry import LOOPS


@LOOPS.register_module()
class StepLimitedEpochLoop(EpochBasedTrainLoop):
    """mmengine's loop by epochs whose last epoch is cut where the steps are used up.

    Hooks that act at epochs, such as mmdet's ``YOLOXModeSwitchHook``, work as usual, which they do
    not in a loop by iterations.

    Args:
        runner: The runner.
        dataloader: Of the training set.
        max_iters: Steps in all.
        **kwargs: See ``EpochBasedTrainLoop``, without ``max_epochs``.
    """

    def __init__(self, runner: Any, dataloader: Any, max_iters: int, **kwargs: Any) -> None:
        super().__init__(runner, dataloader, max_epochs=1, **kwargs)
        self._max_iters = int(max_iters)
        self._max_epochs = math.ceil(self._max_iters / len(self.dataloader))

    def run_epoch(self) -> None:
        """Iterate one epoch, or the beginning of one."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        left = self._max_iters - self._iter
        for index, data_batch in enumerate(islice(self.dataloader, left)):
            self.run_iter(index, data_batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
