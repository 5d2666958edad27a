# SPDX-License-Identifier: Apache-2.0
"""The raw lists of FLD and DeepFashion-C, line by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deepmark.datasets.fashion_lists import find_lists, read_lists
from deepmark.datasets.fashion_lists_writer import write_lists
from deepmark.datasets.fashion_records import FashionRecords
from deepmark.datasets.problems import DatasetError, Problems

from .fashion_examples import BOXES, C_LANDMARKS, FLD_LANDMARKS, PARTITION, write_benchmark


def read(root: Path) -> FashionRecords:
    problems = Problems()
    records = read_lists(find_lists(root), problems).records
    problems.report()
    return records


def findings(root: Path) -> list[str]:
    """File name, line and kind of each problem."""
    problems = Problems('warn')
    read_lists(find_lists(root), problems)
    return [f'{Path(p.file).name} {p.key}: {p.kind.name} {p.detail}' for p in problems.found]


@pytest.mark.parametrize('landmarks', [FLD_LANDMARKS, C_LANDMARKS])
def test_codes_become_cocos_and_slots_follow_the_clothes_type(
    tmp_path: Path, landmarks: str
) -> None:
    records = read(write_benchmark(tmp_path / 'b', landmarks=landmarks))
    assert records.clothes_types.tolist() == [1, 2, 3]
    # Upper: collars, sleeves (one occluded), no waistline, hems (one cut off). In DeepFashion-C's
    # list zeros follow, whose code reads "visible".
    assert records.keypoints[0].tolist() == [
        [20, 10, 2], [50, 11, 2], [12, 30, 1], [58, 31, 2],
        [0, 0, 0], [0, 0, 0], [15, 70, 2], [0, 0, 0],
    ]  # fmt: skip
    assert records.keypoints[1, :, 2].tolist() == [0, 0, 0, 0, 2, 2, 2, 1]
    assert records.keypoints[1, 4:, :2].tolist() == [[30, 5], [70, 6], [35, 79], [65, 78]]
    assert records.keypoints[2, 4].tolist() == [32, 42, 2]


def test_boxes_splits_and_ids(tmp_path: Path) -> None:
    records = read(write_benchmark(tmp_path / 'b'))
    assert records.bboxes.tolist() == [[10, 5, 60, 75], [0, 0, 100, 80], [20, 10, 70, 80]]
    assert records.ids.tolist() == [1, 2, 3]
    assert records.of_split('val').name(0) == 'img/b.jpg'
    assert records.variations.tolist() == [1, 4, 2]


def test_deepfashion_c_has_no_variation_type(tmp_path: Path) -> None:
    records = read(write_benchmark(tmp_path / 'b', landmarks=C_LANDMARKS))
    assert records.variations.tolist() == [0, 0, 0]


def test_lists_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    head, *lines = BOXES.splitlines()[1:]
    boxes = '\n'.join(['3', head, *reversed(lines), ''])
    records = read(write_benchmark(tmp_path / 'b', boxes=boxes))
    assert records.bboxes[0].tolist() == [10, 5, 60, 75]
    assert [records.name(row) for row in range(3)] == ['img/a.jpg', 'img/b.jpg', 'img/c.jpg']


def test_lists_lie_in_anno_coarse_or_in_the_folder_itself(tmp_path: Path) -> None:
    root = write_benchmark(tmp_path / 'b')
    (root / 'Anno').rename(root / 'Anno_coarse')
    (root / 'Eval/list_eval_partition.txt').rename(root / 'list_eval_partition.txt')
    assert len(read(root)) == 3


@pytest.mark.parametrize('landmarks', [FLD_LANDMARKS, C_LANDMARKS])
def test_written_lists_read_back_the_same(tmp_path: Path, landmarks: str) -> None:
    records = read(write_benchmark(tmp_path / 'b', landmarks=landmarks))
    records.keypoints[0, 0, :2] = 20.25, 1 / 3  # not in the benchmarks, kept all the same
    write_lists(tmp_path / 'again', records)
    again = read(tmp_path / 'again')
    for name in records.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(records, name), name)


def test_existing_lists_are_not_replaced_unasked(tmp_path: Path) -> None:
    root = write_benchmark(tmp_path / 'b')
    records = read(root)
    (root / 'Anno/list_landmarks.txt').unlink()
    with pytest.raises(FileExistsError, match='list_bbox'):
        write_lists(root, records)
    assert not (root / 'Anno/list_landmarks.txt').exists()
    write_lists(root, records, overwrite=True)
    assert len(read(root)) == 3


def test_landmarks_outside_the_box_do_not_count_as_visible(tmp_path: Path) -> None:
    records = read(write_benchmark(tmp_path / 'b')).without_landmarks_outside_the_box()
    # Box c is 20 .. 70: all inside but none on x = 70; of a 10 .. 60 all are, too.
    assert records.keypoints[2, :, 2].tolist() == [2] * 8
    records.bboxes[2] = [22, 12, 68, 79]
    cut = records.without_landmarks_outside_the_box()
    # Left edge and top belong to the box, right edge (68) and bottom (79) do not.
    assert cut.keypoints[2, :, 2].tolist() == [2, 2, 2, 0, 2, 2, 0, 2]
    assert cut.keypoints[2, 3, :2].tolist() == [68, 41]


class TestErrors:
    def replace(self, root: Path, text: str, old: str, new: str) -> list[str]:
        assert old in text
        changed = text.replace(old, new)
        arguments = {BOXES: 'boxes', FLD_LANDMARKS: 'landmarks', PARTITION: 'partition'}
        return findings(write_benchmark(root / 'b', **{arguments[text]: changed}))

    def test_columns_of_the_landmark_list(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, FLD_LANDMARKS, '1 65 78', '1 65')
        assert found == [
            'list_landmarks.txt line 4: LIST_COLUMNS 14 columns, expected 15, or 27 with zeros at '
            'the end for 4 landmarks'
        ]

    def test_a_full_body_line_with_too_few(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, FLD_LANDMARKS, 'img/c.jpg  3  2  0 30 12', 'img/c.jpg  3  2')
        assert found == [
            'list_landmarks.txt line 5: LIST_COLUMNS 24 columns, expected 27 for 8 landmarks'
        ]

    def test_landmarks_that_the_type_does_not_have(self, tmp_path: Path) -> None:
        more = '1 65 78' + '  0 5 5' * 4
        found = self.replace(tmp_path, FLD_LANDMARKS, '1 65 78', more)
        assert len(found) == 1
        assert found[0].startswith('list_landmarks.txt line 4: LIST_COLUMNS landmarks behind')

    def test_clothes_type(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, FLD_LANDMARKS, 'img/b.jpg  2', 'img/b.jpg  4')
        assert found == ['list_landmarks.txt line 4: CLOTHES_TYPE 4']

    def test_visibility(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, FLD_LANDMARKS, '1 65 78', '3 65 78')
        assert found[0].startswith('list_landmarks.txt line 4: LIST_COLUMNS visibilities')

    def test_no_number(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, BOXES, '000 000 100', '000 nan 100')
        assert found[0].startswith('list_bbox.txt line 4: LIST_COLUMNS no finite numbers')

    def test_columns_of_the_box_list(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, BOXES, '010 005 060 075', '010 005 060')
        assert found == ['list_bbox.txt line 3: LIST_COLUMNS 4 columns, expected 5']

    def test_image_that_only_the_partition_knows(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, PARTITION, 'img/b.jpg', 'img/z.jpg')
        assert found == [
            'list_eval_partition.txt line 4: UNKNOWN_IMAGE img/z.jpg is not in list_landmarks.txt',
            'list_landmarks.txt line 4: UNKNOWN_IMAGE img/b.jpg is not in list_eval_partition.txt',
        ]

    def test_unknown_partition(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, PARTITION, 'val', 'gallery')
        assert found == ["list_eval_partition.txt line 4: PARTITION 'gallery'"]

    def test_image_listed_twice(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, PARTITION, 'img/c.jpg', 'img/a.jpg')
        assert found[0] == 'list_eval_partition.txt line 5: DUPLICATE_IMAGE img/a.jpg'

    def test_count_in_the_first_line(self, tmp_path: Path) -> None:
        found = self.replace(tmp_path, BOXES, '3\n', '30\n')
        assert found == ['list_bbox.txt line 1: LIST_LENGTH 30, but there are 3']

    def test_lines_without_problems_are_kept(self, tmp_path: Path) -> None:
        landmarks = FLD_LANDMARKS.replace('img/b.jpg  2', 'img/b.jpg  4')
        root = write_benchmark(tmp_path / 'b', landmarks=landmarks)
        records = read_lists(find_lists(root), Problems('warn')).records
        assert records.names.tolist() == [b'img/a.jpg', b'img/c.jpg']
        assert records.ids.tolist() == [1, 3]

    @pytest.mark.parametrize('text', ['', '3\n', 'img/a.jpg 1 2 3 4\nimg/b.jpg 1 2 3 4\n',
                                      '1\nimg/a.jpg 1 2 3 4\n'])  # fmt: skip
    def test_no_head(self, tmp_path: Path, text: str) -> None:
        root = write_benchmark(tmp_path / 'b', boxes=text)
        with pytest.raises(DatasetError, match=r'list_bbox\.txt: line 1 must be the count'):
            read(root)

    def test_missing_list(self, tmp_path: Path) -> None:
        root = write_benchmark(tmp_path / 'b')
        (root / 'Eval/list_eval_partition.txt').unlink()
        with pytest.raises(DatasetError, match=r'no list_eval_partition\.txt \(looked for Anno/'):
            read(root)
