"""Draw the objects of a toy scene: road, buildings, trees, vehicles, persons (in metres)."""

from itertools import pairwise

import numpy as np

from .canvas import Canvas, box, capsule, ellipse


def _palette(codes):
    return np.array([list(bytes.fromhex(code)) for code in codes.split()], float)


_WALLS = _palette('5c3e34 6e6256 7e7c78 4a423e 968c7a')
_COLOURS = _palette('1a1b20 2c303e 3c3a38 707378 babcbe 60282a 303e5c 46543c c8bea0 a0a2a6')
_SKIN = _palette('cda58a ba8e70 8c624a')
_LEAVES = _palette('364a2c 3e502e 32422e 545432 324e22')
_SKIES = _palette('13161a 181918 101115 a5aab0 8ca5c8 bebeba')
_LAMPS = _palette('ffedc0 e6ffeb ffc780')
_WHITE, _STEEL, _DARK, _GLASS, _STONE = _palette('ebebe8 696c6e 18181a 1c2228 a09d95')
_ORANGE, _YELLOW, _RED, _GRASS = _palette('eb541e e1aa28 c81c20 384a28')


def _tubes(radius, colour, warmth, *path):
    return [([capsule(*ends, radius)], colour, warmth) for ends in pairwise(path)]


_FACE = [box(0, 1, 0, 1)]
_PLATE = np.array(((-0.42, 2.45), (0.42, 2.45), (0, 1.75)))
#: Parts of what is flat: outlines, colour (None: any), warmth, glow (sheeting returns light).
_PARTS = {
    'car_stop': (
        *_tubes(0.07, _STONE, 16, (0, 0), (0, 0.72)),
        ([box(-0.075, 0.075, 0.52, 0.62)], _YELLOW, 15),
    ),
    'color_cone': (
        ([box(-0.2, 0.2, 0, 0.06)], _ORANGE * 0.6, 13),
        ([capsule((0, 0.14), (0, 0.68), 0.13, 0.03)], _ORANGE, 14),
        ([capsule((0, 0.32), (0, 0.4), 0.095, 0.08)], _WHITE, 14, _WHITE * 0.2),
    ),
    'sign': (
        *_tubes(0.035, _STEEL, 14, (0, 0), (0, 2.5)),
        ([_PLATE], _RED, 12, _RED * 0.3),
        ([_PLATE * 0.6 + (0, 0.91)], _WHITE, 12, _WHITE * 0.3),
    ),
    'bike': (
        ([ellipse((x, 0.33), r, r) for x in (-0.52, 0.54) for r in (0.34, 0.28)], _DARK, 1.2),
        *_tubes(0.024, _STEEL, 1.1, (-0.82, 0.33), (-0.22, 0.33), (-0.52, 0.63), (-0.52, 0.03)),
        *_tubes(0.024, _STEEL, 1.1, (0.24, 0.33), (0.84, 0.33), (0.54, 0.63), (0.54, 0.03)),
        *_tubes(0.034, None, 1, (-0.06, 0.3), (-0.2, 0.9), (-0.52, 0.33), (-0.06, 0.3)),
        *_tubes(0.034, None, 1, (-0.2, 0.9), (0.36, 0.84), (-0.06, 0.3)),
        *_tubes(0.034, None, 1, (0.54, 0.33), (0.34, 1.03), (0.2, 1.05)),
        *_tubes(0.045, _DARK, 1, (-0.36, 0.94), (-0.1, 0.94)),
    ),
}
#: Height of a car's belt; ends of its cabin at the belt and at the roof; height of the roof.
_CARS = (
    (0.95, (-1.75, 1.15), (-1.0, 0.4), 1.42),
    (0.98, (-2.1, 1.15), (-1.7, 0.35), 1.5),
    (1.1, (-2.2, 1.9), (-2.15, 1.3), 1.95),
)
#: Thigh, shin, foot, upper arm, forearm and hand: length and radii in shares of the height;
#: angles from straight down of the far and near side, of who walks and who rides.
_LENGTHS = np.array((0.25, 0.2, 0.06, 0.17, 0.15, 0.01))
_RADII = (0.062, 0.043, 0.027, 0.03, 0.026, 0.024), (0.044, 0.027, 0.02, 0.027, 0.022, 0.024)
_WALK = np.array(((-0.35, -0.7, 0.8, 0.35, 0.6, 0), (0.35, 0.15, 1.5, -0.35, 0.1, 0)))
_RIDE = np.array(((1.05, -0.1, 1.4, 0.75, 1.4, 0), (0.55, -0.25, 1.4, 0.85, 1.5, 0)))


