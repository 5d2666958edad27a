# SPDX-License-Identifier: Apache-2.0
"""What is imported under the name mmcv._ext: covered ops, missing ops, versions."""

from __future__ import annotations

import importlib
import importlib.util

import pytest
import torch
from mmcv.ops import RoIPool, get_compiler_version
from mmcv.utils import ext_loader

from deepmark_standins import mmcv_ext
from deepmark_standins.errors import MissingOpError
from deepmark_standins.finder import is_stand_in

extension = importlib.import_module('mmcv._ext')
if not is_stand_in(extension):
    pytest.skip('mmcv is compiled here', allow_module_level=True)


def test_every_covered_op_is_callable() -> None:
    assert len(mmcv_ext.__all__) == 15
    assert all(callable(getattr(extension, name)) for name in mmcv_ext.__all__)


def test_a_missing_op_is_found_but_names_itself_when_called() -> None:
    loaded = ext_loader.load_ext('_ext', ['nms', 'carafe_forward'])
    with pytest.raises(
        MissingOpError, match=r"'carafe_forward' needs compiled mmcv.*installation\.md"
    ):
        loaded.carafe_forward(torch.zeros(1), kernel_size=5)


def test_a_layer_on_a_missing_op_names_it() -> None:
    with pytest.raises(MissingOpError, match="'roi_pool_forward'"):
        RoIPool(2)(torch.rand(1, 1, 4, 4), torch.tensor([[0.0, 0, 0, 2, 2]]))


def test_dunder_names_are_not_ops() -> None:
    assert not hasattr(extension, '__path__')
    assert not hasattr(extension, '__wrapped__')


def test_mmengine_finds_a_spec() -> None:
    spec = importlib.util.find_spec('mmcv._ext')
    assert spec is not None
    assert extension.__spec__ == spec


def test_the_compiler_is_reported_as_absent() -> None:
    assert 'stand-in of deepmark' in get_compiler_version()
