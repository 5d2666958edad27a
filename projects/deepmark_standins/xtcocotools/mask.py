# SPDX-License-Identifier: Apache-2.0
"""``xtcocotools.mask``: the run-length masks are pycocotools' own."""

from __future__ import annotations

from pycocotools.mask import area, decode, encode, frPyObjects, iou, merge, toBbox

__all__ = ['area', 'decode', 'encode', 'frPyObjects', 'iou', 'merge', 'toBbox']
