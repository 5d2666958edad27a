# SPDX-License-Identifier: Apache-2.0
"""The labels of a CVAT project: a skeleton a category, and a rectangle for boxes.

CVAT takes them as JSON: *Raw* in the constructor of a task or project, or ``labels`` of its API.
Facts about the format: docs.cvat.ai (annotation with skeletons; XML annotation format). The
drawing of a skeleton has the node numbers of its edges and the names of its sublabels in attributes
of its SVG elements.

How an annotator works with them is in docs/data.md.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from deepmark.datasets.records import ATTRIBUTES
from deepmark.labelling.garment_facts import FLAG, TEXT, level_texts
from deepmark.labelling.mistakes import LabellingError
from deepmark.labelling.skeleton_layout import skeleton_layout
from deepmark.schema import LandmarkSchema

BOX_LABEL = 'box'
BOX_CATEGORY = 'category'
OF_ITS_SKELETON = 'that of its skeleton'
_BOX_COLOR = '#ffffff'
_MARGIN = 8  # of the drawing, in hundredths of its side


def cvat_labels(schema: LandmarkSchema) -> list[dict[str, Any]]:
    """What CVAT's raw label editor takes.

    Raises:
        LabellingError: the schema has a category called 'box'.
    """
    if BOX_LABEL in schema.class_names:
        raise LabellingError(
            f"schema '{schema.name}': a category is called '{BOX_LABEL}', which is the label of "
            'the rectangles. Fix: rename the category'
        )
    skeletons = [_skeleton(schema, label) for label in range(schema.num_categories)]
    choices = [OF_ITS_SKELETON, *schema.class_names]
    category = _attribute(BOX_CATEGORY, 'select', OF_ITS_SKELETON, choices)
    box = {
        'name': BOX_LABEL,
        'color': _BOX_COLOR,
        'type': 'rectangle',
        'attributes': [category, *_attributes()],
    }
    return [*skeletons, box]


def _skeleton(schema: LandmarkSchema, label: int) -> dict[str, Any]:
    category = schema.categories[label]
    color = '#{:02x}{:02x}{:02x}'.format(*category.color)
    return {
        'name': category.name,
        'color': color,
        'type': 'skeleton',
        'attributes': _attributes(),
        'sublabels': [
            {'name': name, 'color': color, 'type': 'points', 'attributes': []}
            for name in category.keypoint_names
        ],
        'svg': _svg(schema, label),
    }


def _svg(schema: LandmarkSchema, label: int) -> str:
    """The drawing: edges, then nodes, in a square of side 100."""
    layout = _MARGIN + (100 - 2 * _MARGIN) * skeleton_layout(schema, label)
    spots = np.round(layout, 2).tolist()
    edges = [
        f'<line x1="{spots[a][0]:g}" y1="{spots[a][1]:g}" x2="{spots[b][0]:g}" '
        f'y2="{spots[b][1]:g}" stroke="black" stroke-width="0.5" data-type="edge" '
        f'data-node-from="{a + 1}" data-node-to="{b + 1}"></line>'
        for a, b in schema.skeleton(label)
    ]
    nodes = [
        f'<circle r="0.75" cx="{x:g}" cy="{y:g}" stroke="black" stroke-width="0.1" fill="#b3b3b3" '
        f'data-type="element node" data-element-id="{node}" data-node-id="{node}" '
        f'data-label-name={quoteattr(name)}></circle>'
        for node, (name, (x, y)) in enumerate(
            zip(schema.categories[label].keypoint_names, spots, strict=True), 1
        )
    ]
    return ''.join([*edges, *nodes])


def _attributes() -> list[dict[str, Any]]:
    """One entry for each of :class:`GarmentFacts`' names."""
    attributes = []
    for name in ATTRIBUTES:
        levels = level_texts(name)
        if levels:
            attributes.append(_attribute(name, 'select', levels[0], list(levels)))
        else:
            attributes.append(_attribute(name, 'text', '', ['']))
    return [
        *attributes,
        _attribute('pair_id', 'text', '', ['']),
        _attribute(TEXT, 'text', '', ['']),
        _attribute(FLAG, 'checkbox', 'false', ['false']),
    ]


def _attribute(name: str, kind: str, default: str, values: list[str]) -> dict[str, Any]:
    return {
        'name': name,
        'mutable': False,
        'input_type': kind,
        'default_value': default,
        'values': values,
    }
