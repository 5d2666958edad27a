# SPDX-License-Identifier: Apache-2.0
"""Reads schema files: which keys there are, what each of them holds, and clear errors.

``schemas/deepfashion2.yaml`` shows every key. Nothing here knows the classes of
:mod:`deepmark.schema`; it turns the reasons given here (ValueError) into its SchemaError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from deepmark.schema_notation import (
    complete_groups,
    is_list,
    parse_chains,
    parse_color,
    parse_groups,
    parse_pairs,
    parse_sigmas,
    parse_text,
    parse_texts,
    parse_whole,
)

_SCHEMA_KEYS = ('name', 'categories')

# key of a category -> (argument of Category, how its value is read); the first four are required
_CATEGORY_KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    'id': ('category_id', parse_whole),
    'name': ('name', parse_text),
    'num_keypoints': ('num_keypoints', parse_whole),
    'sigmas': ('sigmas', parse_sigmas),
    'aliases': ('aliases', parse_texts),
    'flip_pairs': ('flip_pairs', parse_pairs),
    'skeleton': ('skeleton', parse_chains),
    'color': ('color', parse_color),
    'keypoint_names': ('keypoint_names', partial(parse_texts, what='landmark')),
    'keypoint_groups': ('keypoint_groups', parse_groups),
}
_REQUIRED = tuple(_CATEGORY_KEYS)[:4]
_HINTS = {
    'sigmas': '; give one number for all landmarks (sigmas: 0.05), or a list with one for each',
    'num_keypoints': '; give how many landmarks the category has',
}
_MOST_ALIKE = 10_000


def read_schema_file(path: Path) -> Any:
    """Content of a .json file, or of a YAML file of any other suffix.

    Raises:
        ValueError: naming the file.
    """
    try:
        text = path.read_text(encoding='utf-8-sig')
    except OSError as error:
        raise ValueError(f'schema file {path} cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f'schema file {path} is not UTF-8 text: {error.reason} at byte {error.start}; '
            'save it as UTF-8'
        ) from error
    try:
        return json.loads(text) if path.suffix == '.json' else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise ValueError(f'schema file {path} does not parse: {error}') from error


def parse_schema(data: object) -> tuple[str, list[dict[str, Any]]]:
    """The schema's name and, for each category, the arguments of ``Category``.

    Raises:
        ValueError: naming the category, the key and, where there is one, the landmark.
    """
    categories = data.get('categories') if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not is_list(categories):
        raise ValueError("needs a list under the key 'categories'")
    _refuse_unknown(data, _SCHEMA_KEYS)
    try:
        name = parse_text(data.get('name', 'unnamed'))
    except ValueError as error:
        raise ValueError(f'name: {error}') from error
    return name, [_parse_category(entry, n) for n, entry in enumerate(categories, 1)]


def _parse_category(entry: object, number: int) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise ValueError(f'category number {number} is {entry!r}, not a mapping')
    title = f"category {entry.get('id', number)} '{entry.get('name', '')}': "
    _refuse_unknown(entry, tuple(_CATEGORY_KEYS), title)
    for key in _REQUIRED:
        if key not in entry:
            raise ValueError(f"{title}the key '{key}' is missing{_HINTS.get(key, '')}")
    arguments: dict[str, Any] = {'flip_pairs': (), 'skeleton': ()}
    for key, value in entry.items():
        argument, parse = _CATEGORY_KEYS[key]
        try:
            arguments[argument] = parse(value)
        except ValueError as error:
            raise ValueError(f'{title}{key}: {error}') from error
    if isinstance(arguments['sigmas'], float):
        if arguments['num_keypoints'] > _MOST_ALIKE:
            raise ValueError(f'{title}num_keypoints: {arguments["num_keypoints"]} is too many')
        arguments['sigmas'] = (arguments['sigmas'],) * arguments['num_keypoints']
    # As many as there are sigmas, so that a slip in num_keypoints does not make a million names.
    count = len(arguments['sigmas'])
    arguments.setdefault('keypoint_names', tuple(map(str, range(1, count + 1))))
    # Where the two counts differ, Category says so; groups of either would hide it.
    fits = count == arguments['num_keypoints']
    groups = arguments.get('keypoint_groups', {}) if fits else {}
    try:
        arguments['keypoint_groups'] = complete_groups(groups, arguments['flip_pairs'], count)
    except ValueError as error:
        raise ValueError(f'{title}keypoint_groups: {error}') from error
    return arguments


def _refuse_unknown(mapping: Mapping[Any, Any], known: tuple[str, ...], title: str = '') -> None:
    unknown = sorted(str(key) for key in mapping if key not in known)
    if unknown:
        raise ValueError(
            f'{title}unknown key(s) {", ".join(unknown)}; there are {", ".join(known)}'
        )
