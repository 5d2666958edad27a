# SPDX-License-Identifier: Apache-2.0
"""Browsing a data set: the frame of every annotation, the drawing of targets, the files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from deepmark.analysis.browse_dataset import (
    BrowseOptions,
    DatasetBrowser,
    choose_indices,
    run_browse,
)
from deepmark.analysis.network_sample import InputView, input_views
from deepmark.analysis.target_overlay import draw_targets, targets_of
from deepmark.codecs import CenterKeypointCodec
from deepmark.datasets.garments import GarmentConfig, make_garments
from deepmark.engine.errors import RunError
from deepmark.schema import DEEPFASHION2
from deepmark.visualization.garment_drawing import GarmentSet

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'deepmark_garments_small.py'
# Original -> input: half the size, then 3 to the right and 5 down.
WARP = np.array([[0.5, 0, 3], [0, 0.5, 5]])
RECORD = [
    {'bbox': [10.0, 20, 50, 60], 'bbox_label': 8, 'ignore_flag': 0},
    {'bbox': [0.0, 0, 8, 8], 'bbox_label': 2, 'ignore_flag': 1},
]


def packed_sample(boxes: list[list[float]], **metainfo: Any) -> dict[str, Any]:
    """A red image of 40 x 30 with garments of label 8 whose first landmark is the box's corner."""
    inputs = torch.zeros(3, 30, 40, dtype=torch.uint8)
    inputs[2] = 200  # BGR
    sample = DetDataSample(metainfo={'img_path': 'a.jpg', **metainfo})
    count = len(boxes)
    keypoints = torch.zeros(count, DEEPFASHION2.max_keypoints, 2)
    keypoints[:, 0] = torch.tensor(boxes).reshape(-1, 4)[:, :2]
    visible = torch.zeros(count, DEEPFASHION2.max_keypoints, dtype=torch.uint8)
    visible[:, 0] = 2
    sample.gt_instances = InstanceData(
        bboxes=torch.tensor(boxes).reshape(-1, 4),
        labels=torch.full((count,), 8),
        keypoints=keypoints,
        keypoints_visible=visible,
    )
    return {'inputs': inputs, 'data_samples': sample}


class TestInputViews:
    def test_training_annotations_are_in_input_pixels_already(self) -> None:
        (view,) = input_views(packed_sample([[8.0, 15, 28, 29]], warp_matrix=WARP), RECORD)
        assert view.garments.boxes_xyxy.tolist() == [[8, 15, 28, 29]]
        assert view.garments.keypoints[0, 0].tolist() == [8, 15]
        assert view.image.shape == (30, 40, 3)
        assert view.image[0, 0].tolist() == [200, 0, 0]  # RGB
        assert view.value_range == (0, 200)

    def test_testing_annotations_are_moved_into_the_input(self) -> None:
        packed = packed_sample([[10.0, 20, 50, 60]], warp_matrix=WARP)
        ignored = InstanceData(bboxes=torch.tensor([[0.0, 0, 8, 8]]))
        packed['data_samples'].ignored_instances = ignored
        (view,) = input_views(packed, RECORD)
        assert view.garments.boxes_xyxy.tolist() == [[8, 15, 28, 35]]
        assert view.garments.keypoints[0, 0].tolist() == [8, 15]
        assert view.ignored_xyxy.tolist() == [[3, 5, 7, 9]]

    @pytest.mark.parametrize('in_original', [True, False])
    def test_every_scale_has_its_own_warp(self, in_original: bool) -> None:
        # Scale 2 halves the original without a shift.
        inverses = np.array([[[2.0, 0, -6], [0, 2, -10]], [[2.0, 0, 0], [0, 2, 0]]])
        box = [10.0, 20, 50, 60] if in_original else [8.0, 15, 28, 35]
        packed = packed_sample([box], scale_inverse_warp_matrices=inverses, warp_matrix=WARP)
        packed['inputs'] = [packed['inputs'], torch.zeros(3, 16, 24, dtype=torch.uint8)]
        first, second = input_views(packed, RECORD)
        assert first.garments.boxes_xyxy.tolist() == [[8, 15, 28, 35]]
        assert second.garments.boxes_xyxy.tolist() == [[5, 10, 25, 30]]
        assert second.image.shape == (16, 24, 3)

    def test_mmdet_tells_the_scale_factor_only(self) -> None:
        (view,) = input_views(packed_sample([[10.0, 20, 50, 60]], scale_factor=(0.5, 0.25)), RECORD)
        assert view.garments.boxes_xyxy.tolist() == [[5, 5, 25, 15]]
        (view,) = input_views(packed_sample([[5.0, 5, 25, 15]], scale_factor=(0.5, 0.25)), RECORD)
        assert view.garments.boxes_xyxy.tolist() == [[5, 5, 25, 15]]
        assert view.warp is None

    def test_a_normalised_image_is_stretched_and_a_bright_one_cut(self) -> None:
        packed = packed_sample([])
        packed['inputs'] = torch.tensor([-1.0, 0.0, 1.0]).reshape(3, 1, 1)
        (view,) = input_views(packed, [])
        assert view.image[0, 0].tolist() == [255, 128, 0]
        packed['inputs'] = torch.tensor([-30.0, 100.4, 300.0]).reshape(3, 1, 1)
        (view,) = input_views(packed, [])
        assert view.image[0, 0].tolist() == [255, 100, 0]
        assert view.value_range == (-30, 300)

    def test_a_sample_without_annotations(self) -> None:
        sample = DetDataSample(metainfo={'img_path': 'a.jpg'})
        view: InputView
        (view,) = input_views({'inputs': torch.zeros(3, 4, 4), 'data_samples': sample}, [])
        assert len(view.garments) == len(view.ignored_xyxy) == 0


