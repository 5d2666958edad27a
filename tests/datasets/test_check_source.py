# SPDX-License-Identifier: Apache-2.0
"""Each kind of fault is found once, at its place; a healthy set gives no finding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deepmark.datasets import DatasetError
from deepmark.datasets.annotation_build import build_annotations
from deepmark.datasets.annotation_source import AnnotationSource, find_source
from deepmark.datasets.check import CheckReport, check_source
from deepmark.datasets.check.findings import CheckKind, Finding, Findings, Place
from deepmark.datasets.garments import GarmentConfig, make_garments
from deepmark.datasets.problems import Kind
from deepmark.schema import DEEPFASHION2

NAN = float('nan')
ATTRIBUTES = {'scale': 1, 'occlusion': 2, 'zoom_in': 3, 'viewpoint': 1, 'style': 1, 'pair_id': 5}


def check(path: Path, **options: Any) -> CheckReport:
    return check_source(find_source(path), progress=False, **options)


def found(report: CheckReport) -> dict[str, int]:
    return {finding.kind: finding.count for finding in report.findings}


def the_finding(report: CheckReport, kind: CheckKind | Kind) -> Finding:
    (finding,) = (finding for finding in report.findings if finding.kind == kind.name.lower())
    return finding


def picture(path: Path, seed: int, wh: tuple[int, int] = (80, 70)) -> None:
    pixels = np.random.default_rng(seed).integers(0, 255, (wh[1], wh[0], 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), pixels)


def moved(tree: Any, changes: dict[int, tuple[float, float, float]], category: int = 11) -> Any:
    """The healthy landmarks with some of them replaced."""
    landmarks = np.reshape(tree.item(category)['landmarks'], (-1, 3))
    for index, values in changes.items():
        landmarks[index] = values
    return landmarks.ravel().tolist()


@pytest.fixture
def tree(native_tree: Any) -> Any:
    """Three photos with four garments, nothing wrong."""
    native_tree.add('000001', native_tree.item(), native_tree.item(7))
    native_tree.add('000002', native_tree.item(3))
    native_tree.add('000003', native_tree.item(13))
    for number in (1, 2, 3):
        picture(native_tree.images / f'{number:06d}.jpg', seed=number)
    return native_tree


@pytest.fixture
def coco(coco_file: Any) -> Any:
    """Two photos with a garment each, nothing wrong."""
    for number in (1, 2):
        coco_file.add_image(number)
        picture(coco_file.root / 'image' / f'{number:06d}.jpg', seed=number)
        coco_file.add_item(number, source='shop', **ATTRIBUTES)
    return coco_file


def check_coco(coco: Any, **options: Any) -> CheckReport:
    file = coco.root / 'val.json'
    file.write_text(json.dumps(coco.content))
    return check(file, **options)


def test_a_healthy_tree_and_a_healthy_coco_file(tree: Any, coco: Any) -> None:
    for report in (check(tree.root / 'train'), check_coco(coco)):
        assert report.findings == []
        assert report.counts == {'error': 0, 'warning': 0, 'info': 0}
        assert not report.has_errors
    assert check(tree.annos).statistics.num_items == 4


def test_generated_garments_are_healthy(tmp_path: Path) -> None:
    make_garments(tmp_path, 'train', 12, GarmentConfig(size=128), workers=1, progress=False)
    report = check(tmp_path / 'train')
    assert report.findings == []
    assert report.statistics.num_images == 12


ITEM_FAULTS = [
    ({'landmarks': [1.0, 2.0, 2.0] * 36}, Kind.LANDMARK_COUNT, 'error', 'item1.landmarks'),
    ({'category_id': 14}, Kind.UNKNOWN_CATEGORY, 'error', 'item1.category_id'),
    ({'category_name': 'skirt'}, Kind.CATEGORY_NAME, 'error', 'item1.category_name'),
    ({'bounding_box': [10, NAN, 50, 60]}, Kind.NOT_FINITE, 'error', 'item1.bounding_box'),
    ({'bounding_box': ['10', 20, 50, 60]}, Kind.MISSING_KEY, 'error', 'item1.bounding_box'),
    ({'landmarks': ['12', 20, 2] * 37}, Kind.MISSING_KEY, 'error', 'item1.landmarks'),
    (
        {'segmentation': [[10, 20, 50, 20, 50, 60], [1, 2, NAN, 4]]},
        Kind.NOT_FINITE,
        'error',
        'item1.segmentation[1]',
    ),
    ({'bounding_box': [10, 20, 90, 60]}, Kind.BOX_OUTSIDE, 'warning', 'item1.bounding_box'),
    ({'bounding_box': [50, 60, 50, 70]}, Kind.DEGENERATE_BOX, 'warning', 'item1.bounding_box'),
    ({'scale': 0}, CheckKind.ATTRIBUTE_ABSENT, 'warning', 'item1.scale'),
    ({'viewpoint': 4}, CheckKind.ATTRIBUTE_RANGE, 'warning', 'item1.viewpoint'),
    ({'style': 0}, CheckKind.STYLE_ABSENT, 'info', 'item1.style'),
    ({'landmarks': [0.0, 0.0, 0.0] * 37}, CheckKind.NO_LANDMARKS, 'warning', 'item1.landmarks'),
]


@pytest.mark.parametrize(('changes', 'kind', 'severity', 'key'), ITEM_FAULTS)
def test_fault_of_one_garment(
    tree: Any, changes: dict[str, Any], kind: Kind | CheckKind, severity: str, key: str
) -> None:
    tree.edit('000001', **changes)
    report = check(tree.root / 'train')
    assert found(report) == {kind.name.lower(): 1}
    (finding,) = report.findings
    assert (finding.severity, finding.fix) == (severity, kind.fix)
    (place,) = finding.places
    assert (place.file, place.key) == (str(tree.annotation('000001')), key)
    assert report.has_errors == (severity == 'error')


@pytest.mark.parametrize(
    ('changes', 'kind', 'detail'),
    [
        ({2: (0, 0, 2)}, CheckKind.LANDMARK_AT_ORIGIN, '1 of them, the first is landmark 3'),
        # The box 10 20 50 60 grows by a tenth of its 40 pixels: to 6 16 54 64.
        ({4: (54.5, 30, 1)}, CheckKind.LANDMARK_OUTSIDE_BOX, 'landmark 5 at (54.5, 30)'),
        (
            {4: (5, 30, 2), 9: (30, 65, 1), 36: (30, 64.5, 2)},
            CheckKind.LANDMARK_OUTSIDE_BOX,
            '3 of them, the first is landmark 5 at (5, 30); box x1 y1 x2 y2 = 10, 20, 50, 60',
        ),
    ],
)
def test_stray_landmarks(tree: Any, changes: Any, kind: CheckKind, detail: str) -> None:
    tree.edit('000001', landmarks=moved(tree, changes))
    finding = the_finding(check(tree.root / 'train'), kind)
    assert finding.count == 1
    assert detail in finding.places[0].detail
    assert finding.places[0].key == 'item1.landmarks'
    assert finding.note == f'{len(changes)} landmarks in 1 garments'


def test_landmarks_within_the_tolerance_or_not_labelled_are_fine(tree: Any) -> None:
    tree.edit('000001', landmarks=moved(tree, {4: (6, 16, 2), 5: (54, 64, 1), 6: (0, 0, 0)}))
    tree.edit('000002', landmarks=[20, 30, 1] + [0] * 90)
    assert check(tree.root / 'train').findings == []


def test_landmark_outside_the_image(tree: Any) -> None:
    tree.edit('000001', landmarks=moved(tree, {0: (81, 30, 2)}))
    kinds = {'landmark_outside': 1, 'landmark_outside_box': 1}
    assert found(check(tree.root / 'train')) == kinds


def test_missing_partners(tree: Any) -> None:
    tree.add_image('000004')
    tree.annotation('000005').write_text('{}')
    report = check(tree.root / 'train', open_images=False)
    assert found(report) == {'missing_annotation': 1, 'missing_image': 1}
    assert report.has_errors


def test_the_same_garment_twice(tree: Any) -> None:
    twin, shifted = tree.item(), tree.item(bounding_box=[11, 20, 50, 60])
    other_category = tree.item(10, landmarks=tree.item(10)['landmarks'])
    bare = {'landmarks': [0.0] * 111}
    apart = tree.item(bounding_box=[12, 20, 50, 60], **bare)
    again = tree.item(bounding_box=[13, 20, 50, 60], **bare)
    tree.add('000004', tree.item(), twin, shifted, other_category, apart, again)
    tree.add('000005', tree.item(8), tree.item(8))
    for number in (4, 5):
        picture(tree.images / f'{number:06d}.jpg', seed=number)
    finding = the_finding(check(tree.root / 'train'), CheckKind.DUPLICATE_ITEM)
    places = [(place.key, place.detail) for place in finding.places]
    assert places == [
        ('item2', 'same box and landmarks as item1'),
        ('item3', 'same landmarks as item1'),
        ('item2', 'same box and landmarks as item1'),
    ]
    assert finding.places[2].file == str(tree.annotation('000005'))
    assert finding.severity == 'warning'


def test_pair_id_absent_and_image_without_garments(tree: Any) -> None:
    tree.annotation('000003').write_text('{"source": "user", "pair_id": 3}')
    tree.annotation('000002').write_text(
        tree.annotation('000002').read_text().replace('"pair_id": 7', '"pair_id": 0')
    )
    assert found(check(tree.root / 'train')) == {'no_item': 1, 'pair_absent': 1}


def test_attributes_absent_everywhere_are_only_an_info(coco: Any) -> None:
    for annotation in coco.content['annotations']:
        for name in ('scale', 'occlusion', 'zoom_in', 'viewpoint'):
            del annotation[name]
    finding = the_finding(check_coco(coco), CheckKind.ATTRIBUTE_ABSENT)
    assert (finding.severity, finding.count, finding.note) == ('info', 2, '2 of 2 garments')


COCO_FAULTS: list[tuple[Callable[[Any], object], Kind | CheckKind, str]] = [
    (lambda c: c['annotations'][1].update(image_id=9), Kind.UNKNOWN_IMAGE,
     'annotations[1].image_id'),
    (lambda c: c['annotations'][1].update(id=1), Kind.DUPLICATE_ID, 'annotations[1].id'),
    (lambda c: c['images'].append(dict(c['images'][0])), Kind.DUPLICATE_IMAGE, 'images[2]'),
    (lambda c: c['annotations'][1]['keypoints'].__setitem__(2, 2), Kind.FOREIGN_LANDMARK,
     'annotations[1].keypoints'),
    (lambda c: c['categories'][0].update(name='skirt'), Kind.CATEGORY_NAME, 'categories[0].name'),
]  # fmt: skip


@pytest.mark.parametrize(('damage', 'kind', 'key'), COCO_FAULTS)
def test_fault_in_a_coco_file(
    coco: Any, damage: Callable[[Any], object], kind: Kind | CheckKind, key: str
) -> None:
    damage(coco.content)
    finding = the_finding(check_coco(coco), kind)
    assert [(place.file, place.key) for place in finding.places] == [
        (str(coco.root / 'val.json'), key)
    ]


def test_image_files_of_a_coco_file(coco: Any) -> None:
    folder = coco.root / 'image'
    for number in (3, 4, 5, 6, 7):
        coco.add_image(number)
        coco.add_item(number, **ATTRIBUTES)
        picture(folder / f'{number:06d}.jpg', seed=number)
    picture(folder / '000001.jpg', seed=1, wh=(70, 80))
    whole = (folder / '000002.jpg').read_bytes()
    (folder / '000002.jpg').write_bytes(whole[: len(whole) // 2])
    (folder / '000003.jpg').write_bytes(b'')
    (folder / '000004.jpg').write_bytes(b'no picture')
    (folder / '000007.jpg').write_bytes(b'')
    (folder / '000006.jpg').write_bytes((folder / '000005.jpg').read_bytes())
    report = check_coco(coco, workers=2)
    places = {
        finding.kind: [(Path(place.file).name, place.detail) for place in finding.places]
        for finding in report.findings
    }
    unreadable = places.pop('unreadable_image')
    assert unreadable[0] == ('000003.jpg', 'the file is empty')
    assert [name for name, _ in unreadable] == ['000003.jpg', '000004.jpg', '000007.jpg']
    assert places == {
        'image_size': [('000001.jpg', '70 x 80, annotated 80 x 70')],
        'truncated_image': [('000002.jpg', '')],
        'same_photo': [('000006.jpg', 'same bytes as 000005.jpg')],
    }
    assert [f.severity for f in report.findings] == ['error', 'error', 'error', 'warning']
    assert found(check_coco(coco, open_images=False)) == {}


def native_boxes(tree: Any, count: int, as_sizes: int) -> None:
    """Garments with landmarks from (40, 30) to (58, 39); the first boxes written as x y w h."""
    for number in range(1, count + 1):
        item = tree.item(12)
        landmarks = np.reshape(item['landmarks'], (-1, 3)) + np.array([28, 5, 0])
        box = [38, 28, 24, 14] if number <= as_sizes else [38, 28, 62, 42]
        item |= {'landmarks': landmarks.ravel().tolist(), 'bounding_box': box}
        tree.add(f'{number:06d}', item)
        picture(tree.images / f'{number:06d}.jpg', seed=number)


def test_sizes_for_corners_in_most_files_are_an_error(native_tree: Any) -> None:
    native_boxes(native_tree, 5, as_sizes=3)
    report = check(native_tree.root / 'train')
    finding = the_finding(report, CheckKind.BOX_LAYOUT)
    assert (finding.severity, finding.count) == ('error', 3)
    assert finding.note == (
        '60% of the 5 garments that tell the layouts apart look like x y w h; '
        'expected is x1 y1 x2 y2'
    )
    assert finding.places[0].key == 'item1.bounding_box'
    assert finding.places[0].detail == '38, 28, 24, 14 in the file'
    assert report.findings[0] is finding


def test_sizes_for_corners_in_few_files_are_a_warning(native_tree: Any) -> None:
    native_boxes(native_tree, 5, as_sizes=1)
    report = check(native_tree.root / 'train')
    assert the_finding(report, CheckKind.BOX_LAYOUT).severity == 'warning'
    assert found(report) == {'box_layout': 1, 'degenerate_box': 1}
    assert not report.has_errors


def test_corners_for_sizes_in_a_coco_file(coco: Any) -> None:
    """The garment from 40 30 to 70 60 as x y w h = 40 30 70 60 would end at 110 90 of 80 70."""
    for annotation in coco.content['annotations']:
        points = np.reshape(annotation['keypoints'], (-1, 3))
        points[points[:, 2] > 0, :2] = 45, 35
        annotation |= {'keypoints': points.ravel().tolist(), 'bbox': [40, 30, 70, 60]}
    finding = the_finding(check_coco(coco), CheckKind.BOX_LAYOUT)
    assert (finding.severity, finding.count) == ('error', 2)
    assert 'look like x1 y1 x2 y2; expected is x y w h' in finding.note
    assert finding.places[1] == Place(
        str(coco.root / 'val.json'), 'annotations[1].bbox', '40, 30, 70, 60 in the file'
    )


def test_a_set_without_a_usable_garment_is_an_error(tree: Any) -> None:
    for stem in ('000001', '000002', '000003'):
        tree.annotation(stem).write_text('{}')
    report = check(tree.root / 'train')
    assert found(report) == {'nothing_usable': 1, 'no_item': 3}
    assert report.findings[0].severity == 'error'


def test_photos_without_annotations(tree: Any) -> None:
    (tree.images / '000002.jpg').write_bytes(b'')
    source = AnnotationSource(tree.images, None, DEEPFASHION2)
    report = check_source(source, progress=False)
    assert found(report) == {'unreadable_image': 1, 'no_annotations': 2}
    assert (report.layout, report.statistics.num_images) == ('photos', 2)


def test_nothing_to_check_is_refused(native_tree: Any) -> None:
    with pytest.raises(DatasetError, match=r'nothing to check \(looked for .*train/image'):
        check(native_tree.root / 'train')


def test_places_are_listed_up_to_a_limit_and_counted_beyond(tree: Any) -> None:
    for stem in ('000001', '000002', '000003'):
        tree.edit(stem, style=0)
    finding = the_finding(check(tree.root / 'train', listed=2), CheckKind.STYLE_ABSENT)
    assert (finding.count, len(finding.places)) == (3, 2)
    assert finding.note == '3 of 4 garments'


def test_findings_of_one_kind_are_joined_and_ordered_by_severity() -> None:
    findings = Findings(listed=3)
    findings.add(CheckKind.PAIR_ABSENT, 50, [])
    findings.add(CheckKind.ATTRIBUTE_RANGE, 2, [])
    findings.add(CheckKind.NO_LANDMARKS, 1, [Place('a.json')])
    findings.add(CheckKind.DUPLICATE_ITEM, 0, [])
    findings.add(Kind.NOT_FINITE, 1, [Place('b.json')])
    findings.add(CheckKind.NO_LANDMARKS, 3, (Place(f'{n}.json') for n in range(3)))
    kinds = [(finding.kind, finding.count) for finding in findings.ordered()]
    assert kinds == [
        ('not_finite', 1),
        ('no_landmarks', 4),
        ('attribute_range', 2),
        ('pair_absent', 50),
    ]
    assert [place.file for place in findings.ordered()[1].places] == ['a.json', '0.json', '1.json']
    assert findings.counts() == {'error': 1, 'warning': 6, 'info': 50}


@pytest.mark.parametrize(
    ('area', 'kind', 'detail'),
    [(-1.5, Kind.NEGATIVE_AREA, '-1.5'), (1e39, Kind.NOT_FINITE, 'inf')],
)
def test_impossible_area(coco: Any, area: float, kind: Kind, detail: str) -> None:
    coco.content['annotations'][1]['area'] = area
    report = check_coco(coco)
    (place,) = the_finding(report, kind).places
    assert (place.key, place.detail) == ('annotations[1].area', detail)
    assert report.statistics.num_items == 1


def test_a_source_that_cannot_be_written(tree: Any) -> None:
    file = tree.annotation('000001')
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, 'source': '\ud800'}))
    report = check(tree.root / 'train')
    finding = the_finding(report, Kind.MISSING_KEY)
    assert [place.key for place in finding.places] == ['item1.source', 'item2.source']
    assert finding.places[0].detail == r"'\ud800' is no Unicode text"
    assert report.statistics.num_items == 2
    annotations = build_annotations(find_source(tree.root / 'train'), progress=False)
    assert all(name.isascii() for name in annotations.packed.source_names)


def test_photos_of_another_split(tree: Any, coco: Any) -> None:
    photos: dict[bytes, str] = {}
    assert found(check(tree.root / 'train', elsewhere=photos)) == {}
    (coco.root / 'image' / '000002.jpg').write_bytes((tree.images / '000003.jpg').read_bytes())
    picture(coco.root / 'image' / '000001.jpg', seed=9)
    report = check_coco(coco, elsewhere=photos)
    (place,) = the_finding(report, CheckKind.PHOTO_IN_TWO_SPLITS).places
    assert place.file.endswith('coco/image/000002.jpg')
    assert place.detail == f'same bytes as {tree.images / "000003.jpg"}'
    assert not report.has_errors
