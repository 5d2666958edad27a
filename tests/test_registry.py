# SPDX-License-Identifier: Apache-2.0
"""The registries of scope ``deepmark``."""

from __future__ import annotations

import subprocess
import sys

from mmengine.registry import Registry

from deepmark import registry


def test_a_look_up_in_any_registry_asks_nobody_to_install_another_project() -> None:
    names = [name for name, value in vars(registry).items() if isinstance(value, Registry)]
    assert 'MODELS' in names
    code = (
        'from mmengine.config import Config\n'  # tells mmengine of our scope
        'from deepmark import registry\n'
        f'for name in {names}:\n'
        "    assert getattr(registry, name).get('NoSuchPart') is None\n"
        "assert registry.MODELS.get('DAFENeck').__name__ == 'DAFENeck'\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 'nstall' not in done.stdout.replace('Could not import OneDL', ''), done.stdout
