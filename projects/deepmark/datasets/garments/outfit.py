# SPDX-License-Identifier: Apache-2.0
"""Choose what is worn together and build it on a body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .body import Body
from .garment import Garment
from .lower import build_lower
from .templates import CUTS, LowerCut
from .textures import Fabric, random_fabric
from .upper import build_upper

TOPS, OUTWEAR, BOTTOMS, DRESSES = (1, 2, 5, 6), (3, 4), (7, 8, 9), (10, 11, 12, 13)
SKIRTED = (9, *DRESSES)
_PRIMARY = {**dict.fromkeys(TOPS, 0.8), **dict.fromkeys(OUTWEAR, 1.5)}
_PRIMARY |= {**dict.fromkeys(BOTTOMS, 0.5), **dict.fromkeys(DRESSES, 1.25)}


@dataclass
class Worn:
    """A garment in its layer: 0 next to the skin, larger numbers lie above."""

    garment: Garment
    fabric: Fabric
    layer: int


def build(
    category_id: int, body: Body, rng: np.random.Generator, layer: int = 0, snug: bool = False
) -> Garment:
    """One garment on a body, its lean applied; frame: the body frame.

    Args:
        category_id: 1..13.
        body: The pose.
        rng: Source of the proportions.
        layer: 0 next to the skin; bottoms above 0 are worn over a tucked top; 2 is outwear.
        snug: Outwear is worn over it.
    """
    cut = CUTS[category_id]
    if isinstance(cut, LowerCut):
        garment = build_lower(category_id, cut, body, rng, long_waist=layer > 0)
    else:
        garment = build_upper(category_id, cut, body, rng, int(layer > 1), snug)
    return garment.moved(body.bend)


def random_category(rng: np.random.Generator) -> int:
    """A category; the rare ones in outfits come first more often."""
    weights = np.array(list(_PRIMARY.values()))
    return int(rng.choice(list(_PRIMARY), p=weights / weights.sum()))


def random_categories(rng: np.random.Generator) -> list[tuple[int, int]]:
    """(category_id, layer) of an outfit, from the skin outwards."""
    first = random_category(rng)
    tucked = int(rng.random() < 0.3)
    top = (int(rng.choice(TOPS, p=[0.4, 0.2, 0.2, 0.2])), 1 - tucked)
    bottom = (int(rng.choice(BOTTOMS)), tucked)
    if first in TOPS:
        outfit = [(first, 1 - tucked), bottom]
    elif first in BOTTOMS:
        outfit = [top, (first, tucked)]
    elif first in DRESSES:
        outfit = [(first, 0)]
        if rng.random() < 0.12:
            outfit.append((int(rng.choice(OUTWEAR)), 2))
    elif rng.random() < 0.2:
        outfit = [(int(rng.choice(DRESSES)), 0), (first, 2)]
    else:
        outfit = [top, bottom, (first, 2)]
    return sorted(outfit, key=lambda item: item[1])


def random_outfit(body: Body, rng: np.random.Generator) -> tuple[Body, list[Worn]]:
    """Garments of one person, from the skin outwards, and the body with its legs under a skirt."""
    categories = random_categories(rng)
    if any(category_id in SKIRTED for category_id, _ in categories):
        left, right = body.legs
        body = replace(body, legs=(0.35 * left, 0.35 * right))
    covered = any(category_id in OUTWEAR for category_id, _ in categories)
    outfit = []
    for category_id, layer in categories:
        snug = covered and category_id not in OUTWEAR
        garment = build(category_id, body, rng, layer, snug)
        fabric = random_fabric(rng, denim=category_id in BOTTOMS)
        outfit.append(Worn(garment, fabric, layer))
    return body, outfit