def draw_parts(canvas: Canvas, x: float, z: float, name: str) -> None:
    """A bollard, a cone or a sign."""
    with canvas.painting(name):
        canvas.upright(x, z, _PARTS[name])


def draw_lamp(canvas: Canvas, x: float, z: float, name: str) -> None:
    """A street lamp whose arm reaches over the road; at night, most are lit."""
    rng = canvas.rng
    lit, tint, arm = canvas.night and rng.random() < 0.7, rng.choice(_LAMPS), -np.sign(x)
    top, power, reach = rng.uniform((4.2, 0.12, 2.5), (6, 0.5, 4.5))
    head = [ellipse((arm, top + 0.05), 0.32, 0.1)], _WHITE, 100 if lit else 15, tint * lit
    canvas.upright(x, z, [*_tubes(0.06, _STEEL, 15, (0, 0), (0, top), (arm, top + 0.1)), head])
    canvas.lights += [(x + arm, top, z, *tint / 255, power, reach)] * lit


def draw_rail(canvas: Canvas, x: float, z: float, name: str) -> None:
    """A piece of guardrail: a post and a plank with a groove."""
    look = {'side': [(_FACE, _WHITE * 0.7, 17), ([box(0, 1, 0.4, 0.6)], _STEEL, 14)]}
    with canvas.painting('guardrail'):
        canvas.block(x, z, 0, (0.7, 0.8, 0.05, 0), (0.7, 0.8, 0.05, 0.72), look)
        canvas.block(x, z, 0, (0, 1.6, 0.03, 0.4), (0, 1.6, 0.03, 0.68), look)


def draw_tree(canvas: Canvas, x: float, z: float, name: str) -> None:
    """A trunk and a crown, or a bush: leaves, the brighter ones at the top and in front."""
    rng = canvas.rng
    height, middle, radius = rng.uniform(0.8, 1.7), 0.45, (0.7, 0.45)
    if name == 'tree':
        height, middle, radius = rng.uniform(5, 10), 0.66, (rng.uniform(0.28, 0.4), 0.32)
        canvas.upright(x, z, _tubes(0.15, _DARK * 2, 24, (0, 0), (0, height / 2)))
    spots = np.clip(rng.normal(0, 0.48, (216, 2)), -1, 1)
    spots = spots[np.argsort(spots[:, 1] + rng.uniform(0, 1.6, 216))] * radius + (0, middle)
    leaves = spots[:, None] + ellipse((0, 0), 1, 1, 7) * rng.uniform(0.03, 0.07, (216, 7, 1))
    colour, warmth = rng.choice(_LEAVES) * rng.uniform(0.8, 1.2), rng.uniform(7, 13)
    for shade, group in zip(np.linspace(0.4, 1.3, 6), np.split(leaves, 6), strict=True):
        canvas.upright(x, z, [(group, colour * shade, warmth * (1.4 - 0.5 * shade))], height)


def draw_bike(canvas: Canvas, x: float, z: float, name: str) -> None:
    """A bicycle; if it is ridden, with its rider."""
    rng, ridden = canvas.rng, name == 'rider'
    turn, warmth = rng.choice((-1, 1)) * rng.uniform(0.6, 1), rng.uniform(15, 22) + 13 * ridden
    with canvas.painting('bike'):
        canvas.upright(x, z, _PARTS['bike'], 1, rng.choice(_COLOURS), warmth, turn)
    if ridden:
        draw_person(canvas, x, z - 0.05, name, turn)


