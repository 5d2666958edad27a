# SPDX-License-Identifier: Apache-2.0
"""Turn a test of a config into one that writes a challenge submission for unlabelled photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from deepmark.atomic_write import refuse_existing
from deepmark.engine.errors import RunError
from deepmark.evaluation.metric import RESULT_SUFFIXES

TEST_SPLIT = 'test'
_METRICS = ('deepmark.DeepFashion2Metric', 'DeepFashion2Metric')
_DATASETS = ('deepmark.DeepFashion2Dataset', 'DeepFashion2Dataset')
_SOURCE_KEYS = ('ann_file', 'data_prefix', 'split', 'indices')


def write_submission(
    cfg: Config, file: str, images: str | None = None, overwrite: bool = False
) -> None:
    """Lay over a config what a submission needs.

    The test data set becomes that of the photos, without annotations; of the metrics only
    DeepFashion2Metric stays, and writes the file instead of computing figures.

    Args:
        cfg: config of a test, changed in place.
        file: the submission, ``.json`` or ``.json.gz``.
        images: folder of the photos; None for ``test/image`` in the ``data_root`` of the config.
        overwrite: replace the file.

    Raises:
        RunError: the config tests with another metric or data set, there are no such photos, or
            the file's name has another ending.
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    suffix = next((s for s in reversed(RESULT_SUFFIXES) if file.endswith(s)), None)
    if suffix is None:
        raise RunError(f'--submission {file}: the name must end in {" or ".join(RESULT_SUFFIXES)}')
    refuse_existing(file, overwrite)
    metric = _metric_of(cfg)
    metric.pop('ann_file', None)
    metric.update(
        format_only=True,
        outfile_prefix=str(Path(file.removesuffix(suffix)).absolute()),
        outfile_suffix=suffix,
        overwrite=overwrite,
    )
    cfg.test_evaluator = metric
    _use_photos(_data_set_of(cfg), images)


def _metric_of(cfg: Config) -> ConfigDict:
    evaluators: Any = cfg.get('test_evaluator') or []
    listed = evaluators if isinstance(evaluators, list | tuple) else [evaluators]
    found = [metric for metric in listed if metric.get('type') in _METRICS]
    if len(found) != 1:
        types = ', '.join(str(metric.get('type')) for metric in listed) or 'none'
        raise RunError(
            f'--submission needs one {_METRICS[0]} in test_evaluator, which knows the layout; the '
            f'config has {types}'
        )
    return ConfigDict(found[0])


def _data_set_of(cfg: Config) -> ConfigDict:
    data_set: Any = cfg.test_dataloader.dataset
    while 'dataset' in data_set:
        data_set = data_set.dataset
    if data_set.get('type') not in _DATASETS:
        raise RunError(
            f'--submission needs a {_DATASETS[0]} in test_dataloader.dataset, which reads photos '
            f'without annotations; the config has {data_set.get("type")}'
        )
    return data_set


def _use_photos(data_set: ConfigDict, images: str | None) -> None:
    for key in _SOURCE_KEYS:
        data_set.pop(key, None)
    data_set.test_mode = True
    if images is None:
        folder = Path(data_set.get('data_root') or '', TEST_SPLIT, 'image')
        fix = 'unpack the test split there, or give the folder of the photos with --test-images'
    else:
        folder, fix = Path(images), 'give the folder that holds the photos themselves'
        data_set.data_root = ''
    if not folder.is_dir():
        raise RunError(f'--submission: {folder}: there is no such folder; {fix}')
    data_set.data_prefix = {'img': str(folder.absolute())}
