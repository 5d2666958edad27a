# SPDX-License-Identifier: Apache-2.0
"""Lets mmengine read ``deepmark::NAME.py`` from any folder, before anything imports ``deepmark``.

mmengine keeps the packages whose configs can be named so in a list in its code, asks for a folder
in the name, and looks every bare name of an inherited part up in the package's own registry. Ours
are added to the list, lie at the top as well, and name their ``default_scope`` themselves: what
they inherit or leave bare stays mmdet's or mmpose's. So a config that inherits ``deepmark::x.py``
is equal to one that inherits ``x.py`` by its path.

Like ``finder`` this runs at the start of every interpreter: it imports nothing, and acts when
mmengine's config module is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

SCOPE = 'deepmark'
HOOKED = 'mmengine.config.config'
NAMES = 'mmengine.config.utils'
# What mmengine imported by name has to be replaced in each importer that is loaded already.
IMPORTERS = (NAMES, HOOKED, 'mmengine.hub.hub')
SPLITTER = '_get_package_and_cfg_path'


def install() -> None:
    """Wait for mmengine's config module once; if it is loaded already, act at once."""
    loaded = sys.modules.get(HOOKED)
    if loaded is not None and hasattr(loaded, 'Config'):
        add_scope(loaded)
    elif ConfigScopeFinder not in sys.meta_path:
        sys.meta_path.insert(0, ConfigScopeFinder)


class ConfigScopeFinder:
    """Meta path finder that finds nothing itself: it sees when mmengine's config is loaded."""

    @classmethod
    def find_spec(
        cls,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return what the other finders find, for one name; None for every other."""
        if fullname != HOOKED:
            return None
        for finder in sys.meta_path:
            find = None if finder is cls else getattr(finder, 'find_spec', None)
            spec: ModuleSpec | None = find and find(fullname, path, target)
            if spec is not None:
                _call_after_loading(spec)
                return spec
        return None


def add_scope(config_module: ModuleType) -> None:
    """Make ``deepmark::`` a name that mmengine knows; a second call changes nothing.

    Args:
        config_module: ``mmengine.config.config``.
    """
    known: dict[str, str] = getattr(sys.modules.get(NAMES), 'MODULE2PACKAGE', {})
    # Another release may have neither: then mmengine's own message says what it does not know.
    if SCOPE in known or not hasattr(config_module.Config, '_get_cfg_path'):
        return
    known[SCOPE] = SCOPE
    config_module.Config._get_cfg_path = staticmethod(
        _resolving_ours(config_module.Config._get_cfg_path)
    )
    for name in IMPORTERS:
        module = sys.modules.get(name)
        if module is not None and hasattr(module, SPLITTER):
            setattr(module, SPLITTER, _splitting_ours(getattr(module, SPLITTER)))


def config_file(name: str) -> str:
    """Path of a config of this project.

    Args:
        name: Such as 'deepmark::dafe/fld_r50_dafe_224.py'.

    Raises:
        FileNotFoundError: There is no such config, or the package came without its configs.
    """
    from importlib.util import find_spec

    spec = find_spec(SCOPE)
    package = os.path.dirname(spec.origin) if spec is not None and spec.origin else ''
    folder = os.path.join(package, '.mim', 'configs')
    path = os.path.join(folder, *name.partition('::')[2].split('/'))
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{name}: there is no such config; those of {SCOPE}: {folder}')
    return path


def is_ours(name: str) -> bool:
    """Tell whether a config's name starts with ``deepmark::``."""
    return name.startswith(f'{SCOPE}::')


def _resolving_ours(
    original: Callable[[str, str], tuple[str, str | None]],
) -> Callable[[str, str], tuple[str, str | None]]:
    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        return (config_file(cfg_path), None) if is_ours(cfg_path) else original(cfg_path, filename)

    return get_cfg_path


def _splitting_ours(
    original: Callable[[str], tuple[str, str]],
) -> Callable[[str], tuple[str, str]]:
    def get_package_and_cfg_path(cfg_path: str) -> tuple[str, str]:
        if not is_ours(cfg_path):
            return original(cfg_path)
        config_file(cfg_path)  # its error names the folder
        return SCOPE, cfg_path.partition('::')[2]

    return get_package_and_cfg_path


def _call_after_loading(spec: ModuleSpec) -> None:
    loader = spec.loader
    if loader is None or not hasattr(loader, 'exec_module'):
        return
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        if module.__name__ == HOOKED:
            if ConfigScopeFinder in sys.meta_path:
                sys.meta_path.remove(ConfigScopeFinder)
            add_scope(module)

    loader.exec_module = exec_module  # type: ignore[method-assign]
