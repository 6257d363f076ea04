"""What stands still in the toy scenes: buildings, trees, lamps, signs, barriers, cones."""

import itertools

import cv2
import numpy as np

from .canvas import SUPERSAMPLE, capsule, ellipse

_WALLS = ((92, 62, 52), (110, 98, 86), (126, 124, 120), (74, 66, 62), (150, 140, 122))
_LAMP_COLOURS = ((1.0, 0.93, 0.75), (0.9, 1.0, 0.92), (1.0, 0.78, 0.5))
_WINDOW_LIGHT = ((150, 140, 95), (135, 145, 125), (160, 130, 80), (120, 135, 140))


def draw_building(canvas, left, right, near, far, height):
    """A block with windows, from ``left`` to ``right`` and ``near`` to ``far`` (metres)."""
    rng = canvas.rng
    colour = np.array(_WALLS[rng.integers(len(_WALLS))], float)
    warmth = rng.uniform(13, 34)
    flank = left if left > 0 else right
    lit_share = rng.choice((0.03, 0.15, 0.4)) if canvas.night else 0.06
    style = colour, warmth, height, lit_share
    _wall(canvas, (flank, max(near, 0.5)), (flank, far), style, 0.8)
    if near > 2:
        _wall(canvas, (left, near), (right, near), style, 1.0)
        if canvas.night and rng.random() < 0.35:
            _shop(canvas, left, right, near, warmth)


def _wall(canvas, start, end, style, shade):
    """A wall between two spots (x, z), with courses and a grid of windows."""
    rng = canvas.rng
    colour, warmth, height, lit_share = style
    start, end = np.array(start, float), np.array(end, float)

    def patches(a, b, low, high):
        """Rectangles (M, 4, 3): shares of the wall's length, and heights."""
        a, b, low, high = np.broadcast_arrays(*(np.atleast_1d(v) for v in (a, b, low, high)))
        first = start + (end - start) * a[:, None]
        last = start + (end - start) * b[:, None]
        corners = (first, low), (first, high), (last, high), (last, low)
        return np.stack(
            [np.stack((spot[:, 0], level, spot[:, 1]), 1) for spot, level in corners], 1
        )

    colour = colour * shade
    joints = np.linspace(0, 1, 5)
    for a, b in itertools.pairwise(joints):
        canvas.faces(patches(a, b, 0, height), colour, warmth)
    storeys = max(2, int(height / 3.3))
    storey = height / storeys
    ledges = np.arange(1, storeys + 1) * storey
    canvas.faces(patches(0, 1, ledges - 0.35, ledges), colour * 0.65, warmth * 0.7)
    canvas.faces(patches(0, 1, ledges - 0.42, ledges - 0.35), colour * 1.2, warmth * 1.25)
    count = int(np.clip(np.linalg.norm(end - start) / 3.2, 1, 10))
    grid = np.stack(np.meshgrid(np.arange(storeys), np.arange(count)), -1).reshape(-1, 2)
    rows, columns = grid.T
    a, b = (columns + 0.2) / count, (columns + 0.8) / count
    low, high = (rows + 0.25) * storey, (rows + 0.75) * storey
    windows = patches(a, b, low, high)
    chance = rng.random(len(windows))
    lights = np.array(_WINDOW_LIGHT) * rng.uniform(0.5, 1.1, (len(_WINDOW_LIGHT), 1))
    glow = lights if canvas.night else lights * 0
    kinds = [
        ((chance < 0.5 * lit_share), (150, 145, 125), 1.5, glow[0]),
        ((chance >= 0.5 * lit_share) & (chance < lit_share), (150, 145, 125), 1.3, glow[1]),
        ((chance >= lit_share) & (chance < 0.7), (34, 40, 48), 0.55, (0, 0, 0)),
        ((chance >= lit_share) & (chance >= 0.7), (44, 48, 52), 1.2, (0, 0, 0)),
    ]
    for chosen, pane, heat, light in kinds:
        canvas.faces(windows[chosen], pane, warmth * heat, light)
    bar = a + (b - a) * 0.48
    canvas.faces(patches(bar, bar + 0.05 * (b - a), low, high), colour * 0.5, warmth)
    canvas.faces(patches(a, b, low - 0.12, low), colour * 1.2, warmth * 1.2)


def _shop(canvas, left, right, near, warmth):
    """A lit shop front with its sign, which lights the ground before it."""
    rng = canvas.rng
    nearest = left if left > 0 else right
    away = np.sign(nearest) * min(4.0, abs(right - left) * 0.7)
    inner, outer = nearest + 0.12 * away, nearest + away

    def pane(low, high):
        return [
            (inner, low, near),
            (inner, high, near),
            (outer, high, near),
            (outer, low, near),
        ]

    canvas.face(pane(0.2, 2.3), (180, 170, 140), warmth * 1.5, (150, 138, 95))
    sign = np.array(((40, 190, 90), (200, 60, 50), (90, 130, 220), (215, 200, 120)))
    canvas.face(pane(2.6, 3.1), sign[rng.integers(4)], warmth, sign[rng.integers(4)] * 0.6)
    canvas.lights.append((((inner + outer) / 2, 1.6, near - 1.5), (1.0, 0.92, 0.7), 0.5, 3.0))


