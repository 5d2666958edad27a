# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for what mmdet and mmpose import compiled: ``mmcv._ext`` and ``xtcocotools``.

Why a package of its own, outside ``deepmark``: ``mmcv.ops`` imports ``mmcv._ext`` in the middle of
``import mmdet.models``, and importing ``deepmark`` imports ``mmdet.models``; a stand-in inside
``deepmark`` would be imported in a circle. Nothing here imports deepmark, mmdet or mmpose.

=====================  ===========================================================================
``finder``             finds the stand-ins when the real ones are missing; standard library only
``config_scope``       no stand-in: lets mmengine's configs inherit ``deepmark::...``
``mmcv_ext``           what is imported under the name ``mmcv._ext``
``nms`` ... ``conv``   the ops that detectors need, forward and backward, on CPU and CUDA
``xtcocotools/``       what is imported under the name ``xtcocotools``, on top of pycocotools
=====================  ===========================================================================

``deepmark_standins.pth`` in site-packages (``setup.py`` puts it there) installs the finder at the
start of every interpreter, so spawned workers and scripts that never heard of deepmark find them.
"""
