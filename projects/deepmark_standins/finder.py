# SPDX-License-Identifier: Apache-2.0
"""Finds the stand-ins when the real modules are missing.

The finder goes to the *end* of ``sys.meta_path``: a compiled ``mmcv._ext`` or a real
``xtcocotools`` is found by Python's own finders first and wins. This module runs at the start of
every interpreter, so it imports only what Python has loaded by then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from deepmark_standins import config_scope

_FOLDER = os.path.dirname(os.path.abspath(__file__))

STAND_INS = {
    'mmcv._ext': os.path.join(_FOLDER, 'mmcv_ext.py'),
    'xtcocotools': os.path.join(_FOLDER, 'xtcocotools', '__init__.py'),
}
"""Name of the missing module -> file that stands in for it."""


class StandInFinder:
    """Meta path finder for exactly the names in :data:`STAND_INS`."""

    @classmethod
    def find_spec(
        cls,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the stand-in's spec, or None for every other name."""
        file = STAND_INS.get(fullname)
        if file is None:
            return None
        from importlib.util import spec_from_file_location  # not at interpreter start

        # A package's __init__.py needs its search path, a plain module must not have one.
        is_package = os.path.basename(file) == '__init__.py'
        locations = [os.path.dirname(file)] if is_package else None
        return spec_from_file_location(fullname, file, submodule_search_locations=locations)


def install() -> None:
    """Append the finder to ``sys.meta_path`` once, and let configs inherit ``deepmark::...``."""
    if StandInFinder not in sys.meta_path:
        sys.meta_path.append(StandInFinder)
    config_scope.install()


def is_stand_in(module: ModuleType) -> bool:
    """Tell whether an imported ``mmcv._ext`` or ``xtcocotools`` is ours."""
    file = getattr(module, '__file__', None) or ''
    return os.path.abspath(file).startswith(_FOLDER + os.sep)
