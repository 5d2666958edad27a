# SPDX-License-Identifier: Apache-2.0
"""``deepmark doctor``: versions, what is wrong with the environment, the command that mends it.

``facts`` looks at the environment, ``checks`` are pure functions of the facts, ``report`` prints.
Nothing here imports torch or a host in this process: they may crash.
"""

from __future__ import annotations

from deepmark.doctor.report import run_doctor

__all__ = ['run_doctor']
