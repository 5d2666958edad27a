# SPDX-License-Identifier: Apache-2.0
"""Labelling garments in CVAT and Label Studio: their label configurations, and both ways.

Both tools get their labels from the schema, so a user's own categories work as DeepFashion2's do:
one skeleton (CVAT) or one list of points (Label Studio) a category. A garment's box is a rectangle
of its own, because DeepFashion2's boxes are not those of the landmarks. Coordinates are taken as
they are, in pixels of the original photo. Polygons are left out.

Nothing here is registered, so ``import deepmark`` leaves this package out.
"""

from deepmark.labelling.convert import (
    TOOLS,
    ImportOptions,
    export_annotations,
    import_annotations,
    write_configuration,
)
from deepmark.labelling.mistakes import LabellingError

__all__ = [
    'TOOLS',
    'ImportOptions',
    'LabellingError',
    'export_annotations',
    'import_annotations',
    'write_configuration',
]
