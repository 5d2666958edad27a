# SPDX-License-Identifier: Apache-2.0
"""The process group on a machine without an accelerator; the real runs are in tests/tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.device import get_device

from deepmark.engine.cpu_process_group import (
    RANK_VARIABLES,
    adapt_config_to_cpu,
    cpu_process_group,
    exit_process,
    export_rank,
)
from deepmark.engine.errors import RunError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for group in RANK_VARIABLES.values() for name in group]
    for name in (*names, 'MASTER_ADDR', 'MASTER_PORT', 'SLURM_NODELIST'):
        monkeypatch.setenv(name, '')  # so that what the test sets is undone
        monkeypatch.delenv(name)
    # The module by its full name: the package has a function of that name. Other tests run the
    # tools in this process, which must not take it for one that has started a group.
    monkeypatch.setattr(sys.modules[exit_process.__module__], '_groups_started', 0)


def set_rank(monkeypatch: pytest.MonkeyPatch, launcher: str, *values: str) -> None:
    for name, value in zip(RANK_VARIABLES[launcher], values, strict=True):
        monkeypatch.setenv(name, value)


def test_a_single_process_needs_no_group() -> None:
    cfg = Config({'launcher': 'none', 'model': {}})
    with cpu_process_group(cfg) as started:
        assert not started
        assert not torch_dist.is_initialized()
    assert 'model_wrapper_cfg' not in cfg


@pytest.mark.skipif(get_device() != 'cpu', reason='the machine has an accelerator')
def test_a_group_of_one_starts_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    set_rank(monkeypatch, 'mpi', '0', '1', '0')
    monkeypatch.setenv('MASTER_PORT', '0')
    cfg = Config({'launcher': 'mpi', 'model': {}, 'env_cfg': {'dist_cfg': {'timeout': 60}}})
    with cpu_process_group(cfg) as started:
        assert started
        assert torch_dist.get_backend() == 'gloo'
    assert not torch_dist.is_initialized()
    assert cfg.model_wrapper_cfg.device_ids is None


@pytest.mark.parametrize('launcher', ['pytorch', 'slurm', 'mpi'])
def test_a_missing_launcher_is_named(launcher: str) -> None:
    with pytest.raises(RunError, match=rf'--launcher {launcher}: .*{RANK_VARIABLES[launcher][0]}'):
        export_rank(launcher)


def test_slurm_asks_for_the_first_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    set_rank(monkeypatch, 'slurm', '3', '4', '1')
    monkeypatch.setenv('SLURM_NODELIST', 'node[7-8]')
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(RunError, match='set MASTER_ADDR'):
        export_rank('slurm')
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text('#!/bin/sh\n[ "$3" = "node[7-8]" ] && printf "node7\\nnode8\\n"\n')
    scontrol.chmod(0o755)
    export_rank('slurm')
    names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')
    assert [os.environ[name] for name in names] == ['3', '4', '1', 'node7', '29500']


def test_the_wrapper_gets_no_devices_and_the_model_plain_norms() -> None:
    cfg = Config(
        {
            'model': {
                'norm_cfg': {'type': 'SyncBN', 'requires_grad': True},
                'heads': [{'norm': {'type': 'MMSyncBN'}}, {'norm': {'type': 'GN'}}],
            },
            'find_unused_parameters': True,
            'sync_bn': 'torch',
        }
    )
    adapt_config_to_cpu(cfg)
    assert cfg.model_wrapper_cfg == {
        'type': 'MMDistributedDataParallel',
        'broadcast_buffers': False,
        'find_unused_parameters': True,
        'device_ids': None,
    }
    assert cfg.model.norm_cfg.type == 'BN'
    assert [head.norm.type for head in cfg.model.heads] == ['BN', 'GN']
    assert cfg.sync_bn is None


def test_a_wrapper_of_the_config_is_kept() -> None:
    cfg = Config({'model': {}, 'model_wrapper_cfg': {'type': 'X', 'static_graph': True}})
    adapt_config_to_cpu(cfg)
    assert cfg.model_wrapper_cfg == {'type': 'X', 'static_graph': True, 'device_ids': None}


def test_without_a_group_a_process_ends_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as caught:
        exit_process(7)
    assert caught.value.code == 7


AFTER_A_GROUP = """
import atexit, sys, threading
import deepmark.engine.cpu_process_group
cpu_process_group = sys.modules['deepmark.engine.cpu_process_group']
atexit.register(print, 'registered')
threading.Thread(target=threading.Event().wait).start()  # would keep an interpreter from ending
cpu_process_group._groups_started = 1
sys.stdout.write('written ')
cpu_process_group.exit_process(7)
"""


def test_after_a_group_nothing_waits_and_nothing_is_lost() -> None:
    ended = subprocess.run(
        [sys.executable, '-c', AFTER_A_GROUP],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 7
    assert ended.stdout.endswith('written registered\n')
