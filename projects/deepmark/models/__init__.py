# SPDX-License-Identifier: Apache-2.0
"""Model parts, registered in scope ``deepmark``."""

from deepmark.models.backbones import *  # noqa: F403
from deepmark.models.detectors import *  # noqa: F403
from deepmark.models.heads import *  # noqa: F403
from deepmark.models.layers import *  # noqa: F403
from deepmark.models.losses import *  # noqa: F403
from deepmark.models.necks import *  # noqa: F403
