"""Flicker: the change between consecutive frames of a fused video and its sources."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)


def _luma(frame):
    """Luma in levels 0..255 of a frame of either type."""
    if frame.ndim == 3 and frame.shape[2] == 1:
        frame = frame[..., 0]
    if frame.dtype.kind == 'f':
        frame = frame * np.float32(255)
    elif frame.dtype != np.uint8:
        raise TypeError(f'expected uint8 or float frames, got {frame.dtype}')
    return frame.astype(np.float32) if frame.ndim == 2 else frame.astype(np.float32) @ _LUMA


def temporal_difference(frames: Iterable[np.ndarray]) -> float:
    r"""Mean absolute difference of the luma of consecutive frames.

    .. math:: \frac{1}{(T - 1) H W} \sum_{t=2}^{T} \sum_x |Y_t(x) - Y_{t-1}(x)|

    Args:
        frames (Iterable[np.ndarray]): (H, W) or (H, W, 1 or 3) RGB, uint8 or float in [0, 1],
            of one size; two at a time are kept.

    Returns:
        float: In levels of 0..255; 0 for a still picture.

    Raises:
        TypeError: A frame is of another type.
        ValueError: There are fewer than two frames, or sizes differ.
    """
    total, number, previous = 0.0, 0, None
    for frame in frames:
        luma = _luma(frame)
        if previous is not None:
            if luma.shape != previous.shape:
                raise ValueError(f'frames differ in size: {previous.shape} and {luma.shape}')
            total += float(np.abs(luma - previous).mean(dtype=np.float64))
            number += 1
        previous = luma
    if not number:
        raise ValueError('a temporal difference needs at least two frames')
    return total / number


@dataclass
class Flicker:
    """Temporal differences of a fused video and its sources, in levels of 0..255.

    Attributes:
        ir (float): Of the infrared video, as it was fused (aligned, range applied).
        vi (float): Of the visible video's luma.
        fused (float): Of the fused luma.
        static_share (float): Share of pixels, from 0 to 1, where both sources change by less
            than one level.
        static_fused (float): Mean change of the fused luma there; NaN without such pixels.
        static_sources (float): Mean there of the larger of the sources' changes.
    """

    ir: float
    vi: float
    fused: float
    static_share: float
    static_fused: float
    static_sources: float

    @property
    def ratio(self) -> float:
        """Fused temporal difference over the larger of the sources'; NaN if both are still."""
        larger = max(self.ir, self.vi)
        return self.fused / larger if larger else float('nan')

    def __str__(self) -> str:
        return (
            f'temporal difference in levels: fused {self.fused:.3f}, infrared {self.ir:.3f}, '
            f'visible {self.vi:.3f}; fused / larger source {self.ratio:.3f}\n'
            f'where both sources change by less than 1 level ({self.static_share:.1%} of '
            f'pixels): fused {self.static_fused:.3f}, larger source {self.static_sources:.3f}'
        )


class FlickerMeter:
    """Compare temporal differences frame by frame, with one frame of memory.

    Example:
        >>> meter = FlickerMeter()
        >>> for level in (10, 20):
        ...     still, moving = np.zeros((4, 4), np.uint8), np.full((4, 4), level, np.uint8)
        ...     meter.update(still, moving, moving)
        >>> meter.result().ratio
        1.0
    """

    def __init__(self) -> None:
        self._previous = None
        self._sums = np.zeros(6)
        self._steps = 0

    def update(self, ir: np.ndarray, vi: np.ndarray, fused: np.ndarray) -> None:
        """Take the next frame of each.

        Args:
            ir (np.ndarray): (H, W), uint8 or float in [0, 1].
            vi (np.ndarray): (H, W[, 3]) RGB, the same types.
            fused (np.ndarray): The same.

        Raises:
            TypeError: A frame is of another type.
            ValueError: Sizes differ.
        """
        lumas = [_luma(frame) for frame in (ir, vi, fused)]
        shapes = {luma.shape for luma in lumas + (self._previous or [])}
        if len(shapes) > 1:
            raise ValueError(f'frames differ in size: {sorted(shapes)}')
        if self._previous is not None:
            changes = [
                np.abs(now - before) for now, before in zip(lumas, self._previous, strict=True)
            ]
            sources = np.maximum(changes[0], changes[1])
            static = sources < 1
            self._sums += [
                *(change.mean(dtype=np.float64) for change in changes),
                static.mean(),
                changes[2].mean(dtype=np.float64, where=static) if static.any() else 0,
                sources.mean(dtype=np.float64, where=static) if static.any() else 0,
            ] * np.array([1, 1, 1, 1, static.mean(), static.mean()])
            self._steps += 1
        self._previous = lumas

    def result(self) -> Flicker | None:
        """The values measured so far.

        Returns:
            Flicker | None: None after fewer than two frames.
        """
        if not self._steps:
            return None
        ir, vi, fused, share, static_fused, static_sources = self._sums / self._steps
        if share:
            static_fused, static_sources = static_fused / share, static_sources / share
        else:
            static_fused = static_sources = float('nan')
        return Flicker(*map(float, (ir, vi, fused, share, static_fused, static_sources)))
