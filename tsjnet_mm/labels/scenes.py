"""Masks of whole scenes by a segmentor that looks at several views of a pair."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.utils.class_names import map_classes

from .compose import IGNORED
from .object_mask import ObjectMask
from .shapes import whole_box
from .views import view_image

#: Share of a box that the scene's pixels of its class must fill to replace a guess.
_LEAST_FILL = 0.25


class Scene(NamedTuple):
    """The mask of a scene.

    Attributes:
        mask (np.ndarray): (H, W) uint8, index of each pixel's class; 255 is uncertain.
        probability (np.ndarray): (H, W) float32, of that class.
        sources (dict[str, float]): Share of the pixels that each view decided.
    """

    mask: np.ndarray
    probability: np.ndarray
    sources: dict[str, float]


class SceneLabeller:
    """Finds the class of each pixel of a pair.

    The segmentor looks at each view by itself. The confidence of a view at a pixel is the
    probability of the most probable of the segmentor's classes, smoothed over the surroundings;
    in each region the view of the most confidence decides. Then the probabilities of classes
    that have one mask index are added, and the most probable index is taken. Pixels at which
    it is not probable enough are 255.

    Args:
        segmentor (Callable): As :meth:`.ViewSegmentor.probabilities`.
        indices (Sequence[int]): Mask index of each of the segmentor's classes; 255 for those
            whose pixels are to be ignored.
        views (Sequence[str]): Keys of :data:`.VIEWS`.
        fuse (Callable, optional): See :func:`.view_image`.
        smoothing (float): Standard deviation of the smoothing, as a share of the image's
            width. Defaults to 0.02.
        least (float): Least probability that is not uncertain. Defaults to 0.6.
    """

    def __init__(
        self,
        segmentor: Callable,
        indices: Sequence[int],
        views: Sequence[str] = ('vi', 'average'),
        fuse: Callable | None = None,
        smoothing: float = 0.02,
        least: float = 0.6,
    ) -> None:
        self.segmentor, self.views, self.fuse = segmentor, views, fuse
        self.indices = np.asarray(indices)
        self.smoothing, self.least = smoothing, least

    def __call__(self, pair: Pair) -> Scene:
        """Find the classes of a pair.

        Args:
            pair (Pair): The pair.

        Returns:
            Scene: Its mask.
        """
        seen = [self.segmentor(view_image(pair, view, self.fuse)) for view in self.views]
        sigma = self.smoothing * pair.ir.shape[1]
        confidences = [np.ascontiguousarray(view.max(0), np.float32) for view in seen]
        if sigma > 0:
            confidences = [cv2.GaussianBlur(view, (0, 0), sigma) for view in confidences]
        choice = np.argmax(confidences, axis=0)
        chosen = np.take_along_axis(np.stack(seen), choice[None, None], axis=0)[0]
        numbers = np.unique(self.indices)
        merged = np.stack([chosen[self.indices == number].sum(0) for number in numbers])
        probability = merged.max(0)
        mask = numbers[merged.argmax(0)].astype(np.uint8)
        mask[probability < self.least] = IGNORED
        sources = {
            view: round(float((choice == number).mean()), 4)
            for number, view in enumerate(self.views)
        }
        return Scene(mask, probability, sources)


def scene_indices(
    classes: Sequence[str], names: Sequence[str], given: Sequence[str] = ()
) -> list[int]:
    """Mask index of each class of a segmentor.

    Args:
        classes (Sequence[str]): The segmentor's.
        names (Sequence[str]): The masks', by index.
        given (Sequence[str]): ``SEGMENTOR=MASK`` each; ``SEGMENTOR=`` makes pixels of that
            class 255. Others belong together by name, see :func:`.map_classes`; what has no
            such name is the background if ``names`` begins with it.

    Returns:
        list[int]: An index, or 255, for each.

    Raises:
        ValueError: A name is unknown or given twice, or a class has no index.
    """
    has_background = names[0].lower() == 'background'
    found = map_classes(classes, names, given, require_all=not has_background)
    ignored = {item.rstrip('=') for item in given if item.endswith('=')}
    return [IGNORED if name in ignored else found.get(name, 0) for name in classes]


def replace_guesses(
    scene: Scene,
    boxes: Sequence[Sequence[float]] | np.ndarray,
    objects: Sequence[ObjectMask],
    indices: Sequence[int],
) -> list[ObjectMask]:
    """Replace masks that are a guess by the pixels of their class in the scene.

    Args:
        scene (Scene): The scene.
        boxes (Sequence[Sequence[float]] | np.ndarray): N boxes xyxy in pixels.
        objects (Sequence[ObjectMask]): N masks.
        indices (Sequence[int]): N classes.

    Returns:
        list[ObjectMask]: N masks. A guess is kept if the scene has less than a quarter of its
        box in its class. The quality of what replaces it is the mean probability.
    """
    result = []
    for box, item, index in zip(boxes, objects, indices, strict=True):
        if item.method == 'ellipse':
            left, top, right, bottom = whole_box(box, scene.mask.shape)
            inside = np.zeros(scene.mask.shape, bool)
            inside[top:bottom, left:right] = True
            mask = inside & (scene.mask == index)
            if mask.sum() >= _LEAST_FILL * inside.sum():
                item = ObjectMask(mask, float(scene.probability[mask].mean()), 'segmentor')
        result.append(item)
    return result
