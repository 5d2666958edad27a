# SPDX-License-Identifier: Apache-2.0
"""DeepMark at 128 x 128 on the garment benchmark: EfficientNet-Lite0, for a CPU.

What the benchmark's ablations inherit and its baselines stand beside: docs/results.md. The data are
drawn by `python tools/compare.py ... --data garments`.

Row: none: the garment benchmark's own.
Paper: -
Measured: docs/results.md

    python tools/compare.py configs/deepmark_garments_128.py --data garments --epochs 3
"""

_base_ = [
    '_base_/default_runtime.py',
    '_base_/garments_pipelines.py',
    '_base_/small_network.py',
    '_base_/schedule_small.py',
]

pipelines = _base_.garments_pipelines.px128
tta_pipeline = pipelines.tta
loader = dict(batch_size=8, num_workers=1)
data_root = 'data/garments_benchmark'
train_dataloader = dict(**loader, dataset=dict(data_root=data_root, pipeline=pipelines.train))
val_dataloader = dict(**loader, dataset=dict(data_root=data_root, pipeline=pipelines.test))
test_dataloader = val_dataloader
small_epochs = 3
train_cfg = dict(max_epochs=small_epochs, val_interval=small_epochs)
param_scheduler = [
    _base_.param_scheduler[0],
    {**_base_.param_scheduler[1], 'end': small_epochs},
]