def draw_tree(canvas, x, z, height):
    """A trunk and a ragged crown of leaves."""
    rng = canvas.rng
    place = canvas.standing(x, z)
    girth = rng.uniform(0.12, 0.26)
    fork = np.array([rng.uniform(-0.3, 0.3), 0.55 * height])
    bark = np.array((58, 48, 38)) * rng.uniform(0.7, 1.2)
    warmth = rng.uniform(18, 34)
    canvas.fill(place(capsule((0, 0), fork, girth * 1.3, girth * 0.7)), bark, warmth, z)
    for angle in rng.uniform(-0.9, 0.9, 3):
        tip = fork + 0.3 * height * np.array([np.sin(angle), np.cos(angle)])
        canvas.fill(place(capsule(fork, tip, girth * 0.6, girth * 0.2)), bark, warmth * 0.9, z)
    crown = rng.uniform(0.32, 0.45) * height
    leaves = np.array(((54, 74, 44), (62, 80, 46), (50, 66, 46), (84, 84, 50))[rng.integers(4)])
    _foliage(canvas, x, z, 0.66 * height, crown, 0.42 * height, leaves, rng.uniform(7, 13))


def draw_hedge(canvas, x, z, width, height):
    """A bush."""
    leaves = np.array((50, 78, 34)) * canvas.rng.uniform(0.8, 1.2)
    middle = height * 0.45
    _foliage(canvas, x, z, middle, width / 2, height * 0.6, leaves, canvas.rng.uniform(8, 12))


def _foliage(canvas, x, z, middle, half_width, half_height, leaves, warmth):
    camera, noise = canvas.camera, canvas.noise
    centre = camera.project(np.array([[x, middle, z]]))[0] * SUPERSAMPLE
    scale = camera.focal / z * SUPERSAMPLE
    limit = np.array([camera.width, camera.height]) * SUPERSAMPLE
    reach = 1.2 * scale * np.array([half_width, half_height])
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach), limit).astype(int)
    if (high - low).min() < 2:
        return
    columns, rows = np.arange(low[0], high[0]), np.arange(low[1], high[1])
    shift = canvas.rng.integers(0, 512, 2)
    across = ((columns - centre[0]) / (scale * half_width)).astype(np.float32)
    upward = ((rows - centre[1]) / (scale * half_height)).astype(np.float32)
    clumps = 180 / max(scale * half_width, 60)
    grain = _crop(noise, rows, columns, shift)
    coarse = _crop(noise, rows * clumps, columns * clumps, shift[::-1])
    ragged = (across**2)[None] + (upward**2 - 0.95)[:, None] + 0.16 * coarse + 0.06 * grain
    shade = (0.75 - 0.3 * upward)[:, None] + 0.2 * coarse + 0.3 * grain
    level = cv2.convertScaleAbs(np.maximum(shade, 0.12), alpha=150)
    steps = np.arange(256)[:, None] / 150
    table = np.hstack((steps * leaves, warmth * (1.35 - 0.45 * steps)))
    table = np.ascontiguousarray(np.clip(table, 0, 255).astype(np.uint8)).view(np.uint32)
    surface = table[:, 0][level].view(np.uint8).reshape(*level.shape, 4)
    canvas.stamp(low[0], low[1], ragged < 0, surface, z)


def _crop(noise, rows, columns, shift):
    """Noise at rows (h,) and columns (w,), repeated beyond its edges: (h, w)."""
    rows = (rows.astype(int) + shift[0]) % noise.shape[0]
    columns = (columns.astype(int) + shift[1]) % noise.shape[1]
    return noise[rows][:, columns]


def draw_lamp(canvas, x, z, lit):
    """A street lamp whose arm reaches over the road."""
    rng = canvas.rng
    place = canvas.standing(x, z)
    top = rng.uniform(4.2, 6.0)
    arm = -np.sign(x) * rng.uniform(0.5, 1.4)
    steel, warmth = (95, 98, 100), rng.uniform(13, 18)
    canvas.fill(place(capsule((0, 0), (0, top), 0.09, 0.05)), steel, warmth, z)
    canvas.fill(place(capsule((0, top), (arm, top + 0.1), 0.04, 0.04)), steel, warmth, z)
    head = ellipse((arm, top + 0.05), 0.32, 0.1, 14)
    if not lit:
        canvas.fill(place(head), (150, 150, 150), warmth, z)
        return
    tint = _LAMP_COLOURS[rng.integers(3)]
    canvas.fill(place(head), (230, 230, 225), rng.uniform(75, 130), z, np.array(tint) * 250)
    canvas.lights.append(
        ((x + arm, top, z), tint, rng.uniform(0.12, 0.5), rng.uniform(2.5, 4.5))
    )