def draw_person(
    canvas: Canvas, x: float, z: float, name: str, turn: float | None = None
) -> None:
    """A person of random build, clothes and pose, who walks to the right if ``turn`` is 1."""
    rng, rides = canvas.rng, name == 'rider'
    turn = turn or rng.uniform(-1, 1)
    pose = _RIDE if rides else _WALK * rng.uniform(0.2, 1.2, (2, 6))
    size, heat, warm = rng.uniform((1.5, 120, 0.62), (1.86, 200, 0.9))
    (top, cloth), skin = rng.choice(_COLOURS, 2), rng.choice(_SKIN)
    looks = (cloth, 0.8), (cloth, 0.85), (_DARK, 0.45), (top, warm), (top, warm), (skin, 1.2)
    broad, half = np.sqrt(1 - turn**2), 0.1 - 0.026 * abs(turn)
    hip = np.array((-0.07 * turn, 0.56) if rides else (0, 0.03 + 0.45 * np.cos(pose[0, 0])))
    neck = hip + np.array((0.13 * turn, 0.29) if rides else (0.01 * turn, 0.32))
    reaches = np.stack((np.sin(pose) * turn, -np.cos(pose)), axis=2) * _LENGTHS[:, None]
    head, chest = neck + np.array((0.02 * turn, 0.11)), neck - (0, 0.09)

    def limbs(side):
        aside, steps = side * broad * np.array((1, 0)), reaches[int(side > 0)]
        for joint, first in ((hip + 0.05 * aside, 0), (neck + half * aside - (0, 0.035), 3)):
            for i in range(first, first + 3):
                outline = capsule(joint, joint + steps[i], _RADII[0][i], _RADII[1][i])
                yield [outline], looks[i][0] * (0.85 + 0.15 * side), looks[i][1]
                joint = joint + steps[i]

    parts = [*limbs(-1), ([capsule(hip, chest, 0.8 * half, half)], top, warm)]
    parts += [*limbs(1), ([capsule(neck, head, 0.03)], skin, 1.25)]
    parts += [([ellipse(head, 0.055, 0.068)], _DARK, 0.8)]
    if rng.random() < 0.7:
        parts += [([ellipse(head + np.array((0.014 * turn, -0.01)), 0.043, 0.055)], skin, 1.4)]
    with canvas.painting('person'):
        canvas.upright(x, z, parts, size, None, heat)


def draw_car(canvas: Canvas, x: float, z: float, name: str) -> None:
    """A car; one that is 'moving' has a warm engine, exhaust and tyres, and lamps at night."""
    rng, runs = canvas.rng, name == 'moving'
    lit, brakes = runs and canvas.night, rng.random() < 0.5
    yaw = np.pi * rng.choice([x < 0] * 6 + [0.5] if runs else [0, 1]) + rng.normal(0, 0.1)
    belt, cabin, lid, roof = _CARS[rng.integers(len(_CARS))]
    paint, heat = rng.choice(_COLOURS), rng.uniform(34, 60) if runs else rng.uniform(17, 30)
    shell, warm = (_FACE, paint * 0.88, heat), heat * (1.9 if runs else 0.9)
    tyre = np.array([ellipse((u, 0.05), 0.075, 0.33 / (belt - 0.25)) for u in (0.19, 0.81)])
    hub = (tyre + tyre.mean(axis=1, keepdims=True)) / 2
    plate = [box(0.37, 0.63, 0.1, 0.25)], _WHITE, heat
    grille = [box(0.24, 0.76, 0.3, 0.6)], _DARK, 175 if runs else heat
    lamps = [box(0.03, 0.2, 0.5, 0.8), box(0.8, 0.97, 0.5, 0.8)]
    head = lamps, _STONE * 1.2, 150 if lit else heat, _WHITE * 1.07 * lit
    tail = lamps, _RED * 0.65, heat, _RED * (1.07 if brakes else 0.5) * lit
    pipe = [box(0.65, 0.82, 0, 0.12)], _DARK, 215 if runs else heat
    glass = [box(0.04, 0.48, 0.08, 0.88), box(0.51, 0.96, 0.08, 0.88)], _GLASS, heat * 0.65
    body = {'side': [shell, (tyre, _DARK, warm), (hub, _STEEL, warm * 1.3)]}
    body['front'], body['rear'] = [shell, grille, head, plate], [shell, tail, plate, pipe]
    body['top'] = [(_FACE, paint * 1.05, warm * 0.75)]
    cover = {'side': [shell, glass], 'top': [(_FACE, paint * 1.05, heat * 0.72)]}
    shadow = [([box(-0.05, 1.05, 0, 1.1)], _DARK, 14 + 20 * runs)]
    canvas.block(x, z, yaw, (-2.2, 2.2, 0.86, 0), (-2.2, 2.2, 0.86, 0), {'side': shadow})
    with canvas.painting('car'):
        canvas.block(x, z, yaw, (-2.2, 2.2, 0.86, 0.25), (-2.2, 2.1, 0.84, belt), body)
        canvas.block(x, z, yaw, (*cabin, 0.84, belt), (*lid, 0.7, roof), cover)
    ahead = np.array((np.sin(yaw), 0, np.cos(yaw)))
    if lit and ahead @ (x, 0, z) < 0:
        canvas.lights.append((*(x, 0.55, z) + 4.4 * ahead, 1, 0.97, 0.88, 1.6, 3.2))


