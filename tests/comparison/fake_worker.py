# SPDX-License-Identifier: Apache-2.0
"""Stands in for the process of a run: does what the folder's name or a file tells it to.

``behaviour.json`` in the comparison's folder maps a model's name, or ``<model>/seed<k>``, to what
its process does: 'fail', 'hang', 'wait' (until it is ended), 'die'; all others finish at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

job = json.loads(Path(sys.argv[1]).read_text())
folder = Path(job['folder'])
out = folder.parent if job['kind'] == 'time' else folder.parent.parent
with (out / 'calls.txt').open('a') as calls:
    calls.write(f'{job["kind"]} {folder.relative_to(out)}\n')


def write(name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content))


def progress(stage: str, step: int) -> None:
    line = {'stage': stage, 'step': step, 'steps': 4, 'images': 2 * step, 'seconds': 30.0 * step}
    with (folder / 'progress.jsonl').open('a') as file:
        file.write(json.dumps(line) + '\n')


behaviour_file = out / 'behaviour.json'
behaviour = json.loads(behaviour_file.read_text()) if behaviour_file.is_file() else {}
model = folder.parent.name
todo = behaviour.get(f'{model}/{folder.name}', behaviour.get(model, 'finish'))
if job['kind'] == 'probe':
    write('probe.json', {'seconds_per_step': 0.5, 'steps': 20})
elif job['kind'] == 'time':
    timing = {
        'median': 5.0, 'low': 4.0, 'high': 6.0, 'rounds': job.get('timing_rounds', 5),
        'images': 20, 'input_size_wh': [64, 48],
    }  # fmt: skip
    names = [m['name'] for m in job['models']]
    notes = dict.fromkeys(names, 'timed in no time')
    write('timed.json', {'timings': dict.fromkeys(names, timing), 'errors': {}, 'notes': notes})
elif todo == 'fail':
    raise ValueError('the loss is nan\nlower the learning rate')
elif todo == 'die':
    os.kill(os.getpid(), signal.SIGKILL)
elif todo in ('wait', 'hang'):
    (out / 'pid.txt').write_text(str(os.getpid()))
    progress('train', 1)
    time.sleep(60)
else:
    for step in (1, 2, 3, 4):
        progress('train', step)
    trained = {
        'checkpoint': 'iter_4.pth', 'iterations': 4, 'images': 8, 'seconds': 120.0,
        'peak_memory_mib': 100.0 + job.get('seed', 0), 'notes': [],
    }  # fmt: skip
    if 'weights' not in job:
        write('trained.json', trained)
        (folder / 'iter_4.pth').touch()
    metrics = {'deepfashion2/bbox_AP': 0.25 + 0.25 * job.get('seed', 0)}
    write('tested.json', {'metrics': metrics, 'categories': []})
    measured = {'kind': 'boxes', 'parameters': 7, 'flops': 9, 'notes': []}
    Path(job['measured_file']).write_text(json.dumps(measured))
