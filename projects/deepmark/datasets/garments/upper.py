# SPDX-License-Identifier: Apache-2.0
"""Build tops, outwear and dresses on a body. Frame: the body frame of `geometry`.

Parts, from bottom to top: ``back`` (the inside of the back panel, seen in the neckline),
``torso`` (or ``panel-`` and ``panel+`` of an open front), ``sleeve-`` and ``sleeve+``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .body import ARMPIT_Y, DEPTH_RATIO, HIP_Y, SHOULDER_HALF_WIDTH, WAIST_Y, Body
from .garment import HIDDEN, Garment, Part, side_sign
from .geometry import TUBE_SAMPLES, Points, Tube, along, curve, point, tube
from .lower import pleats
from .templates import UpperCut

_MIDDLE = TUBE_SAMPLES // 2


@dataclass
class _Pattern:
    """Sampled proportions of one garment and the anchors found on the way."""

    cut: UpperCut
    body: Body
    rng: np.random.Generator
    garment: Garment
    hem_y: float
    neck: float
    depth: float
    ease: float
    flare: float
    pointed: bool
    layer: int
    sway: float

    @property
    def back_view(self) -> bool:
        return self.body.view == 'back'

    def half_width(self, y: float) -> float:
        """Half width of the garment at height y: body, looseness, skirt."""
        body = self.body
        loose = min(1.0, self.ease / 0.06)
        chest = body.half_width(ARMPIT_Y)
        base = body.half_width(min(y, HIP_Y))
        base += loose * max(0.0, chest - base) * 0.8 + self.ease
        if self.cut.dress and y > WAIST_Y:
            share = (y - WAIST_Y) / max(self.hem_y - WAIST_Y, 0.1)
            hips = body.half_width(HIP_Y) + self.ease
            base = max(base, hips * (0.8 + (self.flare - 0.8) * share**0.8))
        elif y > HIP_Y:
            base += 0.10 * (y - HIP_Y)
        return base

    def edge(self, side: int, y: float) -> Points:
        """Point on the garment's side at height y."""
        below = max(0.0, y - HIP_Y)
        return self.body.edge(side, y, self.half_width(y)) + point(self.sway * below, 0)

    def front(self, x: float, y: float) -> Points:
        """Point on the garment's front surface."""
        return self.body.front(x, y, self.half_width(y))


def build_upper(
    category_id: int,
    cut: UpperCut,
    body: Body,
    rng: np.random.Generator,
    layer: int = 0,
    snug: bool = False,
) -> Garment:
    """Draw the pattern of a top, outwear or dress.

    Args:
        category_id: 1..6 or 10..13.
        cut: Its cut.
        body: Pose to put it on.
        rng: Source of the individual proportions.
        layer: 0 next to the skin, 1 over another garment: that much wider.
        snug: Close to the body, so that it fits under outwear.
    """
    p = _Pattern(
        cut,
        body,
        rng,
        Garment(category_id),
        hem_y=float(rng.uniform(*cut.hem)),
        neck=float(rng.uniform(*cut.neck)),
        depth=float(rng.uniform(*cut.depth)),
        ease=float(rng.uniform(*cut.ease)) * (0.3 if snug else 1.0) + 0.02 * layer,
        flare=float(rng.uniform(*cut.flare)),
        pointed=bool(rng.random() < 0.4),
        layer=layer,
        sway=float(rng.normal(0, 0.04)) if cut.dress else 0.0,
    )
    sides = {side: _side(p, side) for side in (-1, 1)}
    neckline = _neckline(p)
    if cut.open_front:
        _open_torso(p, sides, neckline)
    else:
        _closed_torso(p, sides, neckline)
    if cut.outer_landmarks:
        reach = float(rng.uniform(*cut.reach))
        width = 0.0 if snug else float(rng.uniform(0.0, 0.03)) + 0.022 * layer
        cuffed = bool(rng.random() < 0.4)
        for side in (-1, 1):
            _sleeve(p, side, reach, width, cuffed)
    return p.garment


def _shoulder(p: _Pattern, side: int) -> Points:
    """Where the sleeve begins, or the outer end of the strap."""
    x = SHOULDER_HALF_WIDTH * p.body.shoulder
    if p.cut.sleeve == 'vest':
        x = p.neck + 0.085
    elif p.cut.sleeve == 'sling':
        x = p.neck + 0.01
    return p.body.place(side * x, p.body.shoulder_y(x) - 0.012 * p.layer)


