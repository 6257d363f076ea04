"""People and bicycles of the toy scenes, as figures facing the camera."""

import numpy as np

from .canvas import capsule, ellipse

_SKIN = ((205, 165, 138), (186, 142, 112), (140, 98, 74))
_CLOTHES = (
    (26, 27, 32),
    (38, 42, 58),
    (60, 58, 56),
    (92, 86, 78),
    (176, 174, 170),
    (96, 40, 42),
    (48, 62, 92),
    (70, 84, 60),
    (200, 190, 160),
)


def _swing(origin, angle, length):
    """A joint hanging from another; the angle is from straight down, forward positive."""
    return origin + length * np.array([np.sin(angle), -np.cos(angle)])


def _offset(joint, right, up):
    return joint + np.array([right, up])


class _Person:
    """One figure: limbs from joints, in metres right and up of its feet.

    A figure seen from the side (``across``) faces right; ``mirror`` turns it round.
    """

    def __init__(self, canvas, x, z, across, riding):
        rng = canvas.rng
        self.canvas = canvas
        self.rng = rng
        self.depth = z
        self.across = across
        self.riding = riding
        self.place = canvas.standing(x, z)
        self.mirror = np.array([1.0 if riding else rng.choice((-1.0, 1.0)), 1.0])
        self.away = not across and rng.random() < 0.5
        self.height = rng.uniform(1.52, 1.86)
        self.half = (0.075 if across else 0.105) * self.height
        self.skin = np.array(_SKIN[rng.integers(len(_SKIN))])
        self.top, self.bottom, self.bag = (
            np.array(_CLOTHES[index]) for index in rng.integers(len(_CLOTHES), size=3)
        )
        self.base = rng.uniform(115, 200)
        self.top_heat = self.base * rng.uniform(0.5, 0.85)
        self.bottom_heat = self.base * rng.uniform(0.65, 0.95)
        self.legs = self._joints()
        self.hip = (self.legs[0][0] + self.legs[1][0]) / 2
        lean = rng.uniform(-0.02, 0.08) * across
        if riding and across:
            lean = rng.uniform(0.35, 0.6)
        self.neck = _swing(self.hip, np.pi - lean, 0.32 * self.height)
        self.head = _swing(self.neck, np.pi - lean / 2, 0.1 * self.height)

    def _joints(self):
        """Hip, knee and ankle of the far and of the near leg."""
        height, rng = self.height, self.rng
        thigh, shin = 0.25 * height, 0.22 * height
        hips = [np.array([0.0, 0.5 * height])] * 2
        if self.riding:
            hips = [np.array([-0.12 * self.across, 0.56 * height])] * 2
            angles = (
                ((1.05, -0.1), (0.55, -0.25)) if self.across else ((-0.35, 0.12), (0.4, -0.05))
            )
            apart = 0.0 if self.across else 0.07
        elif self.across:
            stride, bend = rng.uniform(0.12, 0.5), rng.uniform(0.1, 0.7)
            angles = ((-stride, -stride - bend), (stride, stride * rng.uniform(0.2, 0.9)))
            angles = angles[:: rng.choice((-1, 1))]
            apart = 0.0
        else:
            angles = ((-0.04, -0.02), (0.05, 0.0))
            apart = 0.055 * height
            shin *= rng.uniform(0.85, 1.0)
        legs = []
        for hip, side, (upper, lower) in zip(hips, (-apart, apart), angles, strict=True):
            hip = _offset(hip, side, 0)
            knee = _swing(hip, upper, thigh)
            legs.append((hip, knee, _swing(knee, lower, shin)))
        if self.riding:
            return legs
        lowest = min(ankle[1] for _, _, ankle in legs) - 0.045 * height
        return [tuple(_offset(joint, 0, -lowest) for joint in leg) for leg in legs]

    def paint(self, outline, colour, warmth):
        """Paint a polygon (N, 2) given in metres."""
        self.canvas.fill(self.place(outline * self.mirror), colour, warmth, self.depth)

    def limb(self, start, end, start_radius, end_radius, colour, warmth):
        """Paint a limb; the radii are shares of the height."""
        radii = start_radius * self.height, end_radius * self.height
        self.paint(capsule(start, end, *radii), colour, warmth)

    def draw(self):
        """Paint the figure, the far limbs first."""
        rng, half = self.rng, self.half
        shoulder = _offset(self.neck, 0, -0.035 * self.height)
        swing = rng.uniform(0.15, 0.55)
        far, near = (
            (swing, -swing) if self.across else (-0.1 * swing - 0.06, 0.2 * swing + 0.05)
        )
        if self.riding and self.across:
            far, near = 0.75, 0.85
        side = 0.0 if self.across else half
        self.arm(_offset(shoulder, -side, 0), far, 0.75)
        for leg, shade in zip(self.legs, (0.7, 1.0), strict=True):
            self.leg(*leg, shade)
        if not self.riding and rng.random() < 0.25:
            self.skirt()
        self.trunk()
        if (self.away or self.across) and rng.random() < 0.45:
            self.backpack()
        self.arm(_offset(shoulder, side, 0), near, 1.0)
        self.face()

    def arm(self, shoulder, angle, shade):
        """Upper arm, forearm and hand."""
        bend = (0.5, 0.9) if self.riding and self.across else (0.1, 0.6)
        bend = self.rng.uniform(*bend)
        elbow = _swing(shoulder, angle, 0.17 * self.height)
        hand = _swing(elbow, angle + bend if self.across else angle * 0.6, 0.16 * self.height)
        sleeve = self.top * shade
        self.limb(shoulder, elbow, 0.03, 0.026, sleeve, self.top_heat * 0.95)
        self.limb(elbow, hand, 0.026, 0.02, sleeve, self.top_heat * 1.05)
        self.limb(hand, hand, 0.024, 0.024, self.skin * shade, self.base * 1.2)

    def leg(self, hip, knee, ankle, shade):
        """Thigh, shin and shoe."""
        cloth = self.bottom * shade
        self.limb(hip, knee, 0.062, 0.044, cloth, self.bottom_heat)
        self.limb(knee, ankle, 0.043, 0.026, cloth, self.bottom_heat * 1.08)
        heel = _offset(ankle, 0, -0.02 * self.height)
        toe = _offset(ankle, 0.075 * self.height * self.across, -0.025 * self.height)
        self.limb(heel, toe, 0.026, 0.02, np.array((40, 38, 36)) * shade, self.base * 0.45)

    def trunk(self):
        """Shoulders to hips, warmer at the chest."""
        height, half = self.height, self.half
        right = [
            _offset(self.neck, half * 0.25, 0.03 * height),
            _offset(self.neck, half * 0.72, -0.005 * height),
            _offset(self.neck, half * 0.96, -0.05 * height),
            _offset((self.neck + self.hip) / 2, half * 0.85, 0),
            _offset(self.hip, half * 0.8, -0.02 * height),
        ]
        axis = [self.neck, self.neck, self.neck, (self.neck + self.hip) / 2, self.hip]
        left = [
            _offset(point, 2 * (middle[0] - point[0]), 0)
            for point, middle in zip(right, axis, strict=True)
        ]
        self.paint(np.array(right + left[::-1]), self.top, self.top_heat)
        chest = _offset(self.neck * 0.7 + self.hip * 0.3, 0.15 * half, 0)
        outline = ellipse(chest, half * 0.6, 0.09 * height)
        self.paint(outline, self.top * 1.06, self.top_heat * 1.14)

    def skirt(self):
        """From the waist to above the knees."""
        waist, hem = self.half * 0.85, self.half * 1.25
        rise, drop = 0.05 * self.height, -0.2 * self.height
        outline = [(-waist, rise), (waist, rise), (hem, drop), (-hem, drop)]
        self.paint(self.hip + np.array(outline), self.bottom, self.bottom_heat * 0.7)

    def backpack(self):
        """As cold as the air."""
        across = self.across
        top = _offset(self.neck, -self.half * 1.1 * across, -0.1 * self.height)
        foot = _offset(top, 0, -0.1 * self.height)
        thick = self.half * (0.35 if across else 0.5)
        self.paint(capsule(foot, top, thick * 1.1, thick), self.bag, self.base * 0.25)

    def face(self):
        """Neck, hair, and the warmest part of all unless the person looks away."""
        height = self.height
        self.limb(self.neck, self.head, 0.03, 0.03, self.skin * 0.9, self.base * 1.25)
        hair = ellipse(
            _offset(self.head, -0.006, 0.012 * height), 0.054 * height, 0.07 * height
        )
        self.paint(hair, (30, 25, 23), self.base * 0.8)
        if not self.away:
            centre = _offset(self.head, 0.016 * height * self.across, -0.01 * height)
            face = ellipse(centre, 0.042 * height, 0.054 * height)
            self.paint(face, self.skin, self.base * 1.4)


