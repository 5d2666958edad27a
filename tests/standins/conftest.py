# SPDX-License-Identifier: Apache-2.0
"""The device fixture: every op is tested on the CPU, and on CUDA where there is one."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(params=['cpu', pytest.param('cuda', marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    if request.param == 'cuda' and not torch.cuda.is_available():
        pytest.skip('needs a CUDA device')
    return torch.device(request.param)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
