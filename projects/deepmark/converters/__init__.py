# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the original code, and of timm, as checkpoints of this package.

One module a key layout (tables of names), one for the heads, one for the model that the weights are
for; :mod:`deepmark.converters.conversion` brings them together and knows no layout.
"""

from deepmark.converters.conversion import Conversion, plan_conversion
from deepmark.converters.convert import ConvertOptions, convert_checkpoint, recognise_family
from deepmark.converters.target_model import TargetModel, read_target_model

__all__ = [
    'Conversion',
    'ConvertOptions',
    'TargetModel',
    'convert_checkpoint',
    'plan_conversion',
    'read_target_model',
    'recognise_family',
]
