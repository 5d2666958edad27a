# SPDX-License-Identifier: Apache-2.0
"""A small benchmark in raw lists: one garment of each clothes type, 100 x 80 photos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 100, 80
BOXES = """3
image_name  x_1  y_1  x_2  y_2
img/a.jpg  010 005 060 075
img/b.jpg  000 000 100 080
img/c.jpg  020 010 070 080
"""
# Upper body; lower body; full body. Codes: 0 visible, 1 occluded, 2 cut off.
FLD_LANDMARKS = """3
image_name  clothes_type  variation_type  landmark_visibility_1  landmark_location_x_1 ...
img/a.jpg  1  1  0 020 010  0 050 011  1 012 030  0 058 031  0 015 070  2 000 000
img/b.jpg  2  4  0 30 5  0 70 6  0 35 79  1 65 78
img/c.jpg  3  2  0 30 12  0 60 13  0 22 40  0 68 41  0 32 42  0 58 43  0 25 79  0 65 78
"""
C_LANDMARKS = """3
image_name  clothes_type  landmark_visibility_1  landmark_location_x_1 ...
img/a.jpg  1  0 020 010  0 050 011  1 012 030  0 058 031  0 015 070  2 000 000  0 0 0  0 0 0
img/b.jpg  2  0 30 5  0 70 6  0 35 79  1 65 78
img/c.jpg  3  0 30 12  0 60 13  0 22 40  0 68 41  0 32 42  0 58 43  0 25 79  0 65 78
"""
PARTITION = """3
image_name  evaluation_status
img/a.jpg  train
img/b.jpg  val
img/c.jpg  test
"""


def write_benchmark(
    root: Path,
    boxes: str = BOXES,
    landmarks: str = FLD_LANDMARKS,
    partition: str = PARTITION,
    images: bool = True,
) -> Path:
    """Write lists and photos below a folder."""
    for folder in ('Anno', 'Eval', 'img'):
        (root / folder).mkdir(parents=True)
    (root / 'Anno/list_bbox.txt').write_text(boxes)
    (root / 'Anno/list_landmarks.txt').write_text(landmarks)
    (root / 'Eval/list_eval_partition.txt').write_text(partition)
    for name in 'abc' if images else '':
        cv2.imwrite(str(root / f'img/{name}.jpg'), np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
    return root
