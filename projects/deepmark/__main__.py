# SPDX-License-Identifier: Apache-2.0
"""``python -m deepmark``: the same as the console script ``deepmark``."""

from __future__ import annotations

import sys

from deepmark.cli import main

sys.exit(main())
