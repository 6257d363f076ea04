"""The camera of a toy scene and the layers it is painted on.

Every shape is painted once into all layers, so that the infrared image, the visible
image, the classes and the instances are registered by construction.
"""

import contextlib
from dataclasses import dataclass

import cv2
import numpy as np

#: Sub-pixels a side while painting; the images are averaged down from them.
SUPERSAMPLE = 2

SEGMENTATION_CLASSES = (
    'background',
    'car',
    'person',
    'bike',
    'curve',
    'car_stop',
    'guardrail',
    'color_cone',
    'bump',
)
DETECTION_CLASSES = ('person', 'bicycle', 'car')

_INSTANCE_CLASS = {'person': 0, 'bike': 1, 'car': 2}
_NEAR = 0.4
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Camera:
    """A level pinhole camera over a road that bends with the square of the distance.

    World axes, in metres: x to the right, y up from the road, z forward.
    """

    width: int
    height: int
    focal: float
    centre: float
    horizon: float
    altitude: float
    bend: float

    def project(self, points):
        """World points (N, 3) to image points (N, 2), in pixels from the top left corner."""
        x, y, z = points.T
        return np.stack(
            (
                self.centre + self.focal * (x / z + self.bend * z),
                self.horizon + self.focal * (self.altitude - y) / z,
            ),
            axis=1,
        )

    def unproject(self, depth):
        """World x and y (H, W) of each pixel, given its distance z (H, W)."""
        columns = (np.arange(self.width, dtype=np.float32) + 0.5 - self.centre) / self.focal
        rows = (np.arange(self.height, dtype=np.float32) + 0.5 - self.horizon) / self.focal
        x = (columns[None] - self.bend * depth) * depth
        y = self.altitude - rows[:, None] * depth
        return x, y


def capsule(start, end, start_radius, end_radius):
    """Outline (N, 2) of a tapered limb between two points."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    along = end - start
    turn = np.arctan2(along[1], along[0]) + np.linspace(-np.pi / 2, np.pi / 2, 6)
    arc = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    return np.concatenate((end + end_radius * arc, start - start_radius * arc))


def ellipse(centre, radius_x, radius_y, count=20):
    """Outline (N, 2) of an ellipse."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    offsets = np.stack((radius_x * np.cos(turn), radius_y * np.sin(turn)), axis=1)
    return np.asarray(centre) + offsets