def _side(p: _Pattern, side: int) -> Points:
    """Side seam from the armpit to the hem; marks the landmarks on it: (N, 2)."""
    sign = side_sign(side)
    main = f'panel{sign}' if p.cut.open_front else 'torso'
    armpit_y = ARMPIT_Y + 0.3 * p.ease + (0.03 if p.cut.sleeve == 'sling' else 0.0)
    armpit = p.edge(side, armpit_y)
    heights = np.linspace(armpit_y, p.hem_y, 9 if p.cut.dress else 6)
    seam = curve(*(p.edge(side, float(y)) for y in heights), steps=4)
    sleeve = (f'sleeve{sign}',) if p.cut.outer_landmarks else ()
    p.garment.mark(f'armpit{sign}', armpit, main, *sleeve)
    p.garment.mark(f'shoulder{sign}', _shoulder(p, side), main, *sleeve)
    p.garment.mark(f'hem{sign}', seam[-1], main)
    for number, y in enumerate(_side_heights(p, armpit_y), start=1):
        x = np.interp(y, seam[:, 1], seam[:, 0])
        p.garment.mark(f'side{number}{sign}', point(float(x), y), main)
    return seam


def _side_heights(p: _Pattern, armpit_y: float) -> list[float]:
    """Heights of the landmarks between armpit and hem.

    Tops: equal steps. Dresses: equal steps down to the waist (the last one lies on it), and one
    half way from there to the hem.
    """
    count = p.cut.side_landmarks
    if not p.cut.dress:
        return [armpit_y + (p.hem_y - armpit_y) * (i + 1) / (count + 1) for i in range(count)]
    upper = [armpit_y + (WAIST_Y - armpit_y) * (i + 1) / (count - 1) for i in range(count - 1)]
    return [*upper, 0.5 * (WAIST_Y + p.hem_y)]


def _neckline(p: _Pattern) -> dict[str, Points]:
    """Points of the neckline by landmark name; marks ``back``, ``neck`` and ``line``."""
    body, w = p.body, p.neck
    sling = p.cut.sleeve == 'sling'
    top = p.depth - 0.02 if sling else body.shoulder_y(w) - 0.015 * p.layer
    low = top + (0.05 if sling else p.depth)
    back_low = top + (0.012 if sling else 0.035 if p.cut.outer_landmarks else 0.07)
    corner = (0.5, 0.5) if p.pointed or sling else (0.72, 0.74)
    surface = DEPTH_RATIO * body.half_width(ARMPIT_Y)
    points = {
        'back': body.place(0, back_low, -surface),
        'line': body.place(0, low, surface),
    }
    for side in (-1, 1):
        sign = side_sign(side)
        points[f'neck{sign}'] = body.place(side * w, top, 0.8 * surface if sling else 0.0)
        points[f'line{sign}'] = body.place(
            side * w * corner[0], top + (low - top) * corner[1], 0.8 * surface
        )
    main = HIDDEN if p.back_view else 'torso'
    p.garment.mark('back', points['back'], 'torso' if p.back_view else 'back')
    for sign in '-+':
        panel = f'panel{sign}' if p.cut.open_front else 'torso'
        p.garment.mark(f'neck{sign}', points[f'neck{sign}'], panel, 'back')
        p.garment.mark(f'line{sign}', points[f'line{sign}'], HIDDEN if p.back_view else panel)
    p.garment.mark('line', points['line'], main)
    return points


def _armhole(p: _Pattern, side: int, start: Points) -> Points:
    """Edge from the neck over the shoulder to the armpit, without its first point."""
    sign = side_sign(side)
    shoulder, armpit = p.garment.keypoints[f'shoulder{sign}'], p.garment.keypoints[f'armpit{sign}']
    if p.cut.sleeve == 'sling':
        bow = 0.5 * (start + armpit) + point(-0.02 * side, 0.025)
        return curve(start, bow, armpit)[1:]
    inset = -0.05 * side if p.cut.sleeve == 'vest' else -0.012 * side
    bow = shoulder + 0.62 * (armpit - shoulder) + point(inset, 0)
    return np.concatenate([[shoulder], curve(shoulder, bow, armpit)[1:]])


