# SPDX-License-Identifier: Apache-2.0
"""DAFENeck leaves torch: as an exported program and as ONNX, with equal outputs.

All variants stand in one graph, which is exported once; each has a test of its own. All but one
have the two finest levels only, because the steps of a neck are alike. The sizes of the maps are
fixed and odd, the batch is free.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from deepmark.models.necks.dafe import DAFENeck

WIDTHS = (4, 6, 8, 10)
STRIDES = (4, 8, 16, 32)
EXPORTED_BATCH = 2
BATCHES = (EXPORTED_BATCH, 1, 5)
TOLERANCE = dict(rtol=0.0, atol=1e-5)

CHANNEL_FORMS: tuple[dict[str, Any], ...] = (
    dict(channel_attention='squeeze', gate=None),
    dict(channel_attention='squeeze', gate='sigmoid'),
    dict(channel_attention='affinity'),
    dict(channel_attention=None),
)


def _variants() -> Iterator[dict[str, Any]]:
    for upsampling, form, residual in itertools.product(
        ('deconv', 'bilinear'), CHANNEL_FORMS, (True, False)
    ):
        yield dict(upsampling=upsampling, **form, residual=residual)
    yield dict(spatial_attention=False)
    yield dict(spatial_attention=False, channel_attention=None)
    yield dict(attention_norm_cfg=dict(type='BN'), width=7)
    yield dict(out_channels=None)
    yield dict(strides=STRIDES)


VARIANTS = {
    ' '.join(f'{key}={value}' for key, value in variant.items()): variant for variant in _variants()
}


class Necks(nn.Module):
    """All variants over one pyramid; the finest map of each."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.necks = nn.ModuleList()
        for variant in VARIANTS.values():
            strides = variant.get('strides', STRIDES[:2])
            options = {'out_channels': 5, **variant, 'strides': strides}
            self.necks.append(DAFENeck(WIDTHS[: len(strides)], **options))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(neck(features[: len(neck.strides)])[0] for neck in self.necks)


def pyramid(batch: int, height: int = 33, width: int = 61) -> tuple[Tensor, ...]:
    """Odd at every level: 9 x 16, 5 x 8, 3 x 4, 2 x 2 cells."""
    generator = torch.Generator().manual_seed(batch)
    return tuple(
        torch.randn(batch, channels, -(-height // s), -(-width // s), generator=generator)
        for channels, s in zip(WIDTHS, STRIDES, strict=True)
    )


@pytest.fixture(scope='module')
def necks() -> Necks:
    """With statistics of batches, so that a lost norm shows."""
    module = Necks()
    with torch.no_grad():
        for batch in (3, 4):
            module(pyramid(batch))
    return module.eval()


@pytest.fixture(scope='module')
def program(necks: Necks) -> torch.export.ExportedProgram:
    free = {0: Dim('batch', min=1, max=64)}
    shapes = ((free,) * len(WIDTHS),)
    return torch.export.export(necks, (pyramid(EXPORTED_BATCH),), dynamic_shapes=shapes)


Outputs = dict[int, tuple[Sequence[Tensor], Sequence[Tensor]]]


@pytest.fixture(scope='module')
def exported_outputs(necks: Necks, program: torch.export.ExportedProgram) -> Outputs:
    """For each batch size, what the program gives and what torch gives."""
    module = program.module()
    with torch.no_grad():
        return {b: (module(pyramid(b)), necks(pyramid(b))) for b in BATCHES}


@pytest.fixture(scope='module')
def onnx_outputs(
    necks: Necks,
    program: torch.export.ExportedProgram,
    tmp_path_factory: pytest.TempPathFactory,
) -> Outputs:
    """For each batch size, what onnxruntime gives and what torch gives."""
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxscript')
    runtime = pytest.importorskip('onnxruntime')
    path: Path = tmp_path_factory.mktemp('onnx') / 'necks.onnx'
    torch.onnx.export(program, (), path, verbose=False)
    onnx.checker.check_model(path, full_check=True)
    session = runtime.InferenceSession(path, providers=['CPUExecutionProvider'])
    names = [node.name for node in session.get_inputs()]
    outputs = {}
    for batch in BATCHES:
        features = pyramid(batch)
        arrays = [level.numpy() for level in features]
        found = session.run(None, dict(zip(names, arrays, strict=True)))
        with torch.no_grad():
            outputs[batch] = [torch.from_numpy(array) for array in found], necks(features)
    return outputs


def check(outputs: Outputs, variant: str) -> None:
    index = list(VARIANTS).index(variant)
    for batch in BATCHES:
        found, expected = (maps[index] for maps in outputs[batch])
        assert len(found) == batch
        torch.testing.assert_close(found, expected, **TOLERANCE)


@pytest.mark.parametrize('variant', VARIANTS)
def test_the_exported_program_gives_the_same(exported_outputs: Outputs, variant: str) -> None:
    check(exported_outputs, variant)


@pytest.mark.parametrize('variant', VARIANTS)
def test_onnxruntime_gives_the_same(onnx_outputs: Outputs, variant: str) -> None:
    check(onnx_outputs, variant)


def test_no_two_variants_are_the_same_by_accident(necks: Necks) -> None:
    """Else a test above could compare a variant with another one's output and pass."""
    with torch.no_grad():
        maps = necks(pyramid(EXPORTED_BATCH))
    for one, other in itertools.combinations(maps, 2):
        assert one.shape != other.shape or not torch.allclose(one, other, atol=1e-3)


def test_a_map_of_another_size_is_refused(program: torch.export.ExportedProgram) -> None:
    """Sizes are part of the exported program; the batch is not."""
    with pytest.raises(AssertionError, match=r'features\[0\].size\(\)\[2\] == 9'):
        program.module()(pyramid(EXPORTED_BATCH, height=65))
