# SPDX-License-Identifier: Apache-2.0
"""Start weights from the network: find out early that they cannot be had, and do without.

The hosts' recipes name them by ``init_cfg=dict(type='Pretrained', checkpoint='torchvision://...')``
or ``load_from='https://...'``. Without a network a training would hang until every attempt has
timed out; `unreachable_starts` tells within seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from http import HTTPStatus
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mmengine.config import Config

from deepmark.engine.checkpoint_schemes import URL_SCHEMES, cached_path, location_of
from deepmark.engine.errors import CheckpointError

PRETRAINED = 'Pretrained'
TIMEOUT_SECONDS = 5.0
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)

Reachable = Callable[[str, float], bool]
Node = MutableMapping[str, Any]
# What fine-tuning keeps as it was pre-trained, and what a training from scratch needs.
THAWED = {'frozen_stages': -1, 'norm_eval': False, 'frozen_modules': ()}


def start_from_scratch(cfg: Config) -> list[str]:
    """Take all start weights out of a config, in place.

    Removed are ``load_from``, every ``init_cfg`` of type Pretrained anywhere in the model, and
    the ``checkpoint`` of this package's backbones. What such a module froze because it was
    pre-trained learns: ``frozen_stages``, ``frozen_modules``, ``norm_eval`` and
    ``norm_cfg.requires_grad``. Random layers, or statistics that were never gathered, would
    otherwise stay as they are. ``load_from`` held the weights of all modules, so that without it
    all of them learn.

    Returns:
        The dotted keys that changed.
    """
    changed = []
    whole = bool(cfg.get('load_from'))
    if whole:
        cfg.load_from = None
        changed.append('load_from')
    for key, node in _modules(cfg.get('model'), 'model'):
        taken = [f'{key}.init_cfg'] if _remove_pretrained(node) else []
        if node.get('checkpoint') and str(node.get('type', '')).startswith('deepmark.'):
            node['checkpoint'] = None
            taken.append(f'{key}.checkpoint')
        changed += [*taken, *(_thaw(node, key) if taken or whole else ())]
    return changed


def forget_pretrained(cfg: Config) -> None:
    """Take the Pretrained starts out of a config that resumes, in place.

    The checkpoint holds all weights: mmengine would fetch the start ones only to overwrite them.
    What is frozen stays frozen.
    """
    for _, node in _modules(cfg.get('model'), 'model'):
        _remove_pretrained(node)


def unreachable_starts(
    cfg: Config,
    timeout_seconds: float = TIMEOUT_SECONDS,
    is_reachable: Reachable | None = None,
) -> list[str]:
    """List the remote start checkpoints that are neither in the local cache nor reachable.

    Args:
        cfg: A config; ``load_from`` and every Pretrained ``init_cfg`` of the model count.
        timeout_seconds: For all attempts together, name look-up included.
        is_reachable: Tells of a URL and a number of seconds whether it can be fetched; None asks
            its server for the file's headers, through a proxy where one is set.

    Returns:
        The names as in the config, each once. Local files and names of files are not listed.
    """
    urls: dict[str, str] = {}
    unreachable: list[str] = []
    for name in dict.fromkeys(_start_names(cfg)):
        location = _location_or_none(name)
        if location is None or ('://' in location and not location.startswith(URL_SCHEMES)):
            unreachable.append(name)
        elif location.startswith(URL_SCHEMES) and not cached_path(location).is_file():
            urls[name] = location
    reached = _ask_all(list(urls.values()), timeout_seconds, is_reachable or answers)
    return unreachable + [name for name, url in urls.items() if url not in reached]


def require_reachable_starts(cfg: Config, is_reachable: Reachable | None = None) -> None:
    """Check that a training gets its start weights.

    Raises:
        CheckpointError: It does not; names the checkpoints and both remedies.
    """
    unreachable = unreachable_starts(cfg, is_reachable=is_reachable)
    if not unreachable:
        return
    scratch = 'or train without start weights: --from-scratch (see docs/baselines.md)'
    raise CheckpointError('\n'.join([*map(_advice, unreachable), scratch]))


def answers(url: str, timeout_seconds: float) -> bool:
    """Ask a server for the headers of a file."""
    try:
        with urlopen(Request(url, method='HEAD'), timeout=timeout_seconds):
            return True
    except HTTPError as error:  # an answer: some servers refuse HEAD, but not GET
        return error.code not in GONE and error.code < HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, ValueError):
        return False


def _ask_all(urls: Sequence[str], seconds: float, is_reachable: Reachable) -> set[str]:
    """Those that answer in time, asked at once: a name look-up obeys no timeout of its own."""
    reached: set[str] = set()

    def ask(url: str) -> None:
        if is_reachable(url, seconds):
            reached.add(url)

    threads = [Thread(target=ask, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return set(reached)


def _modules(node: Any, key: str) -> Iterator[tuple[str, Node]]:
    """Every dict below a node with its dotted key, outermost first."""
    if isinstance(node, MutableMapping):
        yield key, node
        for name in list(node):
            yield from _modules(node.get(name), f'{key}.{name}')
    elif isinstance(node, (list, tuple)):
        for index, part in enumerate(node):
            yield from _modules(part, f'{key}.{index}')


def _start_names(cfg: Config) -> Iterator[str]:
    if cfg.get('load_from'):
        yield str(cfg.load_from)
    for _, node in _modules(cfg.get('model'), 'model'):
        if node.get('type') == PRETRAINED and node.get('checkpoint'):
            yield str(node['checkpoint'])


def _is_pretrained(init_cfg: Any) -> bool:
    return isinstance(init_cfg, MutableMapping) and init_cfg.get('type') == PRETRAINED


def _remove_pretrained(node: Node) -> bool:
    """Whether the module's init_cfg was, or held, such a start."""
    init_cfg = node.get('init_cfg')
    if _is_pretrained(init_cfg):
        del node['init_cfg']
        return True
    if not isinstance(init_cfg, (list, tuple)) or not any(map(_is_pretrained, init_cfg)):
        return False
    node['init_cfg'] = [part for part in init_cfg if not _is_pretrained(part)]
    return True


def _thaw(node: Node, key: str) -> list[str]:
    changed = []
    for name, thawed in THAWED.items():
        if node.get(name) not in (None, thawed):
            node[name] = thawed
            changed.append(f'{key}.{name}')
    norm_cfg = node.get('norm_cfg')
    if isinstance(norm_cfg, MutableMapping) and norm_cfg.get('requires_grad') is False:
        norm_cfg['requires_grad'] = True
        changed.append(f'{key}.norm_cfg.requires_grad')
    return changed


def _location_or_none(name: str) -> str | None:
    try:
        return location_of(name)
    except CheckpointError:
        return None


def _advice(name: str) -> str:
    location = _location_or_none(name)
    if location is None:
        return f'{name}: no checkpoint of this name is known to mmengine; correct it in the config'
    if not location.startswith(URL_SCHEMES):
        return f'{name}: this store is not read; copy the file here and name its path instead'
    return (
        f'{name}: the start weights cannot be reached and are not in the cache; download\n'
        f'    {location}\nto {cached_path(location)}'
    )
