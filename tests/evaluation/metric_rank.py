# SPDX-License-Identifier: Apache-2.0
"""One of two ranks that evaluate together (started by metric_samples.py); prints the figures.

With a third argument, the prefix of a result file, it writes that instead of computing figures.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import torch

from deepmark.evaluation import DeepFashion2Metric

if __name__ == '__main__':
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder / "store"}', rank=rank, world_size=2
    )
    prefix = sys.argv[3] if len(sys.argv) > 3 else None
    metric = DeepFashion2Metric(
        collect_dir=str(folder / 'collect'), format_only=prefix is not None, outfile_prefix=prefix
    )
    metric.process(None, pickle.loads((folder / f'samples.{rank}').read_bytes()))
    print(json.dumps(metric.evaluate(12)))
    torch.distributed.destroy_process_group()