def draw_building(canvas: Canvas, x: float, z: float, name: str) -> None:
    """A house with storeys of windows, some lit; at night, perhaps a shop below."""
    rng, night = canvas.rng, canvas.night
    half, deep, height, warmth, lit = rng.uniform((4, 9, 6, 13, 0.02), (8, 18, 18, 34, 0.4))
    wall, storeys, faces = rng.choice(_WALLS), int(height / 3), {'top': (), 'front': ()}
    ledges = [box(0, 1, (i + 0.9) / storeys, (i + 1) / storeys) for i in range(storeys)]
    for name, count, shade in (('rear', int(half / 1.6), 1), ('side', int(deep / 3.2), 0.8)):
        grid = np.stack(np.meshgrid(np.arange(count), np.arange(storeys)), -1).reshape(-1, 1, 2)
        panes = (box(0.2, 0.8, 0.25, 0.75) + grid) / (count, storeys)
        kinds = np.searchsorted((lit * night / 2, lit * night, 0.7), rng.random(len(panes)))
        faces[name] = [(_FACE, wall * shade, warmth), (ledges, wall * 0.6, warmth * 0.7)]
        faces[name].append((panes - (0, 0.01), wall * 1.2, warmth * 1.2))
        for kind, heat in enumerate((1.5, 1.3, 0.55, 1.2)):
            glow = rng.choice(_LAMPS) * rng.uniform(0.3, 0.65) * (kind < 2)
            faces[name].append((panes[kinds == kind], _GLASS * 1.3, warmth * heat, glow))
    if night and rng.random() < 0.35:
        front = [box(0.1, 0.9, 0.2 / height, 2.4 / height)], _WHITE, warmth * 1.3
        faces['rear'].append((*front, rng.choice(_LAMPS) * 0.6))
        canvas.lights.append((x, 1.6, z - 1.5, 1, 0.92, 0.7, 0.5, 3))
    canvas.block(
        x + np.sign(x) * half, z, 0, (0, deep, half, 0), (0, deep, half, height), faces
    )


#: Rows along each side: how to draw, what, chance, distance of the first, spacing, number,
#: metres beyond the kerb (negative: on the road), half the room taken; (least, most).
_ROWS = (
    (draw_building, 'house', 0.9, (1, 14), (14, 26), (2, 5), (4, 6), (0, 0)),
    (draw_tree, 'bush', 0.5, (5, 9), (1.3, 1.9), (4, 12), (3, 3.5), (0, 0)),
    (draw_tree, 'tree', 0.7, (8, 16), (6, 14), (2, 4), (1, 5), (0, 0)),
    (draw_tree, 'tree', 1, (60, 64), (3, 6), (3, 6), (-4, 40), (0, 0)),
    (draw_lamp, 'lamp', 0.8, (6, 20), (11, 24), (2, 4), (0.5, 0.6), (0, 0)),
    (draw_parts, 'sign', 0.25, (6, 24), (30, 40), (1, 1), (0.5, 0.8), (0, 0)),
    (draw_parts, 'car_stop', 0.2, (4, 9), (1.4, 2.5), (2, 6), (0.4, 0.5), (0, 0)),
    (draw_parts, 'color_cone', 0.2, (4, 18), (1.2, 3), (1, 4), (-1, -0.4), (0, 0)),
    (draw_rail, 'guardrail', 0.25, (3, 12), (1.6, 1.6), (3, 9), (0.4, 0.4), (0, 0)),
    (draw_car, 'parked', 0.5, (7, 20), (5.6, 8), (1, 3), (-1.05, -1), (1, 2.5)),
    (draw_car, 'moving', 0.5, (9, 45), (12, 30), (1, 2), (-2.4, -1.9), (1, 2.5)),
    (draw_person, 'walker', 0.8, (4.5, 38), (0.1, 3), (1, 4), (0.4, 2.5), (0.3, 0.3)),
    (draw_person, 'walker', 0.4, (4.5, 38), (0.1, 1), (1, 3), (-3, -0.5), (0.3, 0.3)),
    (draw_bike, 'parked', 0.25, (5, 16), (0.5, 0.7), (1, 4), (0.6, 1.4), (0, 0)),
    (draw_bike, 'rider', 0.15, (7, 24), (5, 9), (1, 1), (-2, -0.6), (0.5, 0.8)),
)


