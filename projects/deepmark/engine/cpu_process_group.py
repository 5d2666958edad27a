# SPDX-License-Identifier: Apache-2.0
"""Several processes on a machine without an accelerator.

mmengine's ``init_dist`` calls ``torch.cuda.set_device`` whatever the backend, and wraps the model
with the local rank as its device. When the process group exists already, mmengine takes it as it
is: so the group is started here, with gloo, before the Runner is built, and the config tells the
wrapper that there are no devices. mmengine's own way is left alone when an accelerator is there.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.device import get_device

from deepmark.engine.errors import RunError

DEFAULT_PORT = '29500'
DEFAULT_TIMEOUT_SECONDS = 1800
# The rank's variables as each launcher names them: rank, world size, rank on this machine.
RANK_VARIABLES = {
    'pytorch': ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'),
}
SYNC_BATCH_NORMS = ('SyncBN', 'MMSyncBN')
PR_SET_PDEATHSIG = 1  # linux/prctl.h

_groups_started = 0


@contextmanager
def cpu_process_group(cfg: Config) -> Iterator[bool]:
    """Start the gloo group for a run without an accelerator, and close it at the end.

    Args:
        cfg: The run's config; ``cfg.launcher`` decides, ``model_wrapper_cfg`` and the batch norms
            are adapted in place.

    Yields:
        Whether a group was started.

    Raises:
        RunError: The launcher's environment variables are not there.
    """
    needed = (
        cfg.get('launcher', 'none') != 'none'
        and get_device() == 'cpu'
        and not torch_dist.is_initialized()
    )
    if needed:
        global _groups_started
        _groups_started += 1
        export_rank(cfg.launcher)
        end_with_launcher()
        seconds = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
        torch_dist.init_process_group(
            'gloo', timeout=timedelta(seconds=seconds or DEFAULT_TIMEOUT_SECONDS)
        )
        adapt_config_to_cpu(cfg)
    try:
        yield needed
    finally:
        if needed and torch_dist.is_initialized():
            torch_dist.destroy_process_group()


def export_rank(launcher: str) -> None:
    """Put what the launcher says about this process into torch's environment variables.

    Raises:
        RunError: The process was not started by that launcher.
    """
    names = RANK_VARIABLES[launcher]
    absent = [name for name in names if name not in os.environ]
    if absent:
        raise RunError(
            f'--launcher {launcher}: the environment has no {", ".join(absent)}; start '
            'the run with tools/dist_*.sh, tools/slurm_*.sh or mpirun'
        )
    for torch_name, name in zip(RANK_VARIABLES['pytorch'], names, strict=True):
        os.environ[torch_name] = os.environ[name]
    os.environ.setdefault('MASTER_PORT', DEFAULT_PORT)
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = _first_slurm_host() if launcher == 'slurm' else '127.0.0.1'


def end_with_launcher() -> None:
    """Ask Linux to end this process when its launcher is killed.

    A launcher that dies by SIGKILL cannot stop its workers; they would go on to train and write
    into a work directory that a resumed run uses. Other systems have no such call.
    """
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def exit_process(code: int) -> NoReturn:
    """End a tool's process with an exit code.

    After a gloo group the interpreter is not taken down. 1 of 40 trainings of two processes, all
    work done, died in the teardown by SIGABRT ("terminate called without an active exception"),
    which is what becomes of a C++ thread that asks for the interpreter's lock then: gloo's threads
    live as long as the model's wrapper, presumably it was one of them. The
    launcher takes it for a failed training. multiprocessing leaves its children in the same way.

    Raises:
        SystemExit: there was no group, the interpreter ends as usual.
    """
    if not _groups_started:
        raise SystemExit(code)
    atexit._run_exitfuncs()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def adapt_config_to_cpu(cfg: Config) -> None:
    """Give the distributed wrapper no device ids, and plain batch norms to the model.

    A synchronised batch norm runs on accelerators only.
    """
    wrapper = dict(cfg.get('model_wrapper_cfg') or {})
    if not wrapper:  # what the Runner does without a wrapper config
        wrapper = {
            'type': 'MMDistributedDataParallel',
            'broadcast_buffers': False,
            'find_unused_parameters': cfg.get('find_unused_parameters', False),
        }
    wrapper.setdefault('device_ids', None)
    cfg.model_wrapper_cfg = wrapper
    cfg.sync_bn = None
    _replace_sync_batch_norms(cfg.get('model'))


def _replace_sync_batch_norms(node: Any) -> None:
    if isinstance(node, Mapping):
        if node.get('type') in SYNC_BATCH_NORMS:
            node['type'] = 'BN'  # type: ignore[index]
        for value in node.values():
            _replace_sync_batch_norms(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _replace_sync_batch_norms(value)


def _first_slurm_host() -> str:
    command = ['scontrol', 'show', 'hostnames', os.environ.get('SLURM_NODELIST', '')]
    try:
        hosts = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise RunError(
            f'the first Slurm node cannot be found ({" ".join(command)}: {error}); set MASTER_ADDR'
        ) from error
    if not hosts:
        raise RunError(f'{" ".join(command)} names no node; set MASTER_ADDR')
    return hosts[0]
