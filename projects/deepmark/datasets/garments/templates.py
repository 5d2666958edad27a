# SPDX-License-Identifier: Apache-2.0
"""What the 13 categories of DeepFashion2 are: cut, proportions, and the order of their landmarks.

A landmark is named by what it marks on the garment plus the image's side, '-' left and '+' right:
``neck-`` is the collar point on the image's left. The names in the order of DeepFashion2's figure
of landmark definitions follow from the cut (`landmark_names`), so the order is written once for a
family instead of once for a category.

- Left and right are the image's, whatever way the person faces: DeepFashion2's figure shows
  frontal garments only. In a view from the back, what the figure shows on the front is occluded.
- Short sleeve outwear: the figure numbers the collar point 4 and the top of the front edge 2, the
  official sigmas fit the order of long sleeve outwear (2 the collar point, 4 the front edge). The
  sigmas decide the score, so their order is taken.

Lengths are in units of the torso (`geometry`); a range (low, high) is sampled uniformly.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class UpperCut:
    """Cut of a top, outwear or dress.

    Attributes:
        sleeve: 'short', 'long', 'vest' (wide straps) or 'sling' (thin straps).
        hem: Height of the hem.
        reach: Length of the sleeve as a fraction of the arm.
        neck: Half width of the neckline.
        depth: Depth of the front neckline below the collar points.
        ease: Looseness: extra half width over the body.
        flare: Half width of the hem as a factor on the hips' (dresses).
        open_front: Two front panels with a gap between them.
        dress: A skirt hangs below the waist: four side landmarks instead of two (one).
    """

    sleeve: str
    hem: Range
    neck: Range
    depth: Range
    ease: Range
    reach: Range = (0.0, 0.0)
    flare: Range = (1.0, 1.0)
    open_front: bool = False
    dress: bool = False

    @property
    def outer_landmarks(self) -> int:
        """Landmarks between shoulder and cuff, on each edge of the sleeve."""
        return {'short': 1, 'long': 3}.get(self.sleeve, 0)

    @property
    def side_landmarks(self) -> int:
        """Landmarks between armpit and hem."""
        sleeved = self.outer_landmarks > 0
        return (4 if sleeved else 3) if self.dress else (2 if sleeved else 1)


@dataclass(frozen=True)
class LowerCut:
    """Cut of shorts, trousers (``legs``) or a skirt.

    ``hem`` is a fraction of the leg for shorts and trousers, a height for skirts.
    """

    hem: Range
    waist: Range = (0.60, 0.74)
    legs: bool = True
    flare: Range = (1.0, 1.0)
    knee_landmarks: int = 0


Cut = UpperCut | LowerCut

CUTS: dict[int, Cut] = {
    1: UpperCut("short", (0.72, 1.06), (0.10, 0.17), (0.06, 0.24), (0.01, 0.09), (0.30, 0.50)),
    2: UpperCut("long", (0.76, 1.08), (0.10, 0.16), (0.05, 0.22), (0.01, 0.09), (0.86, 1.0)),
    3: UpperCut(
        "short", (0.80, 1.15), (0.10, 0.14), (0.08, 0.22), (0.04, 0.10), (0.33, 0.52),
        open_front=True,
    ),
    4: UpperCut(
        "long", (0.80, 1.75), (0.10, 0.14), (0.08, 0.24), (0.04, 0.10), (0.88, 1.0),
        open_front=True,
    ),
    5: UpperCut("vest", (0.74, 1.04), (0.12, 0.16), (0.14, 0.28), (0.0, 0.06)),
    6: UpperCut("sling", (0.62, 0.98), (0.13, 0.17), (0.20, 0.27), (0.0, 0.06)),
    7: LowerCut((0.13, 0.40)),
    8: LowerCut((0.82, 1.0), knee_landmarks=1),
    9: LowerCut((1.14, 2.15), legs=False, flare=(0.95, 2.0)),
    10: UpperCut(
        "short", (1.35, 2.1), (0.10, 0.17), (0.06, 0.26), (0.0, 0.05), (0.30, 0.50),
        (1.0, 1.9), dress=True,
    ),
    11: UpperCut(
        "long", (1.35, 2.15), (0.10, 0.16), (0.05, 0.24), (0.0, 0.05), (0.78, 1.0),
        (1.0, 1.9), dress=True,
    ),
    12: UpperCut(
        "vest", (1.35, 2.1), (0.12, 0.16), (0.12, 0.28), (0.0, 0.04), flare=(1.0, 1.9), dress=True
    ),
    13: UpperCut(
        "sling", (1.35, 2.1), (0.13, 0.17), (0.20, 0.27), (0.0, 0.04), flare=(1.0, 1.9), dress=True
    ),
}  # fmt: skip
"""category_id to cut."""


def _side_chain(cut: UpperCut) -> list[str]:
    """Landmarks down one side, from the shoulder round the sleeve and the armpit to the hem."""
    numbers = range(1, cut.outer_landmarks + 1)
    chain = ['shoulder']
    if cut.outer_landmarks:
        chain += [f'outer{n}' for n in numbers] + ['cuff_outer', 'cuff_inner']
        chain += [f'inner{n}' for n in reversed(numbers)]
    return [*chain, 'armpit', *(f'side{n}' for n in range(1, cut.side_landmarks + 1)), 'hem']


def _upper_names(cut: UpperCut) -> list[str]:
    left = [f'{name}-' for name in _side_chain(cut)]
    right = [f'{name}+' for name in reversed(_side_chain(cut))]
    if not cut.open_front:
        return ['back', 'neck-', 'line-', 'line', 'line+', 'neck+', *left, 'hem', *right]
    edge = ['front+', 'edge1+', 'edge2+', 'front_hem+', 'edge1-', 'edge2-']
    return [
        'back',
        'neck-',
        'line-',
        'front-',
        'line+',
        'neck+',
        *left,
        'front_hem-',
        *right,
        *edge,
    ]


def _lower_names(cut: LowerCut) -> list[str]:
    waist = ['waist-', 'waist', 'waist+']
    if not cut.legs:
        return [*waist, 'outer1-', 'hem-', 'hem', 'hem+', 'outer1+']
    if not cut.knee_landmarks:
        left, right = (
            ['outer1-', 'outer_hem-', 'inner_hem-'],
            ['inner_hem+', 'outer_hem+', 'outer1+'],
        )
        return [*waist, *left, 'crotch', *right]
    left = ['outer1-', 'outer2-', 'outer_hem-', 'inner_hem-', 'inner1-']
    right = ['inner1+', 'inner_hem+', 'outer_hem+', 'outer2+', 'outer1+']
    return [*waist, *left, 'crotch', *right]


def landmark_names(category_id: int) -> tuple[str, ...]:
    """Names of a category's landmarks in DeepFashion2's order (see the module docstring)."""
    cut = CUTS[category_id]
    return tuple(_upper_names(cut) if isinstance(cut, UpperCut) else _lower_names(cut))