def fractal_noise(rng, size, octaves=(64, 24, 10, 4)):
    """Smooth noise (size, size) float32, mean 0 and standard deviation 1, seamless."""
    noise = np.zeros((size, size), np.float32)
    for weight, cell in zip((1.0, 0.8, 0.6, 0.5), octaves, strict=True):
        count = max(2, size // cell)
        grid = np.pad(rng.standard_normal((count, count)).astype(np.float32), 1, mode='wrap')
        step = size / count
        full = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        edge = round(step)
        noise += weight * full[edge : edge + size, edge : edge + size]
    return (noise - noise.mean()) / noise.std()


def _clip_near(points):
    """The part of a polygon (N, 3) in front of the near plane."""
    if (points[:, 2] >= _NEAR).all():
        return points
    kept = []
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        if start[2] >= _NEAR:
            kept.append(start)
        if (start[2] >= _NEAR) != (end[2] >= _NEAR):
            kept.append(start + (end - start) * (_NEAR - start[2]) / (end[2] - start[2]))
    return np.array(kept).reshape(-1, 3)


class Canvas:
    """Layers of one scene, supersampled, painted from far to near.

    Attributes:
        surface (np.ndarray): (sH, sW, 4) uint8: reflectance RGB, and warmth (the grey
            level in the infrared image, before the sensor).
        glow (np.ndarray): (sH, sW, 4) uint8: light emitted, RGB, on a square-root scale;
            and segmentation class.
        place (np.ndarray): (sH, sW, 2) float32: distance in metres; and instance: -1 on
            the ground, 0 elsewhere in the background, counted from 1 on actors.
        lights (list[tuple]): Lamps: position (x, y, z), RGB, power, reach in metres.
        actors (list[tuple]): Detection label and unoccluded pixel count per instance.
    """

    def __init__(self, camera, rng, night):
        self.camera = camera
        self.rng = rng
        self.night = night
        shape = (camera.height * SUPERSAMPLE, camera.width * SUPERSAMPLE)
        self.surface = np.zeros((*shape, 4), np.uint8)
        self.glow = np.zeros((*shape, 4), np.uint8)
        self.place = np.zeros((*shape, 2), np.float32)
        self.noise = fractal_noise(rng, 512)
        self.lights = []
        self.actors = []
        self._class = 0
        self._instance = 0

    @contextlib.contextmanager
    def painting(self, name):
        """Paint an object of a segmentation class; people, bikes and cars as instances."""
        previous = self._class, self._instance
        self._class = SEGMENTATION_CLASSES.index(name)
        if name in _INSTANCE_CLASS:
            self.actors.append((_INSTANCE_CLASS[name], 0))
            self._instance = len(self.actors)
        yield
        if name in _INSTANCE_CLASS:
            whole = np.count_nonzero(self.instances() == self._instance)
            self.actors[self._instance - 1] = (_INSTANCE_CLASS[name], whole)
        self._class, self._instance = previous

    def instances(self):
        """Instance of each pixel, (H, W) float32."""
        return self.place[::SUPERSAMPLE, ::SUPERSAMPLE, 1]

    def classes(self):
        """Segmentation class of each pixel, (H, W) uint8."""
        return np.ascontiguousarray(self.glow[::SUPERSAMPLE, ::SUPERSAMPLE, 3])

    def depth(self):
        """Distance of each pixel, (H, W) float32: exact on the ground, else of its shape."""
        camera = self.camera
        below = np.arange(camera.height, dtype=np.float32) + 0.5 - camera.horizon
        ground = np.minimum(camera.focal * camera.altitude / np.maximum(below, 0.5), 400)
        depth = self.place[::SUPERSAMPLE, ::SUPERSAMPLE, 0]
        return np.where(self.instances() == -1, ground.astype(np.float32)[:, None], depth)

    def fill(self, outlines, colour, warmth, depth, glow=(0, 0, 0), ground=False):
        """Paint a polygon given in pixels.

        Args:
            outlines (np.ndarray | list[np.ndarray]): (N, 2); of several, the even-odd
                rule leaves holes.
            colour (tuple[float]): Reflectance, RGB, 0 to 255.
            warmth (float): 0 to 255.
            depth (float): Distance in metres.
            glow (tuple[float]): Emitted light, RGB, 0 to 255.
            ground (bool): Whether this is the road or what lies beside it.
        """
        outlines = [outlines] if isinstance(outlines, np.ndarray) else outlines
        height, width = self.place.shape[:2]
        joined = np.concatenate(outlines) * SUPERSAMPLE - 0.5
        low, high = joined.min(axis=0), joined.max(axis=0)
        if high[0] < 0 or high[1] < 0 or low[0] >= width or low[1] >= height:
            return
        reach = 8 * width
        if low.min() < -reach or high.max() > reach:
            joined = np.minimum(np.maximum(joined, -reach), reach)
        fixed = (joined * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        ends = np.cumsum([len(outline) for outline in outlines])[:-1]
        fixed = np.split(fixed, ends) if len(ends) else [fixed]
        for layer, value in (
            (self.surface, (*colour, warmth)),
            (self.glow, (*glow, self._class)),
            (self.place, (depth, -1 if ground else self._instance)),
        ):
            limit = 255.0 if layer.dtype == np.uint8 else np.inf
            value = [min(float(part), limit) for part in value]
            cv2.fillPoly(layer, fixed, value, cv2.LINE_8, _SUBPIXEL_BITS)

    def face(self, points, colour, warmth, glow=(0, 0, 0), ground=False, outward=False):
        """Paint a polygon (N, 3) given in the world; returns whether it was in view.

        With ``outward`` a face seen from behind (clockwise from its outside) is left out.
        """
        points = _clip_near(np.asarray(points, float))
        if len(points) < 3:
            return False
        flat = self.camera.project(points)
        if outward:
            nxt = np.roll(flat, -1, axis=0)
            if np.sum(flat[:, 0] * nxt[:, 1] - nxt[:, 0] * flat[:, 1]) >= 0:
                return False
        self.fill(flat, colour, warmth, points[:, 2].mean(), glow, ground)
        return True

    def faces(self, quads, colour, warmth, glow=(0, 0, 0)):
        """Paint world polygons (M, N, 3) that are alike and do not overlap."""
        if len(quads):
            flat = self.camera.project(quads.reshape(-1, 3)).reshape(*quads.shape[:2], 2)
            self.fill(list(flat), colour, warmth, quads[..., 2].mean(), glow)

    def strip(self, left, right, near, far, colour, warmth, height=0.0):
        """Paint a stretch of the ground between two lateral positions, along the bend."""
        z = np.geomspace(max(near, _NEAR), far, 12 if self.camera.bend else 2)
        edge = np.full_like(z, height)
        outline = np.concatenate(
            (
                np.stack((np.full_like(z, left), edge, z), axis=1),
                np.stack((np.full_like(z, right), edge, z), axis=1)[::-1],
            )
        )
        self.face(outline, colour, warmth, ground=True)

    def standing(self, x, z):
        """A function from metres (N, 2), right and up of a spot on the road, to pixels."""
        foot = self.camera.project(np.array([[x, 0.0, z]]))[0]
        scale = self.camera.focal / z * np.array([1.0, -1.0])
        return lambda points: foot + np.asarray(points, float) * scale

    def stamp(self, left, top, shape, surface, depth):
        """Paint an irregular shape that lies within the canvas.

        Args:
            left (int): Column of its left edge, in sub-pixels.
            top (int): Row of its top edge, in sub-pixels.
            shape (np.ndarray): (h, w) bool, true inside.
            surface (np.ndarray): (h, w, 4) uint8, reflectance and warmth.
            depth (float): Distance in metres.
        """
        area = slice(top, top + shape.shape[0]), slice(left, left + shape.shape[1])
        glow = np.array([0, 0, 0, self._class], np.uint8)
        place = np.array([depth, self._instance], np.float32)
        for layer, value in (
            (self.surface.view(np.uint32), surface.view(np.uint32)[..., 0]),
            (self.glow.view(np.uint32), glow.view(np.uint32)),
            (self.place.view(np.uint64), place.view(np.uint64)),
        ):
            np.copyto(layer[..., 0][area], value, where=shape)
