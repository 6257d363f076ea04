"""The camera and the canvas of a toy scene.

The canvas stores the number of the shape at each pixel. The images and masks are computed from
these numbers, so they are registered.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from ..msrs import MSRSDataset

SEGMENTATION_CLASSES = MSRSDataset.METAINFO['seg_classes']
_LABELS = {'person': 0, 'bike': 1, 'car': 2}
_FINE = 2  # Sub-pixels a side; the images are averaged down from them.


class Camera:
    """A level camera over a road that bends; x is right, y up, z ahead, in metres."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]) -> None:
        self.width, self.height = self.size = size
        self.focal = rng.uniform(0.8, 1.0) * max(self.width, self.height * 4 / 3)
        self.centre = self.width * rng.uniform(0.36, 0.64)
        self.horizon = self.height * rng.uniform(0.42, 0.54)
        self.altitude = rng.uniform(1.3, 1.7)
        self.bend = rng.uniform(-0.0035, 0.0035) * (rng.random() < 0.6)

    def project(self, points: ArrayLike) -> np.ndarray:
        """World points (..., 3) to pixels (..., 2) from the top left corner."""
        x, y, z = np.moveaxis(np.asarray(points, float), -1, 0)
        z = np.maximum(z, 0.4)
        column = self.centre + self.focal * (x / z + self.bend * z)
        return np.stack((column, self.horizon + self.focal * (self.altitude - y) / z), axis=-1)

    def unproject(self, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World x and y (H, W) of each pixel, given its distance z (H, W)."""
        columns = (np.arange(self.width, dtype=np.float32) + 0.5 - self.centre) / self.focal
        rows = (np.arange(self.height, dtype=np.float32) + 0.5 - self.horizon) / self.focal
        return (columns - self.bend * depth) * depth, self.altitude - rows[:, None] * depth


def box(left: float, right: float, low: float, high: float) -> np.ndarray:
    """Outline (4, 2) of a rectangle."""
    return np.array(((left, low), (right, low), (right, high), (left, high)), float)


def ellipse(centre: ArrayLike, radius_x: float, radius_y: float, count: int = 20) -> np.ndarray:
    """Outline (N, 2) of an ellipse."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack((radius_x * np.cos(turn), radius_y * np.sin(turn)), axis=1) + centre


def capsule(
    start: ArrayLike, end: ArrayLike, radius: float, last: float | None = None
) -> np.ndarray:
    """Outline (12, 2) of a limb or tube between two points, tapered to the ``last`` radius."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    turn = np.arctan2(*(end - start)[::-1]) + np.linspace(-np.pi / 2, np.pi / 2, 6)
    arc = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    return np.concatenate((end + (last or radius) * arc, start - radius * arc))


class Canvas:
    """The shapes of one scene and what they are made of.

    A part has outlines (M, N, 2), of which two that overlap leave a hole; colour (reflectance),
    warmth (grey level in the infrared) and, if it shines, glow (emitted light), 0 to 255.
    ``lights`` are lamps: x, y, z, red, green, blue, power, reach. ``actors`` are the label and
    the whole area, in pixels, of each instance.
    """

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], night: bool) -> None:
        self.rng, self.night, self.camera = rng, night, Camera(rng, size)
        self.lights, self.actors, self._properties = [], [], []
        self._shapes = np.zeros((size[1] * _FINE, size[0] * _FINE), np.int32)
        self._class = self._instance = 0

    @contextlib.contextmanager
    def painting(self, name: str) -> Iterator[None]:
        """Paint an object of a class, if it has one; people, bikes and cars as instances."""
        first = len(self._properties)
        self._class = SEGMENTATION_CLASSES.index(name) if name in SEGMENTATION_CLASSES else 0
        self._instance = len(self.actors) + 1 if name in _LABELS else 0
        yield
        if name in _LABELS:
            whole = np.count_nonzero(self._shapes[::_FINE, ::_FINE] >= first)
            self.actors.append((_LABELS[name], whole))
        self._class = self._instance = 0

    def paint(
        self,
        depth: float,
        outlines: ArrayLike,
        colour: Iterable[float],
        warmth: float,
        glow: Iterable[float] = (0, 0, 0),
        ground: bool = False,
    ) -> None:
        """Paint a part whose outlines (M, N, 2) are in pixels, at a distance in metres."""
        instance = -1 if ground else self._instance
        fixed = 16 * np.minimum(np.maximum(np.asarray(outlines) * _FINE - 0.5, -2e4), 2e4)
        cv2.fillPoly(self._shapes, list(np.int32(fixed)), len(self._properties), cv2.LINE_8, 4)
        self._properties.append((*colour, warmth, *glow, self._class, instance, depth))

    def strip(
        self,
        left: float,
        right: float,
        far: float,
        colour: Iterable[float],
        warmth: float,
        near: float = 0.5,
    ) -> None:
        """Paint a stretch of the ground between two lateral positions, along the bend."""
        z = np.geomspace(near, far, 12 if self.camera.bend else 2)
        x = np.repeat((left, right), len(z))
        points = np.stack((x, 0 * x, np.concatenate((z, z[::-1]))), axis=1)
        self.paint(0, self.camera.project(points[None]), colour, warmth, ground=True)

    def upright(
        self,
        x: float,
        z: float,
        parts: Iterable[tuple],
        size: float = 1.0,
        colour: Iterable[float] | None = None,
        warmth: float = 1.0,
        across: float = 1.0,
    ) -> None:
        """Paint parts at (x, z) that face the camera; ``colour`` is that of parts with None."""
        foot = self.camera.project((x, 0, z))
        scale = size * self.camera.focal / z * np.array((across, -1))
        for outlines, own, heat, *glow in parts:
            look = colour if own is None else own, heat * warmth, *glow
            self.paint(z, foot + outlines * scale, *look)

    def block(
        self,
        x: float,
        z: float,
        yaw: float,
        base: Sequence[float],
        top: Sequence[float],
        faces: Mapping[str, Iterable[tuple]],
    ) -> None:
        """Paint the faces of a block that the camera sees; its axis is z turned by ``yaw``.

        ``base`` and ``top`` are the rear and front end, half width and height of both lids.
        ``faces`` are the parts of 'rear', 'side', 'front' and 'top' (if missing, of 'side').
        """
        axes = (np.sin(yaw), 0, np.cos(yaw)), (np.cos(yaw), 0, -np.sin(yaw)), (0, 1, 0)
        (a, b, c, low), (d, e, f, high) = base, top
        ring = [(a, -c, low), (a, c, low), (b, c, low), (b, -c, low)]
        ring += [(d, -f, high), (d, f, high), (e, f, high), (e, -f, high)]
        corners = np.array(ring) @ np.array(axes) + (x, 0, z)
        quads = np.array(((0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (4, 5, 6, 7)))
        quads = zip(('rear', 'side', 'front', 'side', 'top'), corners[quads], strict=True)
        for name, quad in sorted(quads, key=lambda item: -np.linalg.norm(item[1].mean(axis=0))):
            (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.camera.project(quad)
            if (cx - ax) * (dy - by) < (cy - ay) * (dx - bx):
                for outlines, *look in faces.get(name, faces['side']):
                    u, v = np.moveaxis(np.asarray(outlines), -1, 0)[..., None]
                    points = (quad[0] * (1 - u) + quad[1] * u) * (1 - v)
                    points += (quad[3] * (1 - u) + quad[2] * u) * v
                    self.paint(quad[:, 2].mean(), self.camera.project(points), *look)

    def centres(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Class (uint8), instance (from 1, ground is -1) and distance of each pixel, (H, W)."""
        table = np.array(self._properties, np.float32)[:, 7:].T
        classes, instances, depth = table[:, self._shapes[::_FINE, ::_FINE]]
        below = np.arange(len(depth), dtype=np.float32)[:, None] + 0.5 - self.camera.horizon
        ground = self.camera.focal * self.camera.altitude / np.maximum(below, 0.5)
        depth = np.where(instances == -1, np.minimum(ground, 400), depth)
        return classes.astype(np.uint8), instances, depth.astype(np.float32)

    def averages(self) -> Iterator[np.ndarray]:
        """Colour and warmth, and glow, of each pixel: two (H, W, 4) float32, 0 to 255."""
        table = np.clip(self._properties, 0, 255).astype(np.uint8)
        for part in np.split(table[:, :8], 2, axis=1):
            layer = np.ascontiguousarray(part).view(np.uint32)[:, 0][self._shapes, None]
            layer = layer.view(np.uint8)
            yield np.float32(cv2.resize(layer, self.camera.size, interpolation=cv2.INTER_AREA))
