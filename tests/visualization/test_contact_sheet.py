# SPDX-License-Identifier: Apache-2.0
"""Contact sheets: size, order, what is in which cell."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from deepmark.schema import DEEPFASHION2
from deepmark.visualization.contact_sheet import ContactRow, contact_sheet, write_contact_sheet
from deepmark.visualization.garment_drawing import GarmentSet

COLOR = np.array(DEEPFASHION2.palette[8])


def row(caption: str = '', height: int = 40, width: int = 80) -> ContactRow:
    boxes = np.array([[10.0, 10, 60, 30]])
    truth = GarmentSet(boxes, np.array([8]))
    return ContactRow(np.zeros((height, width, 3), np.uint8), truth, None, caption)


def count_colored(picture: np.ndarray) -> int:
    return int((np.abs(picture.astype(int) - COLOR).max(axis=2) < 12).sum())


def test_truth_is_left_of_prediction() -> None:
    sheet = contact_sheet([row('a')], cell=200)
    half = sheet.shape[1] // 2
    assert count_colored(sheet[:, :half]) > 200
    assert count_colored(sheet[:, half:]) == 0  # there is no prediction


def test_every_row_has_the_same_height_whatever_the_image() -> None:
    one = contact_sheet([row()], cell=100)
    three = contact_sheet([row(), row(height=300, width=20), row(height=1, width=1)], cell=100)
    assert three.shape == (3 * one.shape[0], one.shape[1], 3)


def test_columns_are_filled_with_paper() -> None:
    one = contact_sheet([row()], cell=100)
    sheet = contact_sheet([row(), row(), row()], cell=100, columns=2)
    assert sheet.shape == (2 * one.shape[0], 2 * one.shape[1], 3)
    last = sheet[one.shape[0] :, one.shape[1] :]
    assert (last == last[0, 0]).all()


def test_captions_are_written() -> None:
    assert not np.array_equal(contact_sheet([row('first')]), contact_sheet([row('other')]))


def test_an_empty_sheet_is_refused() -> None:
    with pytest.raises(ValueError, match='at least one image'):
        contact_sheet([])


def test_the_file_is_rgb_and_kept(tmp_path: Path) -> None:
    sheet = np.zeros((4, 4, 3), np.uint8)
    sheet[..., 0] = 255
    path = tmp_path / 'deep' / 'sheet.png'
    write_contact_sheet(path, sheet)
    assert cv2.imread(str(path))[0, 0].tolist() == [0, 0, 255]  # cv2 reads BGR: this is red
    with pytest.raises(FileExistsError, match=r'sheet\.png'):
        write_contact_sheet(path, sheet)
