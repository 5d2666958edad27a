# SPDX-License-Identifier: Apache-2.0
"""Tensors, boxes and arrays become arrays."""

from __future__ import annotations

import numpy as np
import torch
from mmdet.structures.bbox import HorizontalBoxes

from deepmark.as_array import as_array


def test_low_precision_and_gradients_are_no_obstacle() -> None:
    tensor = torch.tensor([0.5, 1.5], dtype=torch.bfloat16, requires_grad=True)
    assert as_array(tensor).dtype == np.float32
    assert as_array(tensor).tolist() == [0.5, 1.5]


def test_integers_stay_integers() -> None:
    assert as_array(torch.tensor([1, 2])).dtype == np.int64


def test_box_structures_give_their_coordinates() -> None:
    boxes = HorizontalBoxes(torch.tensor([[1.0, 2, 3, 4]]))
    assert as_array(boxes).tolist() == [[1, 2, 3, 4]]


def test_arrays_and_lists_pass() -> None:
    array = np.arange(3)
    assert as_array(array) is array
    assert as_array([1, 2]).tolist() == [1, 2]
