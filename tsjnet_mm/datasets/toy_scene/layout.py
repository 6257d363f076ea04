"""What stands where: a road, what lines it, and who is on it."""

import numpy as np

from .canvas import Camera, Canvas
from .people import draw_bike, draw_person
from .street import (
    draw_building,
    draw_bump,
    draw_car_stop,
    draw_cone,
    draw_guardrail,
    draw_hedge,
    draw_lamp,
    draw_sign,
    draw_tree,
)
from .vehicles import draw_car

_FAR = 90.0


def _camera(rng, size):
    width, height = size
    return Camera(
        width=width,
        height=height,
        focal=rng.uniform(0.8, 1.0) * max(width, height * 4 / 3),
        centre=width * rng.uniform(0.36, 0.64),
        horizon=height * rng.uniform(0.42, 0.54),
        altitude=rng.uniform(1.3, 1.7),
        bend=rng.uniform(-0.0035, 0.0035) * (rng.random() < 0.6),
    )


def _between(rng, near, far):
    """A distance, nearer ones likelier."""
    return float(np.exp(rng.uniform(np.log(near), np.log(far))))


class _Layout:
    """One road scene, composed at random on a canvas."""

    def __init__(self, canvas):
        rng = canvas.rng
        self.canvas = canvas
        self.rng = rng
        self.edges = (-rng.uniform(2.2, 5.0), rng.uniform(2.2, 5.0))
        self.walks = (rng.uniform(1.8, 4.5), rng.uniform(1.8, 4.5))
        self.standing = []
        self.taken = []

    def free(self, x, z, half_x, half_z):
        """Whether nothing big stands there yet; if so, the place is taken."""
        for other_x, other_z, other_half_x, other_half_z in self.taken:
            beside = abs(x - other_x) >= half_x + other_half_x
            if not beside and abs(z - other_z) < half_z + other_half_z:
                return False
        if half_x > 0.5:
            self.taken.append((x, z, half_x, half_z))
        return True

    def stand(self, z, draw, *args, **kwargs):
        """Queue something to be painted once all that is farther has been."""
        self.standing.append((z, draw, args, kwargs))

    def compose(self):
        self.sky()
        self.ground()
        self.backdrop()
        self.traffic()
        for side in (0, 1):
            self.roadside(side)
        self.walkers()
        for _, draw, args, kwargs in sorted(self.standing, key=lambda item: -item[0]):
            draw(self.canvas, *args, **kwargs)

    def beyond(self, side, metres):
        """A lateral position so many metres outside of the road's edge."""
        return self.edges[side] + np.sign(self.edges[side]) * metres

    def sky(self):
        canvas, rng = self.canvas, self.rng
        width, height = canvas.camera.width, canvas.camera.height
        steps = np.linspace(0, canvas.camera.horizon + 2, 17)
        tint = np.array(((19, 22, 26), (24, 25, 24), (16, 17, 21))[rng.integers(3)], float)
        if not canvas.night:
            tint = np.array(
                ((165, 170, 176), (140, 165, 200), (190, 190, 186))[rng.integers(3)]
            )
        for index, (top, bottom) in enumerate(zip(steps, [*steps[1:], height], strict=True)):
            rise = index / 16
            strip = [(0, top), (width, top), (width, bottom + 1), (0, bottom + 1)]
            glow = tint * (0.8 + 0.5 * rise)
            canvas.fill(np.array(strip, float), (0, 0, 0), 2 + 4 * rise**2, 500.0, glow)

    def ground(self):
        canvas, rng = self.canvas, self.rng
        grass = rng.random(2) < 0.4
        tone = rng.uniform(0.75, 1.2)
        canvas.strip(-60, 60, 0.5, 400, np.array((60, 62, 50)) * tone, 9)
        for side in (0, 1):
            sign = np.sign(self.edges[side])
            outer = self.beyond(side, self.walks[side])
            paving = np.array((56, 74, 40)) if grass[side] else np.array((112, 108, 102))
            heat = 8.5 if grass[side] else 13
            canvas.strip(self.edges[side], outer, 0.5, _FAR, paving * tone, heat)
            with canvas.painting('curve'):
                inner, top = self.edges[side], self.edges[side] + 0.2 * sign
                canvas.strip(inner, top, 0.5, _FAR, np.array((136, 132, 126)) * tone, 15)
        asphalt = np.array(((78, 79, 82), (92, 90, 88), (70, 76, 80))[rng.integers(3)]) * tone
        canvas.strip(*self.edges, 0.5, _FAR, asphalt, 12)
        self.markings()
        if rng.random() < 0.25:
            draw_bump(canvas, *self.edges, _between(rng, 5, 16))

    def markings(self):
        canvas, rng = self.canvas, self.rng
        white = np.array((205, 205, 200)) * rng.uniform(0.8, 1.0)
        paint = white if rng.random() < 0.7 else np.array((205, 160, 60))
        middle = (self.edges[0] + self.edges[1]) / 2
        if rng.random() < 0.7:
            period = rng.uniform(4, 7)
            start = rng.uniform(0, period)
            for near in np.arange(start - period + 0.6, 50, period):
                if near + period * 0.5 > 0.6:
                    far = near + period * 0.5
                    canvas.strip(middle - 0.08, middle + 0.08, near, far, paint, 12)
        for side in (0, 1):
            if rng.random() < 0.6:
                line = self.beyond(side, -rng.uniform(0.3, 0.7))
                canvas.strip(line - 0.07, line + 0.07, 0.5, 60, white, 12)
        if rng.random() < 0.25:
            near = rng.uniform(5, 14)
            for left in np.arange(self.edges[0] + 0.3, self.edges[1] - 0.5, 0.95):
                canvas.strip(left, left + 0.48, near, near + 2.6, white, 12.3)
        if rng.random() < 0.4:
            z = rng.uniform(4, 12)
            x = rng.uniform(self.edges[0] + 0.8, self.edges[1] - 0.8)
            turn = np.linspace(0, 2 * np.pi, 20)
            ring = np.stack((x + 0.4 * np.cos(turn), 0 * turn, z + 0.4 * np.sin(turn)), 1)
            canvas.face(ring, (58, 57, 55), 17, ground=True)

    def backdrop(self):
        """The end of the road: blocks and tree tops against the sky."""
        canvas, rng = self.canvas, self.rng
        for _ in range(rng.integers(2, 5)):
            x = rng.uniform(-50, 50)
            width = rng.uniform(10, 22)
            draw_building(canvas, x, x + width, _FAR, _FAR + 5, rng.uniform(9, 30))
        for z in (80.0, 62.0):
            for x in np.arange(-44, 45, 9) + rng.uniform(-3, 3):
                if abs(x) > 6 and rng.random() < 0.8:
                    draw_tree(canvas, x, z, rng.uniform(7, 13))
                elif rng.random() < 0.8:
                    draw_hedge(canvas, x, z, 10, rng.uniform(2, 6))

    def roadside(self, side):
        """Buildings, trees, lamps and barriers of one side."""
        rng = self.rng
        sign = np.sign(self.edges[side])
        wall = self.beyond(side, self.walks[side])
        built = rng.random()
        z = rng.uniform(-6, 8)
        blocks = []
        while z < 60:
            depth = rng.uniform(8, 20)
            if rng.random() < built:
                outer = wall + sign * rng.uniform(8, 16)
                blocks.append((min(wall, outer), max(wall, outer), z, z + depth))
            z += depth + rng.uniform(0.5, 10)
        for left, right, near, far in reversed(blocks):
            if far > 1:
                draw_building(self.canvas, left, right, near, far, rng.uniform(6, 18))
        if rng.random() < 0.55:
            width = rng.uniform(1.2, 2.4)
            height = rng.uniform(0.7, 1.8)
            for z in np.arange(rng.uniform(3, 8), 45, width * 0.8)[::-1]:
                draw_hedge(self.canvas, wall - 0.5 * sign, z, width * 1.3, height)
        for z in np.arange(rng.uniform(5, 14), 60, rng.uniform(5, 14)):
            if rng.random() < 0.75:
                x = self.beyond(side, rng.uniform(0.9, self.walks[side] + 1.0))
                self.stand(z, draw_tree, x, z, rng.uniform(5, 10))
        spacing = rng.uniform(11, 24)
        lit = self.canvas.night and rng.random() < 0.55
        for z in np.arange(rng.uniform(6, 20), 60, spacing):
            self.stand(z, draw_lamp, self.beyond(side, 0.5), z, lit)
        if rng.random() < 0.25:
            z = rng.uniform(6, 24)
            self.stand(z, draw_sign, self.beyond(side, 0.6), z)
        barrier = rng.random()
        if barrier < 0.28:
            self.barrier(side, rng.uniform(3, 12), rng.uniform(4, 14))
        elif barrier < 0.43:
            for z in rng.uniform(4, 9) + np.arange(rng.integers(2, 6)) * rng.uniform(1.4, 2.5):
                self.stand(z, draw_car_stop, self.beyond(side, 0.45), z, post=True)
        if rng.random() < 0.18:
            start = _between(rng, 4, 18)
            lane = self.beyond(side, -rng.uniform(0.3, 1.2))
            for z in start + np.arange(rng.integers(1, 5)) * rng.uniform(1.2, 3.0):
                self.stand(z, draw_cone, lane + rng.uniform(-0.1, 0.1), z)

    def barrier(self, side, start, length):
        fence = self.rng.random() < 0.4
        x = self.beyond(side, 0.4)
        for near in np.arange(start, start + length, 1.6):
            self.stand(near + 0.8, draw_guardrail, x, near, near + 1.6, fence)

    def car(self, x, z, yaw, running):
        """Queue a car, unless its place is taken."""
        crossing = abs(np.sin(yaw)) > 0.7
        half_x, half_z = (2.4, 1.0) if crossing else (1.0, 2.4)
        if self.free(x, z, half_x, half_z):
            self.stand(z - half_z, draw_car, x, z, yaw, running)

    def traffic(self):
        """Cars: parked along the kerb or across it, driving away and oncoming."""
        rng = self.rng
        middle = sum(self.edges) / 2
        if rng.random() < 0.5:
            x = (middle + self.edges[1]) / 2
            self.car(x, _between(rng, 9, 45), np.pi + rng.uniform(-0.25, 0.25), running=True)
        if rng.random() < 0.4:
            x = (middle + self.edges[0]) / 2
            self.car(x, _between(rng, 9, 40), rng.uniform(-0.15, 0.15), running=True)
        if rng.random() < 0.12:
            yaw = rng.choice((-1, 1)) * np.pi / 2 + rng.uniform(-0.3, 0.3)
            self.car(rng.uniform(-4, 4), _between(rng, 10, 25), yaw, running=True)
        for side in (0, 1):
            if rng.random() < 0.4:
                self.parked(side, rng.random() < 0.35)

    def parked(self, side, nose_in):
        """A row of parked cars, along the kerb or with their noses to it and stops."""
        rng = self.rng
        z = _between(rng, 6.5, 20)
        for _ in range(rng.integers(1, 4)):
            if nose_in:
                x = self.beyond(side, 1.2)
                yaw = np.pi / 2 * np.sign(x) + rng.uniform(-0.1, 0.1)
                self.stand(z - 1.1, draw_car_stop, self.beyond(side, 3.7), z - 1.1, post=False)
            else:
                x = self.beyond(side, -1.05)
                yaw = np.pi * (rng.random() < 0.5) + rng.uniform(-0.05, 0.05)
            self.car(x, z, yaw, running=False)
            z += rng.uniform(2.6, 4.0) if nose_in else rng.uniform(5.4, 8)

    def walkers(self):
        """People alone and in groups, bicycles ridden and parked."""
        rng = self.rng
        for _ in range(rng.integers(1, 6)):
            z = _between(rng, 4.5, 38)
            side = rng.integers(2)
            x = self.beyond(side, rng.uniform(0.4, self.walks[side]))
            if rng.random() < 0.45:
                x = rng.uniform(*self.edges)
            across = bool(rng.random() < 0.45)
            for index in range(rng.choice((1, 1, 2, 3))):
                spot = z + rng.uniform(-0.4, 0.4)
                aside = x + index * rng.uniform(0.55, 0.9)
                if self.free(aside, spot, 0.3, 0.3):
                    self.stand(spot, draw_person, aside, spot, across=across)
        if rng.random() < 0.4:
            z = _between(rng, 5, 24)
            x = rng.uniform(self.edges[0] + 0.5, self.edges[1] - 0.5)
            if self.free(x, z, 0.5, 0.5):
                self.stand(z, draw_bike, x, z, rider=True, lit=self.canvas.night)
        if rng.random() < 0.35:
            self.parked_bikes(rng.integers(2))

    def parked_bikes(self, side):
        """A few bicycles side by side."""
        rng = self.rng
        z = _between(rng, 5, 16)
        across = bool(rng.random() < 0.6)
        for index in range(rng.integers(1, 5)):
            x = self.beyond(side, 0.8 + (0.3 if across else 0.65) * index)
            spot = z + 0.5 * index
            if self.free(x, spot, 0.5, 0.3):
                self.stand(spot, draw_bike, x, spot, rider=False, across=across)


def compose_scene(rng, size, night):
    """Paint a random road scene.

    Args:
        rng (np.random.Generator): The only source of chance.
        size (tuple[int, int]): Width and height in pixels.
        night (bool): Night or day.

    Returns:
        Canvas: Its layers, lights and actors.
    """
    canvas = Canvas(_camera(rng, size), rng, night)
    _Layout(canvas).compose()
    return canvas