def _closed_torso(p: _Pattern, sides: dict[int, Points], neckline: dict[str, Points]) -> None:
    """Back panel and one front panel; marks ``hem``."""
    left, right = neckline['neck-'], neckline['neck+']
    lines = [left, neckline['line-'], neckline['line'], neckline['line+'], right]
    front = np.array(lines) if p.pointed else curve(*lines)
    rear = curve(left, neckline['back'], right)
    drop = float(p.rng.uniform(0.0, 0.05))
    hem = p.front(0.0, p.hem_y + drop) if not p.cut.dress else point(
        0.5 * (sides[-1][-1][0] + sides[1][-1][0]), p.hem_y + drop
    )  # fmt: skip
    p.garment.mark('hem', hem, 'torso')
    hem_line = curve(sides[-1][-1], hem, sides[1][-1])
    opening = rear if p.back_view else front
    outline = np.concatenate(
        [
            opening[::-1], _armhole(p, -1, left), sides[-1][1:], hem_line[1:-1],
            sides[1][::-1], _armhole(p, 1, right)[::-1],
        ]
    )  # fmt: skip
    if not p.back_view:
        p.garment.parts.append(Part('back', [np.concatenate([rear, front[::-1]])], shade=0.62))
    torso = Part('torso', [outline], seams=[outline])
    if p.cut.sleeve == 'sling':
        width = float(p.rng.uniform(0.016, 0.03))
        for sign in '-+':
            strap = np.array([p.garment.keypoints[f'shoulder{sign}'], neckline[f'neck{sign}']])
            torso.strokes.append((strap, width))
    _decorate(p, torso, opening, sides)
    p.garment.parts.append(torso)


def _decorate(p: _Pattern, torso: Part, opening: Points, sides: dict[int, Points]) -> None:
    """Collar rib, button placket, waist seam and pleats."""
    rng = p.rng
    if p.cut.outer_landmarks and rng.random() < 0.5:
        torso.bands.append(np.concatenate([opening, opening[::-1] + point(0, 0.03)]))
    if p.cut.outer_landmarks and not p.back_view and rng.random() < 0.25:
        ys = np.linspace(float(opening[:, 1].max()) + 0.03, min(p.hem_y, 1.1) - 0.04, 6)
        line = np.array([p.front(0.0, float(y)) for y in ys])
        torso.seams += [line + point(-0.025, 0), line + point(0.025, 0)]
        torso.dots += list(line)
    if p.cut.dress:
        waist = [np.array([np.interp(WAIST_Y, s[:, 1], s[:, 0]), WAIST_Y]) for s in sides.values()]
        line = curve(waist[0], p.front(0.0, WAIST_Y + 0.01), waist[1])
        if rng.random() < 0.4:
            torso.bands.append(np.concatenate([line, line[::-1] + point(0, 0.05)]))
        elif rng.random() < 0.6:
            torso.seams.append(line)
        torso.seams += pleats(list(sides.values()), int(rng.choice([0, 3, 5])), 0.45)


def _open_torso(p: _Pattern, sides: dict[int, Points], neckline: dict[str, Points]) -> None:
    """Lining and two front panels (a single closed panel when seen from the back)."""
    gap = (float(p.rng.uniform(0.035, 0.09)), float(p.rng.uniform(0.05, 0.19)))
    rear = curve(neckline['neck-'], neckline['back'], neckline['neck+'])
    lining = np.concatenate([rear[::-1], sides[-1], sides[1][::-1]])
    panels = []
    for side in (-1, 1):
        sign = side_sign(side)
        names = ('front', 'edge1', 'edge2', 'front_hem')
        ys = np.linspace(neckline['line'][1], p.hem_y + 0.015, 4)
        half = np.interp(np.linspace(0, 1, 4), (0, 1), gap)
        edge = [p.front(side * float(x), float(y)) for x, y in zip(half, ys, strict=True)]
        part = HIDDEN if p.back_view else f'panel{sign}'
        for name, position in zip(names, edge, strict=True):
            p.garment.mark(f'{name}{sign}', position, part)
        neck, line = neckline[f'neck{sign}'], 0.5 * (neckline[f'neck{sign}'] + edge[0])
        line = line + point(-0.01 * side, 0.012)
        p.garment.mark(f'line{sign}', line, part)
        opening = curve(neck, line, edge[0])
        outline = np.concatenate(
            [opening[::-1], _armhole(p, side, neck), sides[side][1:], curve(*edge)[::-1]]
        )
        panels.append(Part(f'panel{sign}', [outline], seams=[outline]))
        _decorate_panel(p, panels[-1], side, opening, curve(*edge))
    if p.back_view:
        _back_of_outwear(p, sides, rear)
        return
    p.garment.parts.append(Part('back', [lining], shade=0.5))
    p.garment.parts += panels


