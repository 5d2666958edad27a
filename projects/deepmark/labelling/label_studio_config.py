# SPDX-License-Identifier: Apache-2.0
"""The labelling interface of a Label Studio project.

One rectangle label a category for the garment's box, and one list of points a category, folded away
in a panel until it is opened. Landmarks belong to the rectangle that they are dragged onto in the
list of regions (its ``parentID``), or that a relation joins them with. ``model_index`` numbers the
landmarks for Label Studio's own COCO and YOLO exports.

Facts about the tags: labelstud.io/tags (RectangleLabels, KeyPointLabels, Choices, Number, TextArea,
Collapse).
"""

from __future__ import annotations

import re
from xml.sax.saxutils import quoteattr

from deepmark.datasets.records import ATTRIBUTES
from deepmark.labelling.garment_facts import FLAG, TEXT, level_texts
from deepmark.labelling.mistakes import LabellingError
from deepmark.schema import LandmarkSchema

IMAGE = 'image'
BOXES = 'garment'
VISIBILITY = 'visibility'
VISIBLE, OCCLUDED = 'visible', 'occluded'


def points_control(schema: LandmarkSchema, label: int) -> str:
    """Name of the tag that holds a category's landmarks.

    Example:
        >>> from deepmark.schema import DEEPFASHION2
        >>> points_control(DEEPFASHION2, 0)
        'points_1_short_sleeve_top'
    """
    category = schema.categories[label]
    slug = re.sub(r'[^a-z0-9]+', '_', category.name.lower()).strip('_')
    return f'points_{category.category_id}_{slug}'


def label_studio_config(schema: LandmarkSchema) -> str:
    """The XML for *Settings, Labeling Interface, Code*.

    Raises:
        LabellingError: a category's name has a comma, which separates names there.
    """
    for name in schema.class_names:
        if ',' in name:
            raise LabellingError(f"schema '{schema.name}': category '{name}': a comma in the name")
    lines = [
        '<View>',
        f'  <Image name="{IMAGE}" value="$image" zoom="true" zoomControl="true"/>',
        f'  <RectangleLabels name="{BOXES}" toName="{IMAGE}" canRotate="false">',
        *(
            f'    <Label value={quoteattr(category.name)} background="{_hex(category.color)}"/>'
            for category in schema.categories
        ),
        '  </RectangleLabels>',
        *_visibility(),
        '  <Collapse accordion="true">',
        *(line for label in range(schema.num_categories) for line in _panel(schema, label)),
        '  </Collapse>',
        *_facts(schema),
        '</View>',
    ]
    return '\n'.join(lines) + '\n'


def _panel(schema: LandmarkSchema, label: int) -> list[str]:
    category = schema.categories[label]
    name = points_control(schema, label)
    return [
        f'    <Panel value={quoteattr(category.name)}>',
        f'      <KeyPointLabels name="{name}" toName="{IMAGE}" strokeWidth="4">',
        *(
            f'        <Label value={quoteattr(landmark)} background="{_hex(category.color)}" '
            f'model_index="{index}"/>'
            for index, landmark in enumerate(category.keypoint_names)
        ),
        '      </KeyPointLabels>',
        '    </Panel>',
    ]


def _visibility() -> list[str]:
    return [
        f'  <Choices name="{VISIBILITY}" toName="{IMAGE}" perRegion="true" choice="single-radio" '
        'showInline="true" visibleWhen="region-selected">',
        f'    <Choice value="{VISIBLE}"/>',
        f'    <Choice value="{OCCLUDED}"/>',
        '  </Choices>',
    ]


def _facts(schema: LandmarkSchema) -> list[str]:
    """What is asked about a rectangle."""
    names = quoteattr(','.join(schema.class_names))
    lines = [f'  <View visibleWhen="region-selected" whenLabelValue={names}>']
    for name in ATTRIBUTES:
        levels = level_texts(name)
        lines += _choices(name, levels) if levels else _number(name)
    lines += [
        *_number('pair_id'),
        f'    <Header value="{TEXT}"/>',
        f'    <TextArea name="{TEXT}" toName="{IMAGE}" perRegion="true" maxSubmissions="1"/>',
        *_choices(FLAG, (FLAG,)),
        '  </View>',
    ]
    return lines


def _choices(name: str, values: tuple[str, ...]) -> list[str]:
    return [
        f'    <Header value="{name}"/>',
        f'    <Choices name="{name}" toName="{IMAGE}" perRegion="true" showInline="true">',
        *(f'      <Choice value={quoteattr(value)}/>' for value in values),
        '    </Choices>',
    ]


def _number(name: str) -> list[str]:
    return [
        f'    <Header value="{name}"/>',
        f'    <Number name="{name}" toName="{IMAGE}" perRegion="true" min="0"/>',
    ]


def _hex(color: tuple[int, int, int]) -> str:
    return '#{:02x}{:02x}{:02x}'.format(*color)
