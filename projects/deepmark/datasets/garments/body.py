# SPDX-License-Identifier: Apache-2.0
"""Body-like poses: a turned, leaning torso with bent arms and spread legs, and its skin.

Frame: the body frame of `geometry`. ``side`` is -1 on the image's left and +1 on its right,
whatever way the person faces. A turned torso is an elliptical cylinder seen from the side: its
outline and the points on its front and back follow from the turn in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import cos, radians, sin

import numpy as np

from .geometry import Points, Tube, along, bent_line, curve, ellipse, point, tube

NECK_HALF_WIDTH = 0.085
SHOULDER_HALF_WIDTH = 0.285
ARMPIT_Y, WAIST_Y, HIP_Y, CROTCH_Y = 0.32, 0.62, 0.88, 1.03
DEPTH_RATIO = 0.62
"""Depth of the torso from front to back, as a fraction of its width."""

_HEIGHTS = (-0.05, 0.10, 0.33, 0.62, 0.88, 1.03)
_HALF_WIDTHS = (0.10, 0.27, 0.245, 0.20, 0.262, 0.262)
_UPPER_ARM, _FOREARM = 0.43, 0.40
_THIGH, _SHIN = 0.70, 0.70
_ARM_WIDTHS = (0.07, 0.062, 0.05, 0.05, 0.034)


@dataclass(frozen=True)
class Body:
    """A pose and build. Angles in degrees, pairs are (image left, image right).

    Attributes:
        view: 'front', 'side' (turned by ``turn``), 'back', or 'flat' (a garment nobody wears).
        turn: Rotation about the vertical axis; positive turns the front to the image's right.
        lean: Shear of everything above the hips, x units per y unit.
        arms: Upper arm, 0 hangs down, 90 points outwards.
        elbows: Bend of the forearm against the upper arm; negative bends inwards.
        legs: Thigh, 0 points down, positive outwards.
        knees: Bend of the shin against the thigh.
        shoulder, waist, hip: Factors on the widths of the build.
    """

    view: str = 'front'
    turn: float = 0.0
    lean: float = 0.0
    arms: tuple[float, float] = (12.0, 12.0)
    elbows: tuple[float, float] = (0.0, 0.0)
    legs: tuple[float, float] = (4.0, 4.0)
    knees: tuple[float, float] = (0.0, 0.0)
    shoulder: float = 1.0
    waist: float = 1.0
    hip: float = 1.0
    widths: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        factors = (1.0, self.shoulder, self.shoulder, self.waist, self.hip, self.hip)
        widths = tuple(w * f for w, f in zip(_HALF_WIDTHS, factors, strict=True))
        object.__setattr__(self, 'widths', widths)

    def half_width(self, y: float) -> float:
        """Half width of the unturned torso at height y."""
        return float(np.interp(y, _HEIGHTS, self.widths))

    def turned(self, half_width: float) -> float:
        """Half width that a cylinder of this half width shows after the turn."""
        a = radians(self.turn)
        return half_width * float(np.hypot(cos(a), DEPTH_RATIO * sin(a)))

    def place(self, x: float, y: float, depth: float = 0.0) -> Points:
        """A point x beside the axis and ``depth`` in front of it, after the turn."""
        a = radians(self.turn)
        return point(x * cos(a) + depth * sin(a), y)

    def edge(self, side: int, y: float, half_width: float | None = None) -> Points:
        """Point on the torso's outline (or on a garment of the given half width)."""
        return point(side * self.turned(half_width or self.half_width(y)), y)

    def front(self, x: float, y: float, half_width: float | None = None) -> Points:
        """Point on the surface facing forwards, x beside the middle."""
        return self.place(x, y, DEPTH_RATIO * (half_width or self.half_width(y)))

    def shoulder_y(self, x: float) -> float:
        """Height of the shoulder line at distance |x| from the axis."""
        span = SHOULDER_HALF_WIDTH * self.shoulder - NECK_HALF_WIDTH
        return -0.03 + 0.11 * max(0.0, abs(x) - NECK_HALF_WIDTH) / span

    def arm_line(self, side: int) -> Points:
        """Centre line from the shoulder joint to the wrist."""
        i = (side + 1) // 2
        root = self.place(side * 0.25 * self.shoulder, 0.15)
        upper, lower = radians(self.arms[i]), radians(self.arms[i] + self.elbows[i])
        elbow = root + _UPPER_ARM * point(side * sin(upper), cos(upper))
        wrist = elbow + _FOREARM * point(side * sin(lower), cos(lower))
        return bent_line(root, elbow, wrist)

    def leg_line(self, side: int) -> Points:
        """Centre line from the hip joint to the ankle."""
        i = (side + 1) // 2
        root = self.place(side * 0.135 * self.hip, 1.0)
        spread = cos(radians(self.turn))
        upper, lower = (
            radians(angle * spread) for angle in (self.legs[i], self.legs[i] + self.knees[i])
        )
        knee = root + _THIGH * point(side * sin(upper), cos(upper))
        ankle = knee + _SHIN * point(side * sin(lower), cos(lower))
        return bent_line(root, knee, ankle)

    def far_side(self) -> int:
        """The side whose arm the torso hides: -1, +1, or 0 when neither is hidden."""
        return 0 if abs(self.turn) < 25 else (1 if self.turn > 0 else -1)

    def bend(self, points: Points) -> Points:
        """Apply the lean: a shear that fades in smoothly above the hips, (N, 2) to (N, 2)."""
        above = HIP_Y - points[..., 1]
        height = 0.1 * np.logaddexp(0.0, above / 0.1)
        return np.stack([points[..., 0] + self.lean * height, points[..., 1]], axis=-1)