def _back_of_outwear(p: _Pattern, sides: dict[int, Points], rear: Points) -> None:
    """Outwear seen from behind: one closed panel, which holds the landmarks of both panels."""
    hem_line = np.array([sides[-1][-1], sides[1][-1]])
    outline = np.concatenate(
        [
            rear[::-1], _armhole(p, -1, rear[0]), sides[-1][1:], hem_line, sides[1][::-1],
            _armhole(p, 1, rear[-1])[::-1],
        ]
    )  # fmt: skip
    p.garment.parts.append(Part('torso', [outline], seams=[outline]))
    for name, parts in p.garment.on_parts.items():
        renamed = ('torso' if part.startswith('panel') else part for part in parts)
        p.garment.on_parts[name] = tuple(renamed)


def _decorate_panel(p: _Pattern, part: Part, side: int, opening: Points, edge: Points) -> None:
    """Lapel, edge band and buttons of one front panel."""
    style = p.rng.choice(3) if side < 0 else (1 if p.garment.parts else 0)
    outside = point(0.055 * side, 0.0)
    lapel = along(edge, np.linspace(0, 0.35, 4))
    part.bands.append(
        np.concatenate(
            [opening, lapel, [opening[-1] + 1.6 * outside], [opening[0] + 0.5 * outside]]
        )
    )
    if style:
        part.seams.append(edge + 0.5 * outside)
    if side < 0:
        part.dots += list(along(edge, np.linspace(0.3, 0.9, 4)) + 0.4 * outside)


def _sleeve(p: _Pattern, side: int, reach: float, width: float, cuffed: bool) -> None:
    """Sleeve along the arm; marks its landmarks."""
    sign = side_sign(side)
    keypoints, name = p.garment.keypoints, f'sleeve{side_sign(side)}'
    root, armpit = keypoints[f'shoulder{sign}'], keypoints[f'armpit{sign}']
    if p.cut.sleeve == 'short':
        widths: tuple[float, ...] = (0.1 + width, 0.085 + 1.6 * width)
    else:
        widths = (0.1 + width, 0.078 + width, 0.066 + width, 0.05 + 1.2 * width)
    sleeve = _outside(tube(p.body.arm_line(side), reach, widths, side, root, armpit), side, reach)
    overlap = 0.5 * (root + armpit) + point(-(0.03 + 0.03 * p.layer) * side, 0)
    outline = np.concatenate([[overlap], sleeve.polygon()])
    part = Part(name, [outline], seams=[sleeve.polygon()])
    if reach > 0.6:
        part.strokes.append((sleeve.center[2:-3], min(widths)))
    part.angle = float(np.degrees(np.arctan2(*(sleeve.center[-1] - sleeve.center[0]))))
    if cuffed:
        part.bands.append(
            np.array([sleeve.outer[-1], sleeve.inner[-1], sleeve.inner[-2], sleeve.outer[-2]])
        )
    _mark_sleeve(p, sign, name, sleeve)
    p.garment.parts.append(part)


def _outside(sleeve: Tube, side: int, reach: float) -> Tube:
    """Keep the inner edge of the upper arm outside the torso: cloth under a hanging arm."""
    arm = np.linspace(0, reach, TUBE_SAMPLES)
    firmness = np.clip((0.6 - arm) / 0.2, 0, 1)
    armpit = side * sleeve.inner[0, 0]
    drift = 0.06 * np.arange(TUBE_SAMPLES) / TUBE_SAMPLES
    missing = np.maximum(0.0, armpit + drift - side * sleeve.inner[:, 0])
    inner = sleeve.inner + np.stack([side * firmness * missing, 0 * missing], axis=1)
    return sleeve._replace(inner=inner)


def _mark_sleeve(p: _Pattern, sign: str, name: str, sleeve: Tube) -> None:
    """Cuff, and equal steps along both edges of the sleeve."""
    count = p.cut.outer_landmarks
    for number in range(1, count + 1):
        index = number * (TUBE_SAMPLES - 1) // (count + 1)
        p.garment.mark(f'outer{number}{sign}', sleeve.outer[index], name)
        p.garment.mark(f'inner{number}{sign}', sleeve.inner[index], name)
    p.garment.mark(f'cuff_outer{sign}', sleeve.outer[-1], name)
    p.garment.mark(f'cuff_inner{sign}', sleeve.inner[-1], name)
