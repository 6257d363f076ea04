"""Cars of the toy scenes: a side profile drawn out to the car's width, seen from any side."""

import itertools
from dataclasses import dataclass

import numpy as np

_PAINTS = (
    (186, 188, 190),
    (160, 162, 166),
    (112, 115, 120),
    (32, 33, 37),
    (44, 48, 62),
    (98, 34, 36),
    (62, 76, 104),
    (170, 160, 140),
)
_GLASS = (26, 32, 38)
_TYRE = (22, 22, 24)


@dataclass(frozen=True)
class Shape:
    """A car's outline from the side: (along, up) from the rear bumper over the roof.

    ``windows`` are the outline's stretches of glass (rear, windscreen), counted by their
    first point; ``sides`` the side windows, each a polygon (along, up).
    """

    outline: tuple
    windows: tuple
    sides: tuple
    half_width: float
    roof_inset: float


_SEDAN = Shape(
    outline=(
        (-2.2, 0.28),
        (-2.25, 0.62),
        (-2.18, 0.95),
        (-1.55, 1.02),
        (-0.95, 1.42),
        (0.4, 1.44),
        (1.1, 0.98),
        (2.05, 0.82),
        (2.2, 0.55),
        (2.15, 0.25),
    ),
    windows=(3, 5),
    sides=(
        ((-1.35, 1.0), (-0.85, 1.34), (-0.22, 1.37), (-0.22, 0.98)),
        ((-0.14, 0.98), (-0.14, 1.37), (0.34, 1.37), (0.9, 0.98)),
    ),
    half_width=0.86,
    roof_inset=0.2,
)
_HATCH = Shape(
    outline=(
        (-1.9, 0.28),
        (-1.95, 0.62),
        (-1.86, 0.98),
        (-1.5, 1.48),
        (0.35, 1.53),
        (1.15, 1.02),
        (1.8, 0.86),
        (1.95, 0.55),
        (1.9, 0.25),
    ),
    windows=(2, 4),
    sides=(
        ((-1.62, 1.02), (-1.38, 1.42), (-0.4, 1.45), (-0.4, 1.0)),
        ((-0.32, 1.0), (-0.32, 1.45), (0.3, 1.45), (0.92, 1.0)),
    ),
    half_width=0.84,
    roof_inset=0.16,
)
_VAN = Shape(
    outline=(
        (-2.2, 0.3),
        (-2.25, 0.7),
        (-2.2, 1.1),
        (-2.08, 1.92),
        (1.35, 1.95),
        (1.98, 1.15),
        (2.22, 0.95),
        (2.25, 0.55),
        (2.2, 0.27),
    ),
    windows=(2, 4),
    sides=(
        ((-2.05, 1.15), (-1.98, 1.72), (-0.75, 1.75), (-0.75, 1.15)),
        ((-0.65, 1.15), (-0.65, 1.75), (0.4, 1.75), (0.4, 1.15)),
        ((0.5, 1.15), (0.5, 1.75), (1.3, 1.75), (1.75, 1.15)),
    ),
    half_width=0.9,
    roof_inset=0.08,
)
_SHAPES = (_SEDAN, _HATCH, _VAN)


class _Car:
    """Turns a car's own axes (along, across to the right, up) into the world's."""

    def __init__(self, canvas, shape, x, z, yaw):
        self.canvas = canvas
        self.shape = shape
        self.origin = np.array([x, 0.0, z])
        cosine, sine = np.cos(yaw), np.sin(yaw)
        self.axes = np.array([[sine, 0, cosine], [cosine, 0, -sine], [0, 1, 0]])

    def world(self, points):
        return np.asarray(points, float) @ self.axes + self.origin

    def half(self, up):
        """Half of the width at a height: the greenhouse leans inwards."""
        roof = max(point[1] for point in self.shape.outline)
        lean = np.clip((up - 1.0) / (roof - 1.0), 0, 1)
        return self.shape.half_width - self.shape.roof_inset * lean

    def side(self, points, sign, out=0.0):
        """Points (along, up) on the flank to the right (1) or left (-1)."""
        flank = [(along, sign * (self.half(up) + out), up) for along, up in points]
        return self.world(flank if sign < 0 else flank[::-1])

    def across(self, first, second, inset=0.0):
        """The face between two outline points, over the car's width."""
        (a, low), (b, high) = first, second
        left, right = self.half(low) - inset, self.half(high) - inset
        return self.world(
            [(a, -left, low), (a, left, low), (b, right, high), (b, -right, high)]
        )

    def end(self, along, left, right, low, high):
        """A patch of the front (positive ``along``) or the rear."""
        corners = [
            (along, left, low),
            (along, right, low),
            (along, right, high),
            (along, left, high),
        ]
        return self.world(corners if along < 0 else corners[::-1])


def _shadow(canvas, car, running):
    length = max(point[0] for point in car.shape.outline)
    half = car.shape.half_width
    for grow, dark, heat in ((0.25, 22, 14), (0.0, 10, 48 if running else 15)):
        corners = [(-length, -half), (-length, half), (length, half), (length, -half)]
        grown = [(a + np.sign(a) * grow, b + np.sign(b) * grow, 0.0) for a, b in corners]
        canvas.face(car.world(grown), (dark, dark, dark), heat, ground=True)


