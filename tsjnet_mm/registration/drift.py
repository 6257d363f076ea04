"""Register the frames of a video, and follow the mapping as it drifts."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cv2
import numpy as np

from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.io.preparation import Homography, Preparation

from .edges import Edges, map_corners
from .estimate import follow
from .homography import RegistrationError, read_unfitted, register_pairs, to_luma

#: A mapping that moves the corners by more than this part of the diagonal is no slow drift.
_JUMP = 0.02
#: Part of the way to a new estimate that is gone: it suppresses the noise of estimates.
_TRUST = 0.7
#: The first mapping is searched in one frame of so many, up to this number of frames.
_SEARCHED, _SEARCH_EVERY = 100, 20


class DriftFollower:
    """The mapping of each frame of a video.

    Every ``every`` frames the mapping is estimated anew from where it was. An estimate is left
    out if its evidence is too weak or it moves the corners by more than 2 % of the diagonal.
    Otherwise the mapping goes most of the way to it, in equal steps from frame to frame.

    Args:
        preparation (Preparation): How frames are prepared, without a homography.
        every (int): Frames between two estimates. Defaults to 25.

    Attributes:
        tried (int): How many estimates were made after the first.
        taken (int): How many of them were taken.
        moved (float): How far the mapping has moved the corners since the first frame, on
            average, in visible pixels.

    Raises:
        ValueError: The preparation resizes or has a homography already.
    """

    def __init__(self, preparation: Preparation, every: int = 25) -> None:
        if preparation.moves_infrared:
            raise ValueError('give one of register, homography and resize')
        self.preparation = preparation
        self.every = every
        self.tried = self.taken = 0
        self._frame = 0

    def start(self, frames: Iterator, describe: Callable) -> list:
        """Find the mapping in the first frames.

        Args:
            frames (Iterator): Infrared and visible frame of each; up to 100 are taken.
            describe (Callable): From ``'infrared'`` or ``'visible'`` and a number to the name
                of a frame.

        Returns:
            list: The frames that were taken, to be fused.

        Raises:
            RegistrationError: No mapping is accepted.
        """
        taken, pairs, refusal = [], [], RegistrationError('the sources gave no frames')
        for index, frame in enumerate(frames):
            taken.append(frame)
            if index % _SEARCH_EVERY == 0:
                pairs.append(self._read(frame, index, describe))
                try:
                    self._begin(register_pairs(pairs).homography, pairs[0])
                    return taken
                except RegistrationError as error:
                    refusal = error
            if index + 1 >= _SEARCHED:
                break
        raise refusal

    def _read(self, frame, index, describe) -> Pair:
        names = describe('infrared', index), describe('visible', index)
        return next(read_unfitted([(f'frame {index}', *frame)], self.preparation, [names]))

    def _begin(self, matrix, pair):
        self._sizes = pair.ir.shape, pair.vi.shape[:2]
        self._now = map_corners(matrix, self._sizes[0])
        self._first = self._now.copy()
        self._step = np.zeros_like(self._now)

    @property
    def moved(self) -> float:
        """See the attributes."""
        return float(np.linalg.norm(self._now - self._first, axis=1).mean())

    @property
    def homography(self) -> Homography:
        """The mapping of the newest frame."""
        corners = map_corners(np.eye(3), self._sizes[0])
        matrix = cv2.getPerspectiveTransform(np.float32(corners), np.float32(self._now))
        sizes = (self._sizes[0][::-1], self._sizes[1][::-1])
        return Homography(matrix, *sizes, 'the registration')

    def prepare(self, frame: tuple, index: int, describe: Callable) -> Preparation:
        """The preparation of the next frame.

        Args:
            frame (tuple): Infrared and visible frame.
            index (int): Its number.
            describe (Callable): See :meth:`start`.

        Returns:
            Preparation: With the mapping of this frame.

        Raises:
            PairError: The frame cannot be read.
        """
        if self._frame and self._frame % self.every == 0:
            self._update(self._read(frame, index, describe))
        self._frame += 1
        self._now = self._now + self._step
        return dataclasses.replace(self.preparation, homography=self.homography)

    def _update(self, pair):
        self.tried += 1
        self._step = np.zeros_like(self._now)
        found = follow([(Edges(pair.ir), Edges(to_luma(pair.vi)))], np.array(self.homography))
        if found is None or found.evidence.objection:
            return
        way = map_corners(found.matrix, self._sizes[0]) - self._now
        if np.linalg.norm(way, axis=1).mean() <= _JUMP * np.hypot(*self._sizes[1]):
            self.taken += 1
            self._step = _TRUST * way / self.every

    def note(self) -> str:
        """What became of the mapping, in a sentence."""
        return (
            f'registration: {self.taken} of {self.tried} later estimates were taken, the '
            f'corners moved by {self.moved:.1f} visible pixels'
        )


def registered(
    preparation: Preparation, sources: Iterable, count: int = 8, **options: Any
) -> tuple[Preparation, str]:
    """Add to a preparation the mapping that pairs of one rig share.

    Args:
        preparation (Preparation): Without a homography.
        sources (Iterable): Name, infrared and visible image of each pair, a list.
        count (int): At most so many pairs are read, spread evenly. Defaults to 8.
        **options: Of :func:`.register_pairs`.

    Returns:
        tuple[Preparation, str]: With the homography; and words on what was found.

    Raises:
        PairError: A file cannot be used, or its size is not that of the first pair's.
        RegistrationError: No mapping is accepted.
        ValueError: The preparation resizes or has a homography, or the sources are a stream.
    """
    if preparation.moves_infrared:
        raise ValueError('give one of register, homography and resize')
    if not isinstance(sources, list | tuple):
        raise ValueError('a stream cannot be registered before it is read: give lists')
    places = np.unique(np.linspace(0, len(sources) - 1, min(count, len(sources))).round())
    pairs = list(read_unfitted([sources[int(i)] for i in places], preparation))
    found = register_pairs(pairs, **options)
    sizes = pairs[0].ir.shape[::-1], pairs[0].vi.shape[1::-1]
    homography = Homography(found.homography, *sizes, 'the registration')
    preparation = dataclasses.replace(preparation, homography=homography)
    words, seen = str(found), preparation.seen(sizes[0][::-1], sizes[1][::-1])
    if seen is not None:
        words += f'; the infrared camera sees {(seen > 0).mean():.0%} of the visible image'
    return preparation, words