class TestTargets:
    garments = GarmentSet(
        np.array([[4.0, 4, 28, 28]]),
        np.array([8]),
        keypoints=np.tile([8.0, 20.0], (1, DEEPFASHION2.max_keypoints, 1)),
        visibility=np.eye(1, DEEPFASHION2.max_keypoints, dtype=np.int64),
    )

    def test_colours_lie_on_the_cells_centres(self) -> None:
        codec = CenterKeypointCodec(stride=4, radius='corrected')
        targets = targets_of(self.garments, codec, (32, 32))
        assert targets.center_cell.tolist() == [[4, 4]]
        black = np.zeros((64, 64, 3), np.uint8)
        drawn = draw_targets(black, targets, codec, (32, 32), 'landmarks').astype(int)
        # The landmark is at input (8, 20), the pixels 16.5 40.5 of a picture twice as large.
        color = 0.9 * np.array(DEEPFASHION2.palette[8])
        np.testing.assert_allclose(drawn[40, 16], color, atol=1)
        assert drawn[20, 50].sum() == 0
        drawn = draw_targets(black, targets, codec, (32, 32), 'centers').astype(int)
        assert drawn[32, 32].tolist() == [255, 255, 255]  # the dot on the centre
        np.testing.assert_allclose(drawn[29, 29], color, atol=1)  # cell 4 covers 28.5 .. 36.5
        assert drawn[40, 16].sum() == 0

    def test_no_garments_no_targets(self) -> None:
        codec = CenterKeypointCodec(stride=4)
        empty = GarmentSet(np.zeros((0, 4)), np.zeros(0, np.int64))
        targets = targets_of(empty, codec, (32, 32))
        grey = np.full((32, 32, 3), 90, np.uint8)
        np.testing.assert_array_equal(draw_targets(grey, targets, codec, (32, 32), 'centers'), grey)


