# SPDX-License-Identifier: Apache-2.0
"""Build shorts, trousers and skirts on a body. Frame: the body frame of `geometry`."""

from __future__ import annotations

import numpy as np

from .body import CROTCH_Y, DEPTH_RATIO, HIP_Y, Body
from .garment import Garment, Part, side_sign
from .geometry import TUBE_SAMPLES, Points, along, curve, point, tube
from .templates import LowerCut

_MIDDLE = TUBE_SAMPLES // 2


def build_lower(
    category_id: int, cut: LowerCut, body: Body, rng: np.random.Generator, long_waist: bool = False
) -> Garment:
    """Draw the pattern of a garment below the waist.

    Args:
        category_id: 7, 8 or 9.
        cut: Its cut.
        body: Pose to put it on.
        rng: Source of the individual proportions.
        long_waist: Wear it high, at the natural waist.
    """
    garment = Garment(category_id)
    waist_y = 0.61 if long_waist else float(rng.uniform(*cut.waist))
    ease = float(rng.uniform(0.0, 0.025))
    waist = [body.edge(side, waist_y, body.half_width(waist_y) + ease) for side in (-1, 1)]
    sag = 0.012 if body.view != 'back' else -0.004
    middle = body.place(0, waist_y + sag, DEPTH_RATIO * body.half_width(waist_y))
    _shape = _legs if cut.legs else _skirt
    _shape(garment, cut, body, rng, waist)
    main = 'legs' if cut.legs else 'skirt'
    garment.mark('waist-', waist[0], main)
    garment.mark('waist+', waist[1], main)
    garment.mark('waist', middle, main)
    band = float(rng.uniform(0.03, 0.06))
    top = curve(waist[0], middle, waist[1])
    garment.parts[0].bands.append(np.concatenate([top, top[::-1] + point(0, band)]))
    return garment


def _legs(
    garment: Garment,
    cut: LowerCut,
    body: Body,
    rng: np.random.Generator,
    waist: list[Points],
) -> None:
    """Two legs joined at the crotch; both are one part."""
    reach = float(rng.uniform(*cut.hem))
    hem_width = float(rng.choice([0.055, 0.085, 0.125]) + rng.uniform(-0.01, 0.015))
    if not cut.knee_landmarks:
        hem_width = float(rng.uniform(0.13, 0.2))
    knee_width = max(0.085, 0.5 * (0.13 + hem_width) - 0.02)
    ease = float(rng.uniform(0.0, 0.03))
    crotch = body.front(0.0, CROTCH_Y + float(rng.uniform(0, 0.05)))
    part = Part('legs', [])
    for side in (-1, 1):
        sign = side_sign(side)
        hip_edge = body.edge(side, 1.0, body.half_width(1.0) + ease)
        widths = (0.14, knee_width, hem_width) if cut.knee_landmarks else (0.15, hem_width)
        inside = None if cut.knee_landmarks else (0.12, 0.1)
        leg = tube(body.leg_line(side), reach, widths, side, hip_edge, crotch, inside)
        start = waist[(side + 1) // 2]
        belly = body.front(0.0, start[1] + 0.012)
        upper = curve(start, body.edge(side, HIP_Y, body.half_width(HIP_Y) + ease), leg.outer[0])
        part.polygons.append(np.concatenate([[belly], upper, leg.polygon()[1:]]))
        _mark_leg(garment, cut, sign, leg.outer, leg.inner, upper)
        part.seams.append(leg.polygon())
        cuff = np.array([leg.outer[-1], leg.inner[-1], leg.inner[-2], leg.outer[-2]])
        if rng.random() < 0.3:
            part.bands.append(cuff)
    garment.mark('crotch', crotch, 'legs')
    fly = body.front(0.0, waist[0][1] + 0.012)
    part.seams.append(np.array([fly, crotch]))
    garment.parts.append(part)


def _mark_leg(
    garment: Garment, cut: LowerCut, sign: str, outer: Points, inner: Points, upper: Points
) -> None:
    """Trousers: crotch height and knee; shorts: the middle of the outer edge."""
    garment.mark(f'outer_hem{sign}', outer[-1], 'legs')
    garment.mark(f'inner_hem{sign}', inner[-1], 'legs')
    if cut.knee_landmarks:
        garment.mark(f'outer1{sign}', outer[0], 'legs')
        garment.mark(f'outer2{sign}', outer[_MIDDLE], 'legs')
        garment.mark(f'inner1{sign}', inner[_MIDDLE], 'legs')
    else:
        edge = np.concatenate([upper, outer[1:]])
        garment.mark(f'outer1{sign}', along(edge, np.array([0.5]))[0], 'legs')


def _skirt(
    garment: Garment,
    cut: LowerCut,
    body: Body,
    rng: np.random.Generator,
    waist: list[Points],
) -> None:
    """One panel from the waist over the hips to the hem, with pleats."""
    hem_y = float(rng.uniform(*cut.hem))
    long = min(1.0, (hem_y - 1.0) / 0.8)
    flare = 1.0 + (float(rng.uniform(*cut.flare)) - 1.0) * (0.45 + 0.55 * long)
    hips = body.half_width(HIP_Y) + float(rng.uniform(0.01, 0.03))
    sway = float(rng.normal(0, 0.03))
    edges = []
    for side in (-1, 1):
        sign = side_sign(side)
        hem = body.edge(side, hem_y, hips * flare) + point(sway, 0)
        wide = body.edge(side, HIP_Y, max(hips, hips * (1 + (flare - 1) * 0.45)))
        edge = curve(waist[(side + 1) // 2], wide, hem, steps=8)
        garment.mark(f'outer1{sign}', along(edge, np.array([0.5]))[0], 'skirt')
        garment.mark(f'hem{sign}', hem, 'skirt')
        edges.append(edge)
    drop = float(rng.uniform(0.0, 0.06))
    bottom = body.place(sway, hem_y + drop, 0.5 * DEPTH_RATIO * hips)
    garment.mark('hem', bottom, 'skirt')
    hem_line = curve(edges[0][-1], bottom, edges[1][-1])
    top = body.front(0.0, waist[0][1] + 0.012)
    part = Part('skirt', [np.concatenate([edges[0], hem_line[1:-1], edges[1][::-1], [top]])])
    part.seams.append(part.polygons[0])
    part.seams += pleats(edges, int(rng.choice([0, 3, 5, 7])), float(rng.uniform(0.1, 0.5)))
    garment.parts.append(part)


def pleats(edges: list[Points], count: int, start: float) -> list[Points]:
    """Fold lines between two side edges, from the fraction ``start`` of their length down."""
    lines = []
    below = np.linspace(start, 0.98, 5)
    left, right = (along(edge, below) for edge in edges)
    for share in (np.arange(count) + 1) / (count + 1):
        lines.append(left + share * (right - left))
    return lines
