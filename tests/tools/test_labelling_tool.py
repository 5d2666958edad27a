# SPDX-License-Identifier: Apache-2.0
"""tools/dataset_converters/labelling.py as a user starts it, up to a data set that trains."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from deepmark.datasets import DeepFashion2Dataset
from deepmark.datasets.garments import GarmentConfig, make_garments
from deepmark.schema import DEEPFASHION2

from .conftest import RunScript
from .toy_runs import TOOLS

TOOL = TOOLS / 'dataset_converters' / 'labelling.py'


@pytest.fixture
def split(tmp_path: Path) -> Path:
    return make_garments(tmp_path, 'train', 3, GarmentConfig(size=96), workers=0, progress=False)


@pytest.mark.parametrize(
    ('tool', 'between', 'reading'),
    [('cvat', 'a.xml', ()), ('label-studio', 'a.json', ('--predictions',))],
)
def test_out_and_back(
    tool: str,
    between: str,
    reading: tuple[str, ...],
    split: Path,
    tmp_path: Path,
    run_script: RunScript,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, out = tmp_path / between, tmp_path / 'labelled.json'
    assert run_script(TOOL, 'export', split, '--tool', tool, '--out', file) == 0
    assert run_script(TOOL, 'import', file, '--tool', tool, '--out', out, *reading) == 0
    assert f'{out}: 3 images, ' in capsys.readouterr().out
    native = DeepFashion2Dataset(data_root=str(tmp_path), split='train')
    labelled = DeepFashion2Dataset(
        data_root=str(tmp_path), ann_file='labelled.json', data_prefix={'img': 'train/image'}
    )
    assert len(labelled) == len(native) == 3
    for index in range(3):
        expected, found = (data.get_data_info(index) for data in (native, labelled))
        assert found['img_id'] == expected['img_id']
        assert len(found['instances']) == len(expected['instances']) > 0
        for one, other in zip(expected['instances'], found['instances'], strict=True):
            assert one['bbox_label'] == other['bbox_label']
            assert one['attributes'] == other['attributes']
            assert one['source'] == other['source']
            np.testing.assert_allclose(one['bbox'], other['bbox'], atol=1e-3)
            seen = one['keypoints'][:, 2] > 0
            np.testing.assert_array_equal(one['keypoints'][:, 2], other['keypoints'][:, 2])
            np.testing.assert_allclose(one['keypoints'][seen], other['keypoints'][seen], atol=1e-3)
    assert run_script(TOOL, 'import', file, '--tool', tool, '--out', out, *reading) == 1
    assert 'exists already' in capsys.readouterr().err


def test_configurations(
    tmp_path: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, interface = tmp_path / 'labels.json', tmp_path / 'interface.xml'
    assert run_script(TOOL, 'config', '--tool', 'cvat', '--out', labels) == 0
    assert len(json.loads(labels.read_text())) == DEEPFASHION2.num_categories + 1
    assert run_script(TOOL, 'config', '--tool', 'label-studio', '--out', interface) == 0
    assert interface.read_text().startswith('<View>')
    assert run_script(TOOL, 'config', '--tool', 'cvat', '--out', labels) == 1
    absent = ('--schema', 'absent.yaml', '--overwrite')
    assert run_script(TOOL, 'config', '--tool', 'cvat', '--out', labels, *absent) == 1
    assert 'absent.yaml' in capsys.readouterr().err


def test_downloads_are_read_as_they_come(
    tmp_path: Path, split: Path, run_script: RunScript, capsys: pytest.CaptureFixture[str]
) -> None:
    xml, archive, out = tmp_path / 'a.xml', tmp_path / 'task.zip', tmp_path / 'out.json'
    assert run_script(TOOL, 'export', split, '--tool', 'cvat', '--out', xml) == 0
    with zipfile.ZipFile(archive, 'w') as file:
        file.write(xml, 'annotations.xml')
        file.writestr('images/000001.jpg', b'')
    assert run_script(TOOL, 'import', archive, '--tool', 'cvat', '--out', out) == 0
    assert len(json.loads(out.read_text())['images']) == 3
    with zipfile.ZipFile(archive, 'a') as file:
        file.writestr('more.json', '{}')
    new = tmp_path / 'new.json'
    assert run_script(TOOL, 'import', archive, '--tool', 'cvat', '--out', new) == 1
    assert 'task.zip: 2 annotation files (annotations.xml, more.json)' in capsys.readouterr().err
    archive.write_bytes(archive.read_bytes()[:100])
    assert run_script(TOOL, 'import', archive, '--tool', 'cvat', '--out', new) == 1
    assert 'not a whole zip file' in capsys.readouterr().err
    xml.write_text(xml.read_text().replace('label="vest', 'label="hat').replace('_', '')[:500])
    assert run_script(TOOL, 'import', xml, '--tool', 'cvat', '--out', new) == 1
    assert 'a.xml: not well-formed XML' in capsys.readouterr().err
    assert not new.exists()
