# SPDX-License-Identifier: Apache-2.0
"""The model index says what the configs say, and mmengine and mim can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from mmengine.config import Config
from mmengine.infer import BaseInferencer

from deepmark.analysis.family import FamilyError
from deepmark.analysis.model_index import (
    DATA,
    ModelIndexError,
    data_root_of,
    model_index_files,
    write_model_index,
)

ROOT = Path(__file__).resolve().parents[2]
LEAF = '''"""A leaf.

Row: none.
Paper: box AP .9, landmark AP .8
Measured: {measured}

    python tools/train.py leaf.py
"""
'''
BASE = "root = 'data/garments/train'\n"
FACTS = {'Task', 'Dataset', 'Metrics'}


def make_project(folder: Path, **leaves: str) -> Path:
    """A project of leaves on drawn garments; name -> what it measured."""
    (folder / 'configs/_base_').mkdir(parents=True)
    (folder / 'configs/_base_/garments.py').write_text(BASE)
    for name, measured in leaves.items():
        path = folder / 'configs' / f'{name}.py'
        path.write_text(LEAF.format(measured=measured) + "\n_base_ = ['_base_/garments.py']\n")
    return folder


def models_of(project: Path, metafile: str = 'configs/metafile.yml') -> list[dict[str, Any]]:
    models: list[dict[str, Any]] = yaml.safe_load(model_index_files(project)[metafile])['Models']
    return models


@pytest.fixture(scope='module')
def metafiles() -> dict[str, dict[str, Any]]:
    """Path -> content, by way of the index as mim does it."""
    names = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    return {name: yaml.safe_load((ROOT / name).read_text()) for name in names}


def test_the_files_are_those_that_make_model_index_writes() -> None:
    for name, text in model_index_files(ROOT).items():
        assert (ROOT / name).read_text(encoding='utf-8') == text, f'{name}: run `make model-index`'


def test_every_leaf_is_listed_once_and_every_config_exists(
    metafiles: dict[str, dict[str, Any]],
) -> None:
    models = [model for content in metafiles.values() for model in content['Models']]
    configs = ROOT / 'configs'
    leaves = {p for p in configs.rglob('*.py') if '_base_' not in p.parts}
    assert sorted(ROOT / model['Config'] for model in models) == sorted(leaves)
    assert len({model['Name'] for model in models}) == len(models)
    assert set(metafiles) == {p.relative_to(ROOT).as_posix() for p in configs.rglob('metafile.yml')}


def test_collections_name_what_exists(metafiles: dict[str, dict[str, Any]]) -> None:
    for name, content in metafiles.items():
        (collection,) = content['Collections']
        assert (ROOT / collection['README']).is_file(), name
        assert (ROOT / collection['Code']['URL']).is_file(), name
        for model in content['Models']:
            assert model['In Collection'] == collection['Name']
            assert (ROOT / model['Config']).parent == (ROOT / name).parent


def test_results_are_measured_and_no_weights_are_promised(
    metafiles: dict[str, dict[str, Any]],
) -> None:
    models = {m['Name']: m for content in metafiles.values() for m in content['Models']}
    for model in models.values():
        assert 'Weights' not in model
        assert not (model['Metadata']['Measured'].startswith('not') and 'Results' in model)
        assert all(result.keys() == FACTS for result in model.get('Results', []))
    assert models['deepmark_hg104_8xb5']['Metadata']['Parameters'] == 195_200_000
    assert models['deepmark_garments_small']['Results'] == [
        {
            'Task': 'Object Detection',
            'Dataset': 'Drawn garments',
            'Metrics': {'box AP': 0.422},
        },
        {
            'Task': 'Fashion 2D Keypoint',
            'Dataset': 'Drawn garments',
            'Metrics': {
                'landmark AP (visible + occluded)': 0.286,
                'landmark AP (visible)': 0.347,
            },
        },
    ]


def test_the_hosts_list_them() -> None:
    listed = BaseInferencer.list_models('deepmark', 'fld_r50')
    assert {'fld_r50_224', 'fld_r50_dafe_224'} <= set(listed)


@pytest.mark.slow
def test_the_training_data_are_those_of_the_config(metafiles: dict[str, dict[str, Any]]) -> None:
    for model in (model for content in metafiles.values() for model in content['Models']):
        cfg = Config.fromfile(ROOT / model['Config'], import_custom_modules=False)
        dataset = cfg.train_dataloader.dataset
        while 'dataset' in dataset:  # inside a wrapper
            dataset = dataset.dataset
        assert DATA[dataset.data_root] == model['Metadata']['Training Data'], model['Name']


def test_what_was_measured_becomes_results(tmp_path: Path) -> None:
    texts = {
        'a': 'not measured',
        'b': 'box AP .5 and landmark AP 1.000, visible .25',
        'c': 'AP not measured; a step takes 4.7 s',
        'd': 'NE .0079 after 150 iterations',
        'e': 'docs/results.md',
    }
    results = {m['Name']: m.get('Results') for m in models_of(make_project(tmp_path, **texts))}
    boxes = {'Task': 'Object Detection', 'Dataset': 'Drawn garments', 'Metrics': {'box AP': 0.5}}
    landmarks = {'Task': 'Fashion 2D Keypoint', 'Dataset': 'Drawn garments'}
    both = {'landmark AP (visible + occluded)': 1.0, 'landmark AP (visible)': 0.25}
    assert results == {
        'a': None,
        'b': [boxes, {**landmarks, 'Metrics': both}],
        'c': None,
        'd': [{**landmarks, 'Metrics': {'NE': 0.0079}}],
        'e': None,
    }


def test_sizes_come_from_the_page(tmp_path: Path) -> None:
    project = make_project(tmp_path, a='not measured', b='not measured')
    (project / 'docs').mkdir()
    (project / 'docs/family.md').write_text(
        '| config | paper | parameters (M) | GFLOPs |\n|---|---|---|---|\n'
        '| a | .5 \\| .6 | 20.3 | 87.4 |\n'
    )
    first, second = models_of(project)
    assert first['Metadata']['Parameters'] == 20_300_000
    assert first['Metadata']['FLOPs'] == 87_400_000_000
    assert 'FLOPs' not in second['Metadata']
    assert 'a multiply-add counts twice' in model_index_files(project)['configs/metafile.yml']


def test_only_families_with_leaves_are_imported(tmp_path: Path) -> None:
    project = make_project(tmp_path, a='not measured')
    (project / 'configs/dafe').mkdir()
    assert list(model_index_files(project)) == ['model-index.yml', 'configs/metafile.yml']


def test_two_leaves_of_one_name_are_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, a='not measured')
    (project / 'configs/dafe').mkdir()
    (project / 'configs/dafe/a.py').write_text(LEAF.format(measured='-'))
    with pytest.raises(ModelIndexError, match=r'dafe/a\.py and .*configs/a\.py have one name'):
        model_index_files(project)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    project = make_project(tmp_path, a='not measured')
    leaf = project / 'configs/a.py'
    text = leaf.read_text()
    leaf.write_text(LEAF.format(measured='-'))
    with pytest.raises(ModelIndexError, match=r'a\.py: neither it nor its bases name'):
        model_index_files(project)
    leaf.write_text(LEAF.format(measured='-') + "\nroot = 'data/shoes'\n")
    with pytest.raises(ModelIndexError, match=r'a\.py: data/shoes has no name'):
        model_index_files(project)
    leaf.write_text(text.replace('Measured:', ''))
    with pytest.raises(FamilyError, match='"Measured:" is missing'):
        model_index_files(project)
    leaf.write_text(text)
    (project / 'configs/new').mkdir()
    (project / 'configs/new/b.py').touch()
    with pytest.raises(ModelIndexError, match=r'configs/new is the folder of no family'):
        model_index_files(project)


def test_the_leaf_s_own_folder_comes_before_its_bases(tmp_path: Path) -> None:
    project = make_project(tmp_path, a='-')
    leaf = project / 'configs/a.py'
    assert data_root_of(leaf) == 'data/garments'
    leaf.write_text(leaf.read_text() + "root = 'data/fld/test'\n")
    assert data_root_of(leaf) == 'data/fld'
    leaf.write_text("_base_ = 'mmdet::fcos/x.py'\n")
    assert data_root_of(leaf) is None


def test_of_two_bases_the_one_that_it_trains_on(tmp_path: Path) -> None:
    project = make_project(tmp_path, a='-')
    (project / 'configs/_base_/photos.py').write_text("photos = dict(data_root='data/fld')\n")
    leaf = project / 'configs/a.py'
    leaf.write_text(
        "_base_ = ['_base_/garments.py', '_base_/photos.py']\n"
        'train_dataloader = dict(dataset=_base_.photos)\n'
    )
    assert data_root_of(leaf) == 'data/fld'


def test_nothing_is_overwritten_unasked_and_only_changes_are_written(tmp_path: Path) -> None:
    project = make_project(tmp_path, a='not measured')
    metafile = project / 'configs/metafile.yml'
    assert write_model_index(project) == [project / 'model-index.yml', metafile]
    assert write_model_index(project) == []
    metafile.write_text('mine')
    with pytest.raises(FileExistsError, match=r'metafile\.yml would change; give --overwrite'):
        write_model_index(project)
    assert metafile.read_text() == 'mine'
    assert write_model_index(project, overwrite=True) == [metafile]
