# SPDX-License-Identifier: Apache-2.0
"""What the generated garments look like: the knobs of the generator."""

from __future__ import annotations

from dataclasses import dataclass, replace

Range = tuple[float, float]


class GarmentError(ValueError):
    """An argument of the generator that makes no sense."""


@dataclass(frozen=True)
class GarmentConfig:
    """Settings of the garment generator.

    Attributes:
        size: Side of the square images in pixels.
        flat: Share of images that show garments nobody wears (viewpoint 1).
        side: Share of persons turned to the side (viewpoint 3).
        back: Share of persons seen from behind (viewpoint 3).
        second_person: Share of images with two persons, or two garments laid out.
        fill: Larger side of what is worn, as a fraction of the image (levels of ``scale``).
        close_up: Share of persons shown closer, so that garments are cut off (``zoom_in``).
        occluders: Expected number of objects in front of a person's garments (``occlusion``).
        clutter: Amount of things in the background, 0..1.
        plain: Share of images with a plain backdrop.
        noise: Standard deviation of the sensor noise, in grey levels.
        jpeg_quality: Range of the quality of the written files.
    """

    size: int = 256
    flat: float = 0.27
    side: float = 0.12
    back: float = 0.05
    second_person: float = 0.16
    fill: Range = (0.6, 0.98)
    close_up: float = 0.15
    occluders: float = 0.55
    clutter: float = 0.7
    plain: float = 0.15
    noise: float = 3.0
    jpeg_quality: tuple[int, int] = (86, 96)

    def __post_init__(self) -> None:
        if self.size < 64:
            raise GarmentError(f'size is {self.size}: images need at least 64 pixels')
        for name in ('flat', 'side', 'back', 'second_person', 'close_up', 'clutter', 'plain'):
            if not 0 <= getattr(self, name) <= 1:
                raise GarmentError(f'{name} is {getattr(self, name)}: it must lie within 0..1')
        if self.side + self.back > 1:
            raise GarmentError(f'side + back is {self.side + self.back}: it must not exceed 1')
        if not 0 < self.fill[0] <= self.fill[1]:
            raise GarmentError(f'fill is {self.fill}: expected 0 < low <= high')

    def at_difficulty(self, level: str) -> GarmentConfig:
        """The same image size at 'easy', 'medium' (the defaults) or 'hard'."""
        if level not in DIFFICULTIES:
            raise GarmentError(
                f'difficulty is {level!r}: expected one of {", ".join(DIFFICULTIES)}'
            )
        return replace(GarmentConfig(size=self.size), **DIFFICULTIES[level])  # type: ignore[arg-type]


DIFFICULTIES: dict[str, dict[str, object]] = {
    "easy": {
        "side": 0.0, "back": 0.0, "second_person": 0.0, "close_up": 0.0, "occluders": 0.0,
        "clutter": 0.3, "plain": 0.5, "fill": (0.75, 0.95),
    },
    "medium": {},
    "hard": {
        "side": 0.22, "back": 0.12, "second_person": 0.4, "close_up": 0.3, "occluders": 1.5,
        "clutter": 1.0, "plain": 0.05, "fill": (0.3, 1.05), "noise": 6.0, "jpeg_quality": (60, 92),
    },
}  # fmt: skip
"""Name to what differs from the defaults."""