def draw_person(canvas, x, z, riding=False, across=None):
    """A person of random build, clothes and pose standing, walking or cycling at (x, z)."""
    across = canvas.rng.random() < 0.5 if across is None else across
    with canvas.painting('person'):
        _Person(canvas, x, z, across, riding).draw()


def draw_bike(canvas, x, z, rider, across=None, lit=False):
    """A bicycle at (x, z), by default turned at random, with or without its rider."""
    rng = canvas.rng
    across = rng.random() < 0.6 if across is None else across
    colour = np.array(((150, 150, 155), (40, 44, 52), (150, 40, 40), (60, 95, 150)))
    colour = colour[rng.integers(4)]
    place = canvas.standing(x, z)
    warmth = rng.uniform(24, 34) if rider else rng.uniform(12, 20)
    tyre = (28, 28, 30)

    def paint(outline, shade=colour, heat=warmth, glow=(0, 0, 0)):
        outlines = outline if isinstance(outline, list) else [outline]
        canvas.fill([place(part) for part in outlines], shade, heat, z, glow)

    def tube(start, end, radius=0.022):
        paint(capsule(start, end, radius, radius))

    with canvas.painting('bike'):
        if across:
            rear, front, pedal = (-0.52, 0.33), (0.54, 0.33), (-0.06, 0.3)
            seat, fork = (-0.22, 0.86), (0.36, 0.84)
            for hub in (rear, front):
                paint(
                    [ellipse(hub, 0.34, 0.34, 28), ellipse(hub, 0.285, 0.285, 28)],
                    tyre,
                    warmth * 1.2,
                )
                for turn in np.arange(3) * np.pi / 3 + rng.uniform(0, 1):
                    spoke = 0.29 * np.array([np.cos(turn), np.sin(turn)])
                    tube(hub - spoke, hub + spoke, 0.004)
            for start, end in (
                (rear, pedal),
                (pedal, seat),
                (seat, fork),
                (pedal, fork),
                (rear, seat),
                (fork, front),
            ):
                tube(start, end)
            tube(fork, (0.34, 1.02))
            tube((0.2, 1.05), (0.4, 1.0))
            paint(capsule((-0.36, 0.92), (-0.1, 0.92), 0.045, 0.03), tyre, warmth)
            if rng.random() < 0.5:
                paint(np.array([(0.42, 0.72), (0.72, 0.72), (0.76, 0.95), (0.4, 0.95)]))
        else:
            paint([ellipse((0, 0.34), 0.035, 0.34, 24)], tyre, warmth * 1.2)
            tube((-0.05, 0.3), (-0.04, 0.8), 0.015)
            tube((0.05, 0.3), (0.04, 0.8), 0.015)
            tube((0, 0.6), (0, 1.0), 0.03)
            tube((-0.27, 1.02), (0.27, 1.02), 0.022)
            paint(ellipse((0, 0.92), 0.1, 0.06), tyre, warmth)
        if lit:
            lamp = (0.62, 0.78) if across else (0.0, 0.82)
            paint(ellipse(lamp, 0.07, 0.07, 12), (240, 240, 230), 40, (205, 215, 190))
            canvas.lights.append(((x + lamp[0], 0.8, z - 0.6), (0.95, 1.0, 0.85), 0.5, 2.0))
    if rider:
        draw_person(canvas, x, z - 0.05, riding=True, across=across)