def draw_sign(canvas, x, z):
    """A round or triangular traffic sign; its sheeting returns light."""
    rng = canvas.rng
    place = canvas.standing(x, z)
    top = rng.uniform(2.0, 2.5)
    canvas.fill(place(capsule((0, 0), (0, top + 0.3), 0.035, 0.035)), (130, 132, 134), 14, z)
    glow = 0.3 * canvas.night
    if rng.random() < 0.5:
        for radius, colour in ((0.34, (235, 235, 235)), (0.31, (30, 70, 190))):
            plate = ellipse((0, top), radius, radius)
            canvas.fill(place(plate), colour, 12, z, np.array(colour) * glow)
        stripe = capsule((0, top - 0.18), (0, top + 0.18), 0.05, 0.05)
        white = (235, 235, 235)
        canvas.fill(place(stripe), white, 12, z, np.array(white) * glow)
    else:
        for size, colour in ((0.42, (235, 235, 235)), (0.37, (200, 28, 32))):
            plate = np.array(
                [(-size, top + size * 0.6), (size, top + size * 0.6), (0, top - size)]
            )
            canvas.fill(place(plate), colour, 12, z, np.array(colour) * glow)


def draw_cone(canvas, x, z):
    """A traffic cone."""
    place = canvas.standing(x, z)
    colour = np.array((235, 84, 30)) if canvas.rng.random() < 0.8 else np.array((40, 150, 80))
    with canvas.painting('color_cone'):
        base = [(-0.2, 0), (0.2, 0), (0.2, 0.05), (-0.2, 0.05)]
        canvas.fill(place(base), colour * 0.6, 13, z)
        for low, high, shade in (
            (0.05, 0.72, colour),
            (0.28, 0.4, np.array((230, 230, 225))),
            (0.5, 0.6, np.array((230, 230, 225))),
        ):
            a, b = 0.15 - 0.17 * low, 0.15 - 0.17 * high
            canvas.fill(place([(-a, low), (a, low), (b, high), (-b, high)]), shade, 14, z)


def draw_guardrail(canvas, x, near, far, fence):
    """A stretch of guardrail (white, waved) or of fence (bars) along the road."""
    colour = np.array((168, 170, 168)) if not fence else np.array((120, 96, 56))
    warmth = 17.0
    bars = ((0.42, 0.68),) if not fence else ((0.3, 0.4), (0.62, 0.72), (0.9, 1.0))

    def rail(low, high, shade, heat):
        canvas.face(
            [(x, low, near), (x, low, far), (x, high, far), (x, high, near)],
            colour * shade,
            heat,
        )

    with canvas.painting('guardrail'):
        place = canvas.standing(x, (near + far) / 2)
        height = 0.72 if not fence else 1.05
        post = [(-0.05, 0), (0.05, 0), (0.05, height), (-0.05, height)]
        canvas.fill(place(post), colour * 0.7, warmth * 1.2, (near + far) / 2)
        for low, high in bars:
            rail(low, high, 1.0, warmth)
            middle = (low + high) / 2
            rail(middle - 0.02, middle + 0.02, 0.6, warmth * 0.8)


def draw_car_stop(canvas, x, z, post):
    """A bollard, or the low block that a parked car's wheels meet."""
    place = canvas.standing(x, z)
    with canvas.painting('car_stop'):
        if post:
            canvas.fill(place(capsule((0, 0), (0, 0.72), 0.07, 0.07)), (150, 146, 138), 16, z)
            band = [(-0.075, 0.52), (0.075, 0.52), (0.075, 0.62), (-0.075, 0.62)]
            canvas.fill(place(band), (225, 170, 40), 15, z)
            return
        for low, high, deep, shade in ((0.0, 0.14, 0.0, 0.8), (0.14, 0.14, 0.16, 1.1)):
            corners = [
                (x - 0.32, low, z),
                (x + 0.32, low, z),
                (x + 0.28, high, z + deep),
                (x - 0.28, high, z + deep),
            ]
            canvas.face(corners, np.array((165, 162, 154)) * shade, 17)


def draw_bump(canvas, left, right, z):
    """A speed bump across the road, striped yellow and black."""
    count = max(2, round((right - left) / 0.6))
    edges = np.linspace(left, right, count + 1)
    with canvas.painting('bump'):
        for index, (start, end) in enumerate(itertools.pairwise(edges)):
            colour = np.array((205, 165, 40)) if index % 2 else np.array((40, 40, 40))
            for near, far, low, high, shade in (
                (z, z + 0.2, 0.0, 0.06, 0.85),
                (z + 0.2, z + 0.45, 0.06, 0.06, 1.05),
            ):
                corners = [
                    (start, low, near),
                    (end, low, near),
                    (end, high, far),
                    (start, high, far),
                ]
                canvas.face(corners, colour * shade, 15, ground=True)
