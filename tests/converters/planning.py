# SPDX-License-Identifier: Apache-2.0
"""Plan a conversion, with a check that no weight is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepmark.converters import Conversion, plan_conversion, read_target_model, recognise_family

from . import original_layouts as original


def plan(
    shapes: Mapping[str, original.Shape], config: Path, options: Mapping[str, Any] | None = None
) -> Conversion:
    family = recognise_family('a.pth', shapes)
    target = read_target_model(config, options)
    conversion = plan_conversion('a.pth', shapes, family, target)
    require_that_nothing_is_lost(conversion, shapes, target.shapes)
    return conversion


def require_that_nothing_is_lost(
    conversion: Conversion,
    source: Mapping[str, original.Shape],
    model: Mapping[str, original.Shape],
) -> None:
    sources = [pair.source for pair in conversion.carried]
    sources += [left.key for left in conversion.dropped]
    assert sorted(sources) == sorted(source)
    targets = [pair.target for pair in conversion.carried]
    targets += [left.key for left in conversion.initialised]
    assert sorted(targets) == sorted(model)
    assert all(source[pair.source] == model[pair.target] for pair in conversion.carried)


def keys_of(weights: list[Any]) -> set[str]:
    return {left.key for left in weights}
