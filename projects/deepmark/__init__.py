# SPDX-License-Identifier: Apache-2.0
"""One-shot clothing detection and fashion-landmark estimation for OpenMMLab.

Importing the package registers every component in scope ``deepmark``; configs do it with
``custom_imports = dict(imports=['deepmark'])``.
"""

from deepmark import codecs, datasets, engine, evaluation, models, visualization
from deepmark.version import __version__

__all__ = [
    '__version__',
    'codecs',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'visualization',
]
