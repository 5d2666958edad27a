# SPDX-License-Identifier: Apache-2.0
"""One-shot clothing detection and fashion-landmark estimation for OpenMMLab.

Importing the package registers every component in scope ``deepmark``; configs do it with
``custom_imports = dict(imports=['deepmark'])``. Only the doctor, which has to run where torch or
mmcv are broken, keeps the import light.
"""

from deepmark.startup import doctor_requested
from deepmark.version import __version__

if not doctor_requested():
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
