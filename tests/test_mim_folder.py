# SPDX-License-Identifier: Apache-2.0
"""Configs by ``deepmark::NAME.py`` from any folder, as mmengine and the hosts' tools read them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import mmdet
import pytest
from mmengine.config import Config
from mmengine.hub import get_config

from deepmark_standins.config_scope import ConfigScopeFinder, add_scope, config_file, install

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / 'configs'
MIM = ROOT / 'projects/deepmark/.mim'
FOLDERS = sorted(p.name for p in CONFIGS.iterdir() if p.is_dir() and not p.name.startswith('_'))
# Of every folder the first; the second of dafe/ has mmpose's scope and drawn garments.
NAMES = [
    'deepmark_hg104_8xb37.py',
    'deepmark_garments_small.py',
    'dafe/garments_topdown_dafe.py',
    *(min((CONFIGS / folder).glob('*.py')).relative_to(CONFIGS).as_posix() for folder in FOLDERS),
]


def run(code: str, *options: str, path: str = '', cwd: Path | None = None) -> str:
    """Run code in a new interpreter that has not imported deepmark; return what it prints."""
    done = subprocess.run(
        [sys.executable, *options, '-c', code],
        env={**os.environ, 'PYTHONPATH': path},
        cwd=cwd, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_folder_holds_links_into_this_tree_and_nothing_else() -> None:
    assert {path.name: os.readlink(path) for path in MIM.iterdir()} == {
        name: f'../../../{name}' for name in ('configs', 'tools', 'model-index.yml')
    }
    assert all(path.exists() for path in MIM.iterdir())


def test_a_child_outside_the_repository_equals_one_by_path(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        (tmp_path / f'named{number}.py').write_text(f"_base_ = 'deepmark::{name}'\n")
        (tmp_path / f'by_path{number}.py').write_text(f"_base_ = '{CONFIGS / name}'\n")
    code = (
        'import sys\n'
        'from mmengine.config import Config\n'
        f'for number in range({len(NAMES)}):\n'
        "    named, by_path = (Config.fromfile(f'{stem}{number}.py', import_custom_modules=False)\n"
        "        for stem in ('named', 'by_path'))\n"
        "    print(named.to_dict() == by_path.to_dict(), 'model' in named)\n"
        "print([name for name in ('deepmark', 'torch') if name in sys.modules])\n"
    )
    assert run(code, cwd=tmp_path).splitlines() == ['True True'] * len(NAMES) + ['[]']


def test_a_list_of_bases_and_a_bare_name_of_the_user(tmp_path: Path) -> None:
    (tmp_path / 'more.py').write_text("mine = 'yes'\n")
    child = tmp_path / 'child.py'
    child.write_text(
        "_base_ = ['more.py', 'deepmark::deepmark_dla34_8xb5.py']\n"
        'optim_wrapper = dict(clip_grad=dict(max_norm=_base_.optim_wrapper.optimizer.lr))\n'
        "model = dict(data_preprocessor=dict(_delete_=True, type='DetDataPreprocessor'))\n"
    )
    cfg = Config.fromfile(child)
    assert cfg.mine == 'yes'
    assert cfg.train_dataloader.batch_size == 5
    assert cfg.optim_wrapper.clip_grad.max_norm == cfg.optim_wrapper.optimizer.lr
    # Else mmengine would look 'DetDataPreprocessor' up among our components.
    assert '_scope_' not in cfg.model
    assert cfg.default_scope == 'mmdet'


@pytest.mark.parametrize('name', ['deepmark_dla34_8xb5.py', 'dafe/fld_r50_dafe_224.py'])
def test_the_hub_reads_them(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cfg = get_config(f'deepmark::{name}')
    assert cfg.to_dict() == Config.fromfile(CONFIGS / name).to_dict()
    assert Path(cfg.filename).samefile(CONFIGS / name)


@pytest.mark.slow
def test_a_tool_of_mmdet_reads_them(tmp_path: Path) -> None:
    (tmp_path / 'child.py').write_text("_base_ = 'deepmark::deepmark_garments_small.py'\n")
    tool = Path(mmdet.__file__).parent / '.mim/tools/misc/print_config.py'
    done = subprocess.run(
        [sys.executable, str(tool), 'child.py', '--cfg-options', 'train_cfg.max_epochs=7'],
        cwd=tmp_path, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "type='deepmark.CenterNetKeypointHead'" in done.stdout
    assert 'max_epochs=7' in done.stdout


@pytest.mark.parametrize('name', ['deepmark::no_such.py', 'deepmark::dafe/no_such.py'])
def test_a_wrong_name_is_said_with_the_folder_to_look_into(name: str, tmp_path: Path) -> None:
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = '{name}'\n")
    message = rf'{name}: there is no such config; those of deepmark: .*\.mim/configs'
    with pytest.raises(FileNotFoundError, match=message):
        Config.fromfile(child)
    with pytest.raises(FileNotFoundError, match=message):
        get_config(name)


def test_other_packages_are_found_as_before(tmp_path: Path) -> None:
    child = tmp_path / 'child.py'
    child.write_text("_base_ = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'\n")
    assert Config.fromfile(child).model._scope_ == 'mmdet'
    child.write_text("_base_ = 'nobody::a/b.py'\n")
    with pytest.raises(AssertionError, match='does not support to load nobody'):
        Config.fromfile(child)
    child.write_text("_base_ = 'deepmarked::b.py'\n")
    with pytest.raises(ValueError, match='relative config path'):
        Config.fromfile(child)


def test_it_waits_for_mmengine_and_goes() -> None:
    code = (
        'import sys\n'
        'from deepmark_standins.config_scope import ConfigScopeFinder as finder\n'
        "print(sys.meta_path.count(finder), 'mmengine' in sys.modules)\n"
        'import mmengine.config\n'
        'print(sys.meta_path.count(finder), mmengine.config.config.__spec__.origin)\n'
    )
    before, after = run(code).splitlines()
    assert before == '1 False'
    assert after.startswith('0 ')
    assert after.endswith('mmengine/config/config.py')


def test_it_also_works_when_mmengine_came_first(tmp_path: Path) -> None:
    """Without site there are no .pth files: as with a clone on PYTHONPATH alone."""
    (tmp_path / 'child.py').write_text("_base_ = 'deepmark::deepmark_dla34_8xb5.py'\n")
    code = (
        'import sys, mmengine.config\n'
        "assert 'deepmark_standins' not in sys.modules\n"
        'from deepmark_standins import config_scope\n'
        'config_scope.install()\n'
        "cfg = mmengine.config.Config.fromfile('child.py', import_custom_modules=False)\n"
        'print(cfg.train_dataloader.batch_size)\n'
    )
    path = os.pathsep.join([str(ROOT / 'projects'), sysconfig.get_paths()['purelib']])
    assert run(code, '-S', path=path, cwd=tmp_path) == '5'


@pytest.mark.slow
def test_importing_deepmark_is_enough_with_pythonpath_alone(tmp_path: Path) -> None:
    code = (
        'import deepmark\n'
        'from mmengine.hub import get_config\n'
        "print(get_config('deepmark::deepmark_dla34_8xb5.py').train_dataloader.batch_size)\n"
    )
    path = os.pathsep.join([str(ROOT / 'projects'), sysconfig.get_paths()['purelib']])
    assert run(code, '-S', path=path, cwd=tmp_path).splitlines()[-1] == '5'


def test_a_second_call_changes_nothing() -> None:
    from mmengine.config import config as module

    resolve = module.Config._get_cfg_path
    install()
    add_scope(module)
    assert module.Config._get_cfg_path is resolve
    assert ConfigScopeFinder not in sys.meta_path


def test_an_mmengine_of_other_names_is_left_alone() -> None:
    class Other:
        Config = object

    module = Other()
    add_scope(module)  # type: ignore[arg-type]
    assert module.Config is object


def test_the_path_of_a_config() -> None:
    found = Path(config_file('deepmark::dafe/fld_r50_dafe_224.py'))
    assert found == MIM / 'configs/dafe/fld_r50_dafe_224.py'