def _draw_road(canvas, left, right):
    """Sky, verges, kerbs, asphalt and its marks, and perhaps a speed bump."""
    rng, camera = canvas.rng, canvas.camera
    sky, tone = _SKIES[rng.integers(3) + 3 * (not canvas.night)], rng.uniform(0.75, 1.2)
    for rise in np.linspace(0, 1, 17):
        rows = box(0, camera.width, rise * camera.horizon, camera.height)
        canvas.paint(500, [rows], _DARK, 2 + 4 * rise**2, sky * (0.8 + 0.5 * rise))
    canvas.strip(-60, 60, 400, _GRASS * tone, 9)
    for edge, sign in ((left, -1), (right, 1)):
        verge, heat = (_GRASS, 8.5) if rng.random() < 0.4 else (_STONE * 0.7, 13)
        canvas.strip(edge, edge + sign * rng.uniform(2, 5), 90, verge * tone, heat)
        with canvas.painting('curve'):
            canvas.strip(edge, edge + 0.2 * sign, 90, _STONE * 0.85 * tone, 15)
    canvas.strip(left, right, 90, _STONE * tone * rng.uniform(0.45, 0.6), 12)
    paint, dashes = _WHITE * tone * 0.8, np.arange(rng.uniform(1, 5), 50, rng.uniform(5, 7))
    lines = [((left + right) / 2, near, near + 2.5) for near in dashes]
    for x, near, far in [*lines, (left + 0.5, 0.5, 60), (right - 0.5, 0.5, 60)]:
        canvas.strip(x - 0.07, x + 0.07, far, paint, 12, near)
    z, crossing, bump = rng.uniform((5, 0, 0), (14, 1, 1))
    for i, x in enumerate(np.arange(left, right - 0.4, 0.5)):
        if crossing < 0.3 and i % 2:
            canvas.strip(x, x + 0.5, z + 4, paint, 12, z + 1)
        if bump < 0.3:
            with canvas.painting('bump'):
                canvas.strip(x, x + 0.5, z + 0.5, (_YELLOW, _DARK * 2)[i % 2], 15, z)


def compose_scene(rng: np.random.Generator, size: tuple[int, int], night: bool) -> Canvas:
    """Canvas with a random road scene of (width, height) pixels; all chance is of ``rng``."""
    canvas = Canvas(rng, size, night)
    edges = -rng.uniform(2.4, 5), rng.uniform(2.4, 5)
    _draw_road(canvas, *edges)
    if rng.random() < 0.4:  # the headlights of the camera's own car
        canvas.lights.append((0, 1.5, 5, 1, 0.97, 0.88, rng.uniform(0.1, 0.4), 6))
    things, taken = [], []
    for edge in edges:
        for draw, name, chance, first, spacing, count, beyond, (half, deep) in _ROWS:
            z = np.exp(rng.uniform(*np.log(first)))
            for _ in range(rng.integers(count[0], count[1] + 1) * (rng.random() < chance)):
                x = edge + np.sign(edge) * rng.uniform(*beyond)
                if all(abs(x - a) > half + b or abs(z - c) > deep + d for a, b, c, d in taken):
                    things.append((z, x, draw, name))
                    taken += [(x, half, z, deep)] * (half > 0)
                z += rng.uniform(*spacing)
    for z, x, draw, name in sorted(things, key=lambda thing: (thing[3] != 'house', -thing[0])):
        draw(canvas, x, z, name)
    return canvas
