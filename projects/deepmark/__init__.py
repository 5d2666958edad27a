# SPDX-License-Identifier: Apache-2.0
"""One-shot clothing detection and fashion-landmark estimation for OpenMMLab.

Importing the package registers every component in scope ``deepmark``; configs do it with
``custom_imports = dict(imports=['deepmark'])``. Only the command ``deepmark`` keeps the import
light: it has to answer where torch or mmcv are broken.
"""

from deepmark.startup import started_as_command
from deepmark.version import __version__

if not started_as_command():
    # Installed, every interpreter has done it; with no more than a PYTHONPATH this is the first.
    from deepmark_standins import finder

    finder.install()
    from deepmark import apis, codecs, datasets, engine, evaluation, models, visualization

__all__ = [
    '__version__',
    'apis',
    'codecs',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'visualization',
]
