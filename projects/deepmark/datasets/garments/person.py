# SPDX-License-Identifier: Apache-2.0
"""Paint a dressed person, or a garment laid flat, onto a canvas, from back to front."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, radians, sin

import numpy as np

from . import body as skin
from .body import Body
from .garment import Part, side_sign
from .geometry import Points, curve, ellipse, point
from .outfit import Worn
from .raster import Canvas, Placement
from .textures import Color

_SKIN_TONES = ((172, 205, 240), (150, 185, 225), (120, 160, 205), (85, 125, 175), (55, 85, 130),
               (38, 58, 92))  # fmt: skip
_HAIR_COLORS = ((25, 25, 30), (35, 50, 75), (50, 80, 120), (95, 150, 190), (40, 45, 110),
                (170, 170, 175))  # fmt: skip


@dataclass
class Person:
    """Who or what is painted where.

    Attributes:
        body: The pose.
        worn: Garments from the skin outwards.
        placement: Body frame to image.
        angle: Rotation of the placement in degrees, for the cloth's grain.
        first_owner: The garments' numbers in the image count from here.
    """

    body: Body
    worn: list[Worn]
    placement: Placement
    angle: float
    first_owner: int
    skin: Color = field(default=_SKIN_TONES[0])
    hair: Color = field(default=_HAIR_COLORS[0])
    long_hair: bool = False
    seed: int = 0

    def choose_looks(self, rng: np.random.Generator) -> None:
        """Draw skin, hair and the seed of the cloth's folds."""
        self.skin = _SKIN_TONES[int(rng.integers(len(_SKIN_TONES)))]
        self.hair = _HAIR_COLORS[int(rng.integers(len(_HAIR_COLORS)))]
        self.long_hair = bool(rng.random() < 0.5)
        self.seed = int(rng.integers(1 << 31))


def paint_person(canvas: Canvas, person: Person) -> None:
    """Paint everything of one person (or flat garment) in its z-order."""
    body, painter = person.body, _Painter(canvas, person)
    if body.view == 'flat':
        for index, worn in enumerate(person.worn):
            for part in worn.garment.parts:
                painter.part(index, part)
        return
    far = body.far_side()
    if body.view != 'back':
        painter.hair_behind()
    if far:
        painter.arm(far)
    for index in reversed(range(len(person.worn))):
        painter.parts(index, 'back')
    painter.bare_body(far)
    for index in range(len(person.worn)):
        painter.parts(index, 'torso', 'panel-', 'panel+', 'legs', 'skirt')
    painter.head()
    for side in (-1, 1):
        if side != far:
            painter.arm(side)


class _Painter:
    """Paints the pieces of one person; all shapes come in the body frame."""

    def __init__(self, canvas: Canvas, person: Person) -> None:
        self.canvas, self.person = canvas, person
        self.rng = np.random.default_rng(person.seed)

    def shape(self, polygon: Points, color: Color, light: float = 0.25) -> None:
        """A plain shape of skin or hair."""
        moved = self.person.placement(self.person.body.bend(polygon))
        self.canvas.paint([moved], color, light=light)

    def part(self, index: int, part: Part) -> None:
        """One part of the garment ``index``."""
        person, worn = self.person, self.person.worn[index]
        owner = person.first_owner + index
        self.canvas.paint_part(part, owner, worn.fabric, person.placement, person.angle, self.rng)

    def parts(self, index: int, *names: str) -> None:
        """All parts of a garment with one of these names."""
        for part in self.person.worn[index].garment.parts:
            if part.name in names:
                self.part(index, part)

    def bare_body(self, far: int) -> None:
        """Legs, feet, upper arms, torso and neck."""
        body, color = self.person.body, self.person.skin
        for side in (1, -1):
            self.shape(skin.leg_skin(body, side).polygon(), color)
            shoe: Color = (40, 40, 45) if self.person.long_hair else (215, 215, 220)
            self.shape(skin.foot_skin(body, side), shoe)
            if side != far:
                self.shape(skin.arm_skin(body, side).polygon(), color)
        self.shape(skin.torso_skin(body), color, light=0.15)
        if body.view != 'back':
            self.shape(skin.neck_skin(body), color, light=0.1)

    def arm(self, side: int) -> None:
        """Skin below the shoulder, the sleeves over it, the hand last."""
        body, color = self.person.body, self.person.skin
        start = 0.0 if side == body.far_side() else 0.3
        self.shape(skin.arm_skin(body, side, start).polygon(), color)
        for index in range(len(self.person.worn)):
            self.parts(index, f'sleeve{side_sign(side)}')
        self.shape(skin.hand_skin(body, side), color)

    def hair_behind(self) -> None:
        """The hair behind the neck."""
        center = skin.head_center(self.person.body)
        length = 0.36 if self.person.long_hair else 0.12
        self.shape(ellipse(center + point(0, length - 0.12), 0.17, 0.14 + length), self.person.hair)

    def head(self) -> None:
        """Head, face and hair; seen from behind, only neck and hair."""
        body, person = self.person.body, self.person
        center = skin.head_center(body)
        if body.view == 'back':
            self.shape(skin.neck_skin(body)[[0, 1, 2, 7]], person.skin, light=0.1)
            self.shape(ellipse(center, 0.13, 0.175), person.hair)
            if person.long_hair:
                self.shape(ellipse(center + point(0, 0.2), 0.145, 0.32), person.hair)
            return
        self.shape(ellipse(center, 0.125, 0.175), person.skin)
        turn, across = 0.1 * sin(radians(body.turn)), 0.05 * cos(radians(body.turn))
        dark: Color = tuple(int(0.45 * c) for c in person.skin)  # type: ignore[assignment]
        for side in (-1, 1):
            eye = center + point(turn + across * side, -0.015)
            self.shape(ellipse(eye, 0.016, 0.011), dark, light=0.0)
        self.shape(ellipse(center + point(turn, 0.085), 0.035, 0.01), dark, light=0.0)
        cap = ellipse(center + point(0, -0.02), 0.14, 0.18, 180, 360)
        fringe = curve(cap[-1], center + point(turn * 0.6, -0.105), cap[0])
        self.shape(np.concatenate([cap, fringe[1:-1]]), person.hair)
        if person.long_hair:
            for side in (-1, 1):
                start = center + point(0.125 * side, -0.05)
                middle = center + point(0.165 * side, 0.2)
                tip = center + point(0.13 * side, 0.46)
                inner = center + point(0.105 * side, 0.2)
                self.shape(curve(start, middle, tip, inner, start), person.hair)
