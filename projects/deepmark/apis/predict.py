# SPDX-License-Identifier: Apache-2.0
"""What ``tools/predict.py`` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from mmengine.config import Config

from deepmark.apis.inferencer import DeepMarkInferencer, InferenceResult
from deepmark.apis.preflight import require_config_file
from deepmark.apis.test import use_test_time_augmentation


@dataclass(frozen=True)
class PredictOptions:
    """Switches of ``tools/predict.py``; see its help."""

    config: str
    checkpoint: str
    inputs: Sequence[str]
    out_dir: str
    score_thr: float = 0.3
    device: str | None = None
    batch_size: int = 1
    tta: bool = False
    max_frames: int | None = None
    overwrite: bool = False
    write_pictures: bool = True
    write_predictions: bool = True


def run_predict(options: PredictOptions) -> InferenceResult:
    """Predict, print a summary, and name every input that failed on stderr.

    Raises:
        RunError: config or checkpoint cannot be used.
        FileExistsError: an output is there already; nothing was predicted.
    """
    model: str | Config = options.config
    if options.tta:
        require_config_file(options.config)
        model = Config.fromfile(options.config)
        use_test_time_augmentation(model)
    inferencer = DeepMarkInferencer(model, options.checkpoint, device=options.device)
    result = inferencer(
        list(options.inputs),
        batch_size=options.batch_size,
        out_dir=options.out_dir,
        score_thr=options.score_thr,
        write_pictures=options.write_pictures,
        write_predictions=options.write_predictions,
        overwrite=options.overwrite,
        max_frames=options.max_frames,
    )
    garments = sum(len(record.garments) for record in result.predictions)
    print(
        f'images: {len(result.predictions)}, garments in them: {garments}, '
        f'video frames: {result.num_frames}, failed: {len(result.failures)}; see {options.out_dir}'
    )
    for failure in result.failures:
        print(f'failed: {failure.source}: {failure.reason}', file=sys.stderr)
    return result
