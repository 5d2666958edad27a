# SPDX-License-Identifier: Apache-2.0
"""Read a checkpoint of another code, convert it, report, and write it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from torch import Tensor

from deepmark.atomic_write import atomic_path, refuse_existing
from deepmark.converters.conversion import Conversion, listing, plan_conversion
from deepmark.converters.dla import CENTERNET_DLA, IMAGENET_DLA
from deepmark.converters.family import Family, Shapes
from deepmark.converters.hourglass import HOURGLASS
from deepmark.converters.report import report_lines, summary_table
from deepmark.converters.target_model import TargetModel, read_target_model
from deepmark.datasets.schema_metainfo import schema_metainfo
from deepmark.engine.checkpoint_file import load_checkpoint_file
from deepmark.engine.checkpoint_match import weights_of
from deepmark.engine.errors import CheckpointError, RunError
from deepmark.version import __version__

FAMILIES = (HOURGLASS, CENTERNET_DLA, IMAGENET_DLA)


@dataclass(frozen=True)
class ConvertOptions:
    """What to convert.

    Attributes:
        source: checkpoint of CenterNet, or DLA weights in timm's layout.
        target: file to write.
        config_folder: where the config of a family lies, if none is named.
        config: config of the model that the weights are for.
        cfg_options: config entries to replace, dotted keys.
        overwrite: replace an existing target.
    """

    source: Path
    target: Path
    config_folder: Path
    config: Path | None = None
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    overwrite: bool = False


class Source(NamedTuple):
    """What a file holds.

    Attributes:
        weights: by name, float32 but for counters.
        remarks: what was done with the rest, and with other number types.
    """

    weights: dict[str, Tensor]
    remarks: list[str]


def convert_checkpoint(options: ConvertOptions) -> Conversion:
    """Convert a file and print what became of every weight.

    The target holds ``state_dict`` (only what was carried over, so that the rest keeps the model's
    own initial values) and ``meta``.

    Raises:
        CheckpointError: the source cannot be read, has an unknown layout or does not fit.
        RunError: the config cannot be used, or source and target are one file.
        FileExistsError: the target exists; nothing has been read.
    """
    source, target = options.source, options.target
    if target.is_dir() or target.resolve() == source.resolve():
        raise RunError(f'{target}: the result needs a file of its own, other than {source}')
    refuse_existing(target, options.overwrite)
    weights, remarks = read_source(source)
    shapes = {key: tuple(value.shape) for key, value in weights.items()}
    family = recognise_family(str(source), shapes)
    config = options.config or options.config_folder / family.config
    model = read_target_model(config, options.cfg_options)
    conversion = plan_conversion(str(source), shapes, family, model)
    if conversion.kind.remark:
        remarks.append(conversion.kind.remark)
    state_dict = {name: weights[key] for key, name in conversion.carried}
    state_dict |= {key: torch.zeros(model.shapes[key]) for key in conversion.idle}
    checkpoint = {'state_dict': state_dict, 'meta': describe(conversion, source, model, remarks)}
    with atomic_path(target, options.overwrite) as temporary:
        torch.save(checkpoint, temporary)
    show(conversion, options, remarks)
    return conversion


def read_source(path: Path) -> Source:
    """Read a file of ``torch.save`` or safetensors; ``module.`` before the keys is cut off.

    Floating-point weights of other types become float32, as the model's are.

    Raises:
        CheckpointError: the file cannot be read, or holds something else than tensors by name,
            alone or under ``state_dict``.
    """
    if path.suffix == '.safetensors':
        checkpoint: Mapping[str, Any] = _read_safetensors(path)
    else:
        checkpoint = load_checkpoint_file(path, 'cpu')
    stored = checkpoint.get('state_dict', checkpoint)
    entries = stored.items() if isinstance(stored, Mapping) else [('state_dict', stored)]
    others = [
        f'{key!r}: {type(value).__name__}'
        for key, value in entries
        if not (isinstance(key, str) and isinstance(value, Tensor))
    ]
    if others or not entries:
        raise CheckpointError(
            f'{path}: expected tensors by name, alone or under the key state_dict, but has\n'
            f'{listing(others or ["nothing"])}'
        )
    weights = weights_of(checkpoint)
    if len(weights) < len(entries):
        raise CheckpointError(f'{path}: has keys twice, with and without the prefix module.')
    remarks = []
    for dtype, count in Counter(value.dtype for value in weights.values()).items():
        if dtype.is_floating_point and dtype != torch.float32:
            remarks.append(f'{count} weights are {dtype} in the source: written as float32')
    weights = {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
    around = [] if stored is checkpoint else [key for key in checkpoint if key != 'state_dict']
    if around:
        remarks.append(f'left out, since they are no weights: {", ".join(around)}')
    return Source(weights, remarks)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise RunError(f'{path}: to read it, pip install safetensors') from error
    if not path.is_file():
        raise CheckpointError(f'{path}: there is no such checkpoint file')
    try:
        weights: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f'{path}: cannot be read as safetensors: {error}') from error
    return weights


def recognise_family(source: str, shapes: Shapes) -> Family:
    """Tell the layout by its mark.

    Raises:
        CheckpointError: no known layout; shows the first keys.
    """
    for family in FAMILIES:
        if family.mark in shapes:
            return family
    converted = any(key.startswith(('backbone.', 'bbox_head.')) for key in shapes)
    hint = ' (one of mmdet or of this package needs no conversion)' if converted else ''
    first = [f'{key} {shape}' for key, shape in shapes.items()]
    known = '\n'.join(f'  {family.name}: has {family.mark}' for family in FAMILIES)
    raise CheckpointError(
        f'{source} is a checkpoint of no known layout{hint}. Its keys are\n{listing(first)}\n'
        f'Known are\n{known}'
    )


def describe(
    conversion: Conversion, source: Path, model: TargetModel, remarks: Sequence[str]
) -> dict[str, Any]:
    """What a checkpoint says about itself, plain values only.

    A complete one also has ``dataset_meta``, as one that this package has trained.
    """
    meta: dict[str, Any] = {
        'conversion': {
            'source': source.name,
            'source_sha256': sha256_of(source),
            'family': conversion.family.name,
            'heads': conversion.heads,
            'config': Path(model.name).name,
            'schema': model.schema.name,
            'deepmark_version': __version__,
            'remarks': list(remarks),
            'carried': len(conversion.carried),
            'dropped': {left.key: left.reason for left in conversion.dropped},
            'initialised': {left.key: left.reason for left in conversion.initialised},
        }
    }
    if conversion.complete:
        meta['dataset_meta'] = schema_metainfo(model.schema)
    return meta


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def show(conversion: Conversion, options: ConvertOptions, remarks: Sequence[str]) -> None:
    """Print the report."""
    for line in report_lines(conversion):
        print(line)
    Console().print(summary_table(conversion))
    for remark in remarks:
        print(remark)
    kind = 'a whole model' if conversion.complete else 'a start for training (load_from)'
    print(f'{options.source} -> {options.target}: {kind}')
