# SPDX-License-Identifier: Apache-2.0
"""``xtcocotools.cocoeval``: pycocotools' evaluator with own sigmas and the ``use_area`` switch.

What xtcocotools does otherwise than pycocotools, and what is therefore done here:

- ``sigmas`` of the data set instead of COCO's 17;
- ``use_area=False`` (or a truth without ``area``) takes 0.53 w h of the box as the area;
- a truth is ignored when none of its keypoints is labelled, whatever ``num_keypoints`` says;
- a detection whose keypoint scores are all 0 is left out;
- an annotation whose id is 0 can be matched (pycocotools reads 0 as "not matched").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.cocoeval import COCOeval as _COCOeval

BOX_AREA_TO_SEGMENT_AREA = 0.53
"""Mean share of a person's box that the person covers, as xtcocotools has it."""

_IOU_TYPES = ('keypoints', 'bbox', 'segm')


class COCOeval(_COCOeval):
    """COCO evaluator with the constructor of xtcocotools.

    Args:
        cocoGt: Truth, a ``COCO``.
        cocoDt: Result of ``cocoGt.loadRes``.
        iouType: 'keypoints', 'bbox' or 'segm'.
        sigmas: One positive number per keypoint; None for COCO's 17.
        use_area: Use the truths' ``area`` in OKS and for the area ranges.

    Raises:
        ValueError: For the whole-body and crowd types, which only xtcocotools has.
    """

    def __init__(
        self,
        cocoGt: Any = None,
        cocoDt: Any = None,
        iouType: str = 'keypoints',
        sigmas: Sequence[float] | None = None,
        use_area: bool = True,
    ) -> None:
        if iouType not in _IOU_TYPES:
            raise ValueError(
                f'iouType {iouType!r} needs the real xtcocotools; '
                f"deepmark's stand-in has {', '.join(_IOU_TYPES)}"
            )
        super().__init__(cocoGt, cocoDt, iouType)
        self.use_area = use_area
        if iouType == 'keypoints' and sigmas is not None:
            self.params.kpt_oks_sigmas = np.asarray(sigmas, dtype=float)
        self.sigmas = getattr(self.params, 'kpt_oks_sigmas', None)

    def _prepare(self) -> None:
        """Read truths and detections, then replace what xtcocotools reads otherwise."""
        if self.params.iouType == 'keypoints':
            for truth in self.cocoGt.anns.values():
                truth.setdefault('num_keypoints', 0)
        super()._prepare()
        lowest_id = min((t['id'] for ts in self._gts.values() for t in ts), default=1)
        shift = max(0, 1 - lowest_id)
        for key, truths in list(self._gts.items()):
            self._gts[key] = [self._adapted(truth, shift) for truth in truths]
        if self.params.iouType == 'keypoints':
            for key, detections in list(self._dts.items()):
                self._dts[key] = [d for d in detections if _any_positive(d['keypoints'])]

    def _adapted(self, truth: dict[str, Any], id_shift: int) -> dict[str, Any]:
        """Copy of a truth with the area, the ignore flag and the id as they shall be read."""
        adapted = {**truth, 'id': truth['id'] + id_shift}
        if not self.use_area or 'area' not in truth:
            adapted['area'] = truth['bbox'][2] * truth['bbox'][3] * BOX_AREA_TO_SEGMENT_AREA
        if self.params.iouType == 'keypoints':
            labelled = _any_positive(truth['keypoints'])
            adapted['ignore'] = bool(truth.get('iscrowd', 0)) or not labelled
        return adapted


def _any_positive(keypoints: Sequence[float]) -> bool:
    """Tell whether any third number (visibility or score) of x, y, v, x, y, v ... is above 0."""
    return bool(np.any(np.asarray(keypoints[2::3]) > 0))