def _wheels(canvas, car, sign, heat):
    length = max(point[0] for point in car.shape.outline)
    turn = np.linspace(0, 2 * np.pi, 22, endpoint=False)
    for along in (-0.62 * length, 0.62 * length):
        for radius, colour, warmth, out in (
            (0.36, (14, 14, 15), heat * 0.6, 0.005),
            (0.31, _TYRE, heat, 0.01),
            (0.19, (120, 122, 126), heat * 1.35, 0.015),
            (0.09, (60, 60, 64), heat * 1.1, 0.02),
        ):
            rim = [(along + radius * np.cos(t), 0.32 + radius * np.sin(t)) for t in turn]
            canvas.face(car.side(rim, sign, out), colour, warmth)


def _rear(canvas, car, colour, heat, running, braking):
    along = min(point[0] for point in car.shape.outline) - 0.02
    half = car.shape.half_width
    canvas.face(car.end(along, -half, half, 0.28, 0.5), colour * 0.35, heat * 1.25)
    glow = (215, 24, 20) if braking else (105, 10, 8) if running and canvas.night else (0, 0, 0)
    for left, right in ((-half * 0.97, -half * 0.66), (half * 0.66, half * 0.97)):
        canvas.face(car.end(along, left, right, 0.66, 0.92), (130, 18, 18), heat * 1.1, glow)
    canvas.face(car.end(along, -0.24, 0.24, 0.6, 0.74), (225, 228, 220), heat * 0.9)
    if running:
        canvas.face(car.end(along, 0.25, 0.6, 0.2, 0.34), (40, 40, 42), 215)
        canvas.face(car.end(along, -half * 0.9, half * 0.9, 0.18, 0.27), (20, 20, 20), 105)
    if glow[0] > 200:
        spot = car.world([(along - 0.7, 0, 0.6)])[0]
        canvas.lights.append((tuple(spot), (1.0, 0.12, 0.1), 0.5, 1.8))


def _front(canvas, car, colour, heat, running):
    along = max(point[0] for point in car.shape.outline) + 0.02
    half = car.shape.half_width
    lit = running and canvas.night
    engine = 175 if running else heat * 1.1
    canvas.face(car.end(along, -half, half, 0.25, 0.42), colour * 0.3, heat * 1.1)
    canvas.face(car.end(along, -0.45, 0.45, 0.45, 0.68), (24, 25, 28), engine)
    for left, right in ((-half * 0.97, -half * 0.6), (half * 0.6, half * 0.97)):
        canvas.face(
            car.end(along, left, right, 0.56, 0.76),
            (190, 195, 200),
            150 if lit else heat * 1.15,
            (252, 250, 240) if lit else (0, 0, 0),
        )
    canvas.face(car.end(along, -0.22, 0.22, 0.36, 0.48), (225, 228, 220), heat)
    if lit:
        spot = car.world([(along + 2.2, 0, 0.55)])[0]
        canvas.lights.append((tuple(spot), (1.0, 0.97, 0.88), 1.6, 3.2))


def draw_car(canvas, x, z, yaw, running):
    """A car of random make at (x, z).

    Args:
        canvas (Canvas): Where it is painted.
        x (float): Metres to the right.
        z (float): Metres ahead.
        yaw (float): Heading in radians: 0 drives away, pi towards the camera.
        running (bool): Engine, exhaust and tyres are warm, and the lamps lit at night.
    """
    rng = canvas.rng
    car = _Car(canvas, _SHAPES[rng.integers(len(_SHAPES))], x, z, yaw)
    colour = np.array(_PAINTS[rng.integers(len(_PAINTS))], float)
    heat = rng.uniform(34, 60) if running else rng.uniform(17, 30)
    braking = running and rng.random() < 0.5 and canvas.night
    _shadow(canvas, car, running)

    outline = car.shape.outline
    length = max(point[0] for point in outline)
    parts = []
    for index, (first, second) in enumerate(itertools.pairwise(outline)):
        tilt = 1.05 if abs(second[0] - first[0]) > abs(second[1] - first[1]) else 0.85
        bonnet = running and (first[0] + second[0]) / 2 > 0.55 * length
        warm = heat * (1.9 if bonnet else 1.0 if tilt < 1 else 0.72)
        parts.append((car.across(first, second), index, colour * tilt, warm))
    for sign in (-1, 1):
        parts.append(
            (car.side(outline, sign), ('left', 'right')[sign > 0], colour * 0.92, heat)
        )
    parts.sort(key=lambda part: -np.linalg.norm(part[0].mean(axis=0)))

    with canvas.painting('car'):
        for points, part, shade, warm in parts:
            if not canvas.face(points, shade, warm, outward=True):
                continue
            if part in car.shape.windows:
                glass = car.across(outline[part], outline[part + 1], inset=0.08)
                middle = glass.mean(axis=0)
                canvas.face(middle + (glass - middle) * (0.98, 0.86, 0.86), _GLASS, heat * 0.62)
            elif part in ('left', 'right'):
                sign = 1 if part == 'right' else -1
                lower = [(-length, 0.3), (-length, 0.55), (length, 0.55), (length, 0.3)]
                canvas.face(car.side(lower, sign, 0.002), shade * 0.7, warm * 1.2)
                for window in car.shape.sides:
                    canvas.face(car.side(window, sign, 0.004), _GLASS, heat * 0.68)
                _wheels(canvas, car, sign, heat * (1.9 if running else 0.85))
        _lamps(canvas, car, colour, heat, running, braking)


def _lamps(canvas, car, colour, heat, running, braking):
    """Whatever sits on the end that faces the camera."""
    towards = -(car.axes[0] @ car.origin)
    length = max(point[0] for point in car.shape.outline)
    if towards > length:
        _front(canvas, car, colour, heat, running)
    elif towards < -length:
        _rear(canvas, car, colour, heat, running, braking)
