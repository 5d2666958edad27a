# SPDX-License-Identifier: Apache-2.0
"""What a configuration is and costs, without training it: size, operations, memory, its family.

Nothing here is registered, so ``import deepmark`` leaves this package out.
"""

from deepmark.analysis.complexity import Complexity, config_complexity, model_complexity
from deepmark.analysis.family import FamilyError, Leaf, parse_leaf

__all__ = [
    'Complexity',
    'FamilyError',
    'Leaf',
    'config_complexity',
    'model_complexity',
    'parse_leaf',
]
