# SPDX-License-Identifier: Apache-2.0
"""Stand-in for xtcocotools on top of pycocotools: ``coco``, ``mask`` and ``cocoeval``.

mmpose imports xtcocotools, whose wheels were built for numpy 1 and need a C compiler otherwise.
"""
