# SPDX-License-Identifier: Apache-2.0
"""tools/check_dataset.py: exit codes, files, and what it leaves alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deepmark.datasets.garments import GarmentConfig, make_garments

TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'check_dataset.py'
Check = Callable[..., int]


def fingerprint(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def check(run_script: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Run the tool in a folder of its own; gives the exit code."""
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    return lambda *arguments: run_script(TOOL, *arguments)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two splits of drawn garments and a test split without annotations."""
    root = tmp_path / 'garments'
    for split, seed in (('train', 1), ('validation', 2), ('test', 3)):
        make_garments(root, split, 3, GarmentConfig(size=96), seed, workers=1, progress=False)
    for path in (root / 'test').glob('annos/*.json'):
        path.unlink()
    (root / 'test' / 'annos').rmdir()
    (root / 'test' / 'garments.json').unlink()
    return root


def break_category(split: Path) -> Path:
    file = split / 'annos' / '000002.json'
    content = json.loads(file.read_text())
    content['item1']['category_id'] = 99
    file.write_text(json.dumps(content))
    return file


def test_all_splits_of_a_healthy_data_set(
    check: Check, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = fingerprint(data)
    assert check(data) == 0
    out = Path('work_dirs') / 'check_dataset' / 'garments'
    assert sorted(str(path.relative_to(out)) for path in out.rglob('*.*')) == [
        f'{split}/{name}'
        for split in ('test', 'train', 'validation')
        for name in ('report.json', 'statistics.png')
    ]
    report = json.loads((out / 'train' / 'report.json').read_text())
    assert report['passed'] is True
    assert report['findings'] == []
    assert report['statistics']['images'] == 3
    assert json.loads((out / 'test' / 'report.json').read_text())['layout'] == 'photos'
    printed = capsys.readouterr().out
    assert printed.count('no errors') == 3
    assert f'written: {out / "train" / "report.json"}' in printed
    assert fingerprint(data) == before


def test_errors_in_one_split_give_exit_code_1(
    check: Check, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = break_category(data / 'validation')
    assert check(data, '--out', 'report') == 1
    assert f'{file}: item1.category_id' in capsys.readouterr().out
    report = json.loads(Path('report/validation/report.json').read_text())
    assert report['counts']['error'] == 1
    assert json.loads(Path('report/train/report.json').read_text())['passed'] is True


def test_warnings_give_exit_code_0(check: Check, data: Path) -> None:
    """The second photo is the first one once more: a warning, seen only when photos are opened."""
    images = data / 'train' / 'image'
    (images / '000002.jpg').write_bytes((images / '000001.jpg').read_bytes())
    assert check(data / 'train', '--out', 'a') == 0
    assert check(data / 'train' / 'annos', '--out', 'b', '--no-open-images') == 0
    kinds = {
        name: [finding['kind'] for finding in json.loads(path.read_text())['findings']]
        for name in ('a', 'b')
        for path in [Path(name, 'report.json')]
    }
    assert kinds == {'a': ['same_photo'], 'b': []}


def test_an_earlier_report_is_kept_unless_asked(
    check: Check, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(data / 'train', '--out', 'report') == 0
    before = fingerprint(Path('report'))
    break_category(data / 'train')
    assert check(data / 'train', '--out', 'report') == 2
    assert '--overwrite' in capsys.readouterr().err
    assert fingerprint(Path('report')) == before
    assert check(data / 'train', '--out', 'report', '--overwrite') == 1
    assert fingerprint(Path('report')) != before


BAD_ARGUMENTS = [
    (['{data}/absent'], 'no such file or folder'),
    (['{data}/..'], 'neither annos nor .json files'),
    (['{data}/train', '--schema', 'absent.yaml'], 'absent.yaml'),
    (['{data}', '--images', 'photos'], '3 splits, which cannot share one image folder'),
    (['{data}/broken.json'], 'broken.json'),
    (['{data}/train', '--workers', '0'], '0 is less than 1'),
    (['{data}/train', '--max-listed', '-1'], '-1 is negative'),
    ([], 'SOURCE'),
]


@pytest.mark.parametrize(('arguments', 'message'), BAD_ARGUMENTS)
def test_bad_arguments_and_nothing_to_read_give_exit_code_2(
    check: Check,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    (data / 'broken.json').write_text('{"images": [')
    assert check(*(argument.format(data=data) for argument in arguments)) == 2
    assert message in capsys.readouterr().err
    assert not Path('work_dirs').exists()


def test_a_folder_with_photos_and_a_coco_file_is_not_taken_for_a_test_split(
    check: Check, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / 'test' / 'val.json').write_text('{}')
    assert check(data / 'test') == 2
    assert 'give the COCO file itself' in capsys.readouterr().err


def test_real_sample(check: Check, sample_folder: Path) -> None:
    """Two real photos in the official COCO layout: no errors, the attributes are not in it."""
    before = fingerprint(sample_folder)
    assert check(sample_folder / 'annotations_coco.json') == 0
    out = Path('work_dirs') / 'check_dataset' / 'annotations_coco'
    report = json.loads((out / 'report.json').read_text())
    assert [(f['kind'], f['severity']) for f in report['findings']] == [
        ('attribute_absent', 'info')
    ]
    assert report['statistics']['items_per_category']['long sleeve dress'] == 2
    assert fingerprint(sample_folder) == before


def test_help_has_an_example(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    assert check('--help') == 0
    assert 'python tools/check_dataset.py data/deepfashion2' in capsys.readouterr().out


def test_a_json_file_in_a_test_split_does_not_stop_the_others(check: Check, data: Path) -> None:
    file = data / 'test' / 'information.json'
    file.write_text('{}')
    (data / 'test' / 'image' / '000001.jpg').write_bytes(
        (data / 'train' / 'image' / '000002.jpg').read_bytes()
    )
    assert check(data) == 0
    out = Path('work_dirs') / 'check_dataset' / 'garments'
    found = {}
    for split in ('train', 'validation', 'test'):
        report = json.loads((out / split / 'report.json').read_text())
        found[split] = {f['kind']: f['places'][0]['file'] for f in report['findings']}
    photos = data / 'test' / 'image'
    assert found['test']['json_not_read'] == str(file)
    # Splits are read in the order of their names, so the photo is found again in train.
    assert found['train'] == {'photo_in_two_splits': str(data / 'train' / 'image' / '000002.jpg')}
    assert found['test']['no_annotations'] == str(photos)