class TestChoice:
    def test_a_random_choice_is_sorted_and_repeatable(self) -> None:
        options = BrowseOptions('x', count=5)
        chosen = choose_indices(100, options)
        assert chosen == choose_indices(100, options) == sorted(set(chosen))
        assert len(chosen) == 5
        assert choose_indices(3, options) == [0, 1, 2]

    def test_a_run_and_a_list(self) -> None:
        assert choose_indices(9, BrowseOptions('x', start=7, count=5)) == [7, 8]
        assert choose_indices(9, BrowseOptions('x', indices=[5, 2])) == [5, 2]

    @pytest.mark.parametrize(
        ('options', 'message'),
        [
            (BrowseOptions('x', indices=[9]), r'image 9: the data set has the images 0 \.\. 8'),
            (BrowseOptions('x', indices=[-1]), 'image -1'),
            (BrowseOptions('x', start=12), 'image 12'),
            (BrowseOptions('x', count=0), '--count 0'),
        ],
    )
    def test_bad_choices(self, options: BrowseOptions, message: str) -> None:
        with pytest.raises(RunError, match=message):
            choose_indices(9, options)

    def test_an_empty_data_set(self) -> None:
        with pytest.raises(RunError, match='the data set is empty'):
            choose_indices(0, BrowseOptions('x'))


@pytest.fixture(scope='module')
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('garments')
    for split in ('train', 'validation'):
        make_garments(root, split, 3, GarmentConfig(size=96), workers=0, progress=False)
    return root


def options(garments: Path, out: Path, split: str = 'train', **changes: Any) -> BrowseOptions:
    return BrowseOptions(
        config=str(CONFIG),
        split=split,
        out_dir=str(out),
        cell=128,
        cfg_options={f'{split}_dataloader.dataset.data_root': str(garments)},
        **changes,
    )


class TestRun:
    def test_sheet_and_page(self, garments: Path, tmp_path: Path) -> None:
        wanted = options(garments, tmp_path, original=True, targets='centers', repeat=2)
        sheet, page = run_browse(wanted)
        assert (sheet.name, page.name) == ('sheet_01.png', 'index.html')
        picture = cv2.imread(str(sheet))
        # 2 samples in a row, each of 3 pictures in cells of 128 pixels with gaps.
        assert picture.shape[1] == 2 * (3 * (128 + 8) + 16)
        text = page.read_text()
        assert text.count('<article>') == 6
        assert text.count('data:image/jpeg;base64,') == 18
        assert '000001.jpg' in text
        assert 'RandomCenterCropScale' in text
        assert not re.search(r'(src|href)="(?!data:)', text)  # nothing from elsewhere
        assert '<script' not in text

    def test_the_same_seed_gives_the_same_page(self, garments: Path, tmp_path: Path) -> None:
        first = run_browse(options(garments, tmp_path / 'a', count=2))[-1].read_bytes()
        assert run_browse(options(garments, tmp_path / 'b', count=2))[-1].read_bytes() == first
        other = run_browse(options(garments, tmp_path / 'c', count=2, seed=1))[-1].read_bytes()
        assert other != first

    def test_nothing_is_overwritten_unasked(self, garments: Path, tmp_path: Path) -> None:
        (tmp_path / 'sheet_07.png').write_bytes(b'of an earlier run')
        (tmp_path / 'mine.png').write_bytes(b'')
        run_browse(options(garments, tmp_path, count=1))
        with pytest.raises(FileExistsError):
            run_browse(options(garments, tmp_path, count=1))
        run_browse(options(garments, tmp_path, count=1, overwrite=True))
        left = sorted(path.name for path in tmp_path.iterdir())
        assert left == ['index.html', 'mine.png', 'sheet_01.png']

    @pytest.mark.parametrize(
        ('changes', 'message'),
        [
            ({'split': 'val', 'cfg_options': {'val_dataloader': None}}, 'has no such split'),
            ({'config': 'absent.py'}, 'there is no such config file'),
            (
                {'cfg_options': {'train_dataloader.dataset.data_root': 'absent'}},
                r'train_dataloader\.dataset\.data_root: absent does not exist',
            ),
        ],
    )
    def test_bad_configs(self, changes: dict[str, Any], message: str, tmp_path: Path) -> None:
        arguments = {'config': str(CONFIG), 'out_dir': str(tmp_path), **changes}
        with pytest.raises(RunError, match=message):
            run_browse(BrowseOptions(**arguments))

    def test_mmdet_data_with_boxes_only(self, tmp_path: Path) -> None:
        cv2.imwrite(str(tmp_path / 'a.jpg'), np.full((60, 80, 3), 90, np.uint8))
        box = {'id': 1, 'image_id': 1, 'category_id': 5, 'bbox': [8, 6, 40, 30], 'area': 1200}
        content = {
            'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 80, 'height': 60}],
            'annotations': [{**box, 'iscrowd': 0}],
            'categories': [{'id': 5, 'name': 'hat'}],
        }
        (tmp_path / 'a.json').write_text(json.dumps(content))
        config = tmp_path / 'config.py'
        config.write_text(
            "default_scope = 'mmdet'\n"
            "resize = dict(type='Resize', scale=(160, 120))\n"
            "boxes = dict(type='LoadAnnotations', with_bbox=True)\n"
            "pack = dict(type='PackDetInputs')\n"
            "train_dataloader = dict(dataset=dict(type='RepeatDataset', times=2, dataset=dict(\n"
            f"    type='CocoDataset', data_root={str(tmp_path)!r}, ann_file='a.json',\n"
            "    data_prefix=dict(img=''),\n"
            "    metainfo=dict(classes=('hat',), palette=[(255, 0, 0)]),\n"
            "    pipeline=[dict(type='LoadImageFromFile'), resize, boxes, pack])))\n"
        )
        sheet, page = run_browse(BrowseOptions(str(config), out_dir=str(tmp_path), cell=160))
        assert page.read_text().count('<article>') == 2
        picture = cv2.imread(str(sheet))[..., ::-1].astype(int)
        red = (np.abs(picture - [255, 0, 0]).max(axis=2) < 3).nonzero()
        tile = picture.shape[1] // 2
        columns = red[1][red[1] < tile]
        # The box 8 .. 48 of a photo that is twice as wide in the input.
        assert (columns.min(), columns.max()) == pytest.approx((16, 96), abs=2)
        with pytest.raises(RunError, match=r'--targets: model\.bbox_head'):
            run_browse(
                BrowseOptions(str(config), out_dir=str(tmp_path), targets='centers', overwrite=True)
            )


