# SPDX-License-Identifier: Apache-2.0
"""Whether a truth file calls its categories as the schema does.

Ids decide what a garment is. A name that belongs to another id means that the file was made for
other categories or in another order, and its figures would be of the wrong categories.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from deepmark.datasets.item_parsing import is_name_of
from deepmark.evaluation.errors import EvaluationError
from deepmark.schema import LandmarkSchema, SchemaError


def refuse_other_names(
    categories: Iterable[msgspec.Raw], schema: LandmarkSchema, path: str | os.PathLike[str]
) -> None:
    """Compare the entries of ``categories`` with the schema, names and aliases alike.

    Entries without id or name, and ids that the schema does not have, say nothing here: an
    annotation of such a category is refused where it is read.

    Raises:
        EvaluationError: naming the file, the category and what to do.
    """
    for number, raw in enumerate(categories):
        entry = msgspec.json.decode(raw)
        if not isinstance(entry, dict) or not isinstance(entry.get('name'), str):
            continue
        try:
            label = schema.label_of(entry.get('id'))  # type: ignore[arg-type]  # it may be anything
        except SchemaError:
            continue
        expected = schema.categories[label]
        is_number = entry['name'] == str(expected.category_id)  # written for want of a name
        if not is_number and not is_name_of(entry['name'], label, schema):
            raise EvaluationError(
                f'{path}: categories[{number}]: id {expected.category_id} is called '
                f"{entry['name']!r}, but in schema '{schema.name}' it is '{expected.name}'. Fix: "
                'give the schema of the file (--schema), correct the id or the name, or list the '
                "name under the category's aliases in the schema file"
            )
