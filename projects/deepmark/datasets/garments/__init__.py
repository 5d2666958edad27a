# SPDX-License-Identifier: Apache-2.0
"""Synthetic garments in DeepFashion2's native format: a data set out of nothing but a seed.

The way of an image: `templates` (cuts of the 13 categories) and `body` (a pose) give, through
`upper` and `lower`, a `garment` of several parts with landmarks; `outfit` puts garments together;
`person` paints them in z-order on a `raster.Canvas` over one of the `backgrounds`; `annotate`
writes down what can be seen; `writer` fills folders in parallel.
"""

from .config import GarmentConfig, GarmentError
from .scene import render_scene
from .writer import is_current, make_garments

__all__ = ['GarmentConfig', 'GarmentError', 'is_current', 'make_garments', 'render_scene']