def test_testing_garments_lie_on_the_network_input(garments: Path) -> None:
    """Of a real test pipeline: moved by the warp's definition, written out by hand."""
    from mmengine.config import Config
    from mmengine.registry import DATASETS, init_default_scope

    cfg = Config.fromfile(str(CONFIG))
    cfg.merge_from_dict({'val_dataloader.dataset.data_root': str(garments)})
    init_default_scope('mmdet')
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    packed = dataset[0]
    (view,) = input_views(packed, packed['data_samples'].instances)
    record = dataset.get_data_info(0)
    zoom = 160 / 96
    expected = [[(v - 48) * zoom + 80 for v in entry['bbox']] for entry in record['instances']]
    np.testing.assert_allclose(view.garments.boxes_xyxy, expected, atol=1e-3)


def test_the_frame_on_the_photo_is_what_the_input_shows(tmp_path: Path) -> None:
    """The input has twice the photo's scale: its 100 x 60 pixels are 50 x 30 of the photo."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((200, 200, 3), 90, np.uint8))
    browser = DatasetBrowser.__new__(DatasetBrowser)
    browser.options, browser.schema = BrowseOptions('x', cell=200), DEEPFASHION2
    none = GarmentSet(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    # Pixel centres: the frame's left edge at -0.5 of the input is at 19.5 of the photo.
    warp = np.array([[2.0, 0, -39.5], [0, 2, -79.5]])
    image = np.zeros((60, 100, 3), np.uint8)
    view = InputView(image, (0.0, 0.0), none, np.zeros((0, 4)), warp)
    data_sample = DetDataSample(metainfo={'img_path': str(tmp_path / 'a.png')})
    drawn = browser._photo(data_sample, [], view).image
    rows, columns = (drawn == 255).all(axis=2).nonzero()
    assert (columns.min(), columns.max()) == pytest.approx((20, 70), abs=1)
    assert (rows.min(), rows.max()) == pytest.approx((40, 70), abs=1)
