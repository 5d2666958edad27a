# SPDX-License-Identifier: Apache-2.0
"""``xtcocotools.coco``: the annotation reader is pycocotools' own."""

from __future__ import annotations

from pycocotools.coco import COCO

__all__ = ['COCO']