def random_body(rng: np.random.Generator, view: str) -> Body:
    """A relaxed random pose for a view; see `Body`."""
    turn = 0.0
    if view == 'front':
        turn = float(rng.normal(0, 7))
    elif view == 'side':
        turn = float(rng.choice([-1, 1]) * rng.uniform(35, 62))
    shoulder, waist, hip = (float(factor) for factor in rng.uniform(0.9, 1.12, 3))
    body = Body(view, turn, shoulder=shoulder, waist=waist, hip=hip)
    if view == 'flat':
        arm, leg = float(rng.uniform(14, 62)), float(rng.uniform(3, 10))
        arms, legs = (arm, arm + rng.normal(0, 6)), (leg, leg + rng.normal(0, 1))
        return replace(body, arms=arms, legs=legs)
    (left, left_elbow), (right, right_elbow) = _random_arm(rng), _random_arm(rng)
    thighs = rng.uniform(2, 11, 2)
    knees = -np.clip(rng.normal(2, 6, 2), -3, 18)
    return replace(
        body,
        lean=float(rng.normal(0, 0.07)),
        arms=(left, right),
        elbows=(left_elbow, right_elbow),
        legs=(thighs[0], thighs[1]),
        knees=(knees[0], knees[1]),
    )


def _random_arm(rng: np.random.Generator) -> tuple[float, float]:
    """Upper-arm angle and elbow bend: hanging, akimbo, in front of the body, raised."""
    kind = rng.choice(4, p=[0.58, 0.16, 0.14, 0.12])
    ranges = (((7, 28), (-20, 5)), ((30, 48), (-100, -70)), ((6, 22), (-125, -75)),
              ((55, 135), (-25, 45)))[kind]  # fmt: skip
    return float(rng.uniform(*ranges[0])), float(rng.uniform(*ranges[1]))


def torso_skin(body: Body) -> Points:
    """Outline of the bare torso from the neck to the crotch."""
    heights = (-0.02, 0.08, 0.2, ARMPIT_Y, WAIST_Y, HIP_Y, 1.06)
    left = curve(*(body.edge(-1, y) for y in heights))
    right = curve(*(body.edge(1, y) for y in heights))
    return np.concatenate([left, right[::-1]])


def neck_skin(body: Body) -> Points:
    """The neck, from the chin down to the collar bones."""
    w = NECK_HALF_WIDTH
    top, low = body.place(0, -0.3, 0.06), body.place(0, 0.14, 0.03)
    return np.array(
        [
            top + point(-w, 0), top + point(w, 0), body.place(w, -0.06), body.place(0.16, 0.03),
            low + point(0.05, 0), low - point(0.05, 0), body.place(-0.16, 0.03),
            body.place(-w, -0.06),
        ]
    )  # fmt: skip


def head_center(body: Body) -> Points:
    """Centre of the head."""
    return body.place(0, -0.40, 0.07)


def arm_skin(body: Body, side: int, start: float = 0.0) -> Tube:
    """The bare arm without the hand, from the fraction ``start`` of its length on."""
    part = np.linspace(start, 1.0, 19)
    widths = np.interp(np.linspace(start, 1.0, 5), np.linspace(0, 1, 5), _ARM_WIDTHS)
    return tube(along(body.arm_line(side), part), 1.0, tuple(widths), side)


def hand_skin(body: Body, side: int) -> Points:
    """The hand, a small ellipse beyond the wrist."""
    line = body.arm_line(side)
    step = (line[-1] - line[-2]) / max(float(np.hypot(*(line[-1] - line[-2]))), 1e-9)
    return ellipse(line[-1] + 0.05 * step, 0.048, 0.062)


def leg_skin(body: Body, side: int) -> Tube:
    """The bare leg without the foot."""
    widths = (0.125 * body.hip, 0.105, 0.075, 0.07, 0.04)
    return tube(body.leg_line(side), 1.0, widths, side)


def foot_skin(body: Body, side: int) -> Points:
    """The shoe."""
    ankle = body.leg_line(side)[-1]
    turn = 0.05 * side + 0.08 * sin(radians(body.turn))
    return ellipse(ankle + point(turn, 0.045), 0.085, 0.055)
