"""Measure what stays misaligned after registration, and fuse it from one source.

One mapping aligns one distance. Objects at other distances are shifted, and fused twice: as
ghosts. Blocks of the infrared edges are searched around their place in the visible ones. Those
that fit clearly better elsewhere, as their neighbours do, are misaligned.
"""

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.utils.styles import PARALLAX_SOURCES

from .blocks import iterate_fits
from .edges import edge_field

#: Long side of the fields, side of a block and largest shift in their pixels.
_FIELD, _BLOCK, _RADIUS = 384, 28, 16
#: A block is misaligned that fits this well elsewhere, by so much better than within so many
#: pixels, and as so many neighbours do, but for so many pixels.
_FIT, _GAIN, _STILL, _NEIGHBOURS, _ALIKE = 0.45, 0.15, 2, 3, 2


@dataclass(frozen=True)
class Parallax:
    """What stays misaligned between two images of one size.

    Attributes:
        shifts (np.ndarray): (rows, columns, 2) float64: how far the visible image shows a
            block to the right of and below the infrared one, in visible pixels; 0 where they
            are aligned, NaN where that is not known for lack of common edges.
        mask (np.ndarray): (H, W) float32 in [0, 1]: 1 in misaligned regions, with soft edges.
    """

    shifts: np.ndarray
    mask: np.ndarray

    @property
    def share(self) -> float:
        """Part of the image that is misaligned, 0 to 1."""
        return float((self.mask > 0.5).mean())

    @property
    def coincident(self) -> float:
        """Part of the blocks, 0 to 1, whose edges are known to coincide."""
        return (
            float((np.linalg.norm(self.shifts, axis=2) == 0).mean())
            if self.shifts.size
            else 0.0
        )

    @property
    def largest(self) -> float:
        """Largest shift in visible pixels."""
        lengths = np.linalg.norm(self.shifts, axis=2)
        return float(np.nanmax(lengths)) if np.isfinite(lengths).any() else 0.0

    def __str__(self) -> str:
        return f'{self.share:.1%} of the image misaligned, by up to {self.largest:.0f} pixels'


def measure_parallax(
    ir: np.ndarray, vi: np.ndarray, seen: np.ndarray | None = None
) -> Parallax:
    """Find the regions where two images stay misaligned.

    Args:
        ir (np.ndarray): Infrared on the visible image's pixels, (H, W) float32 in [0, 1].
        vi (np.ndarray): Luma of the visible image, (H, W) float32 in [0, 1].
        seen (np.ndarray, optional): (H, W) in [0, 1], see :func:`.seen_weights`; edges are
            compared where it is 1. Defaults to everywhere.

    Returns:
        Parallax: Shift of each block, and the regions.

    Raises:
        ValueError: The sizes differ.
    """
    if ir.shape != vi.shape:
        raise ValueError(f'expected images of one size, found {ir.shape} and {vi.shape}')
    fields = [edge_field(np.ascontiguousarray(image), _FIELD, 0.8) for image in (ir, vi)]
    height, width = fields[0].shape[:2]
    if seen is not None:  # Beyond its view a warped infrared image has streaks.
        inside = cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA) > 0.999
        fields[0] = fields[0] * inside[..., None]
    step = _BLOCK // 2
    rows, columns = max((height - _BLOCK) // step + 1, 0), max((width - _BLOCK) // step + 1, 0)
    shifts = np.full((rows, columns, 2), np.nan)
    centre = slice(_RADIUS - _STILL, _RADIUS + _STILL + 1)
    for x, y, fits in iterate_fits(*fields, _BLOCK, _RADIUS):
        row, column = np.unravel_index(fits.argmax(), fits.shape)
        best, still = fits[row, column], fits[centre, centre].max()
        shift = np.array([column - _RADIUS, row - _RADIUS])
        if best >= _FIT and (best - still >= _GAIN or best == still):
            shifts[y // step, x // step] = shift if best > still else 0
    moved = np.linalg.norm(shifts, axis=2) > 0
    alike = np.zeros(moved.shape, int)
    padded = np.pad(shifts, ((1, 1), (1, 1), (0, 0)), constant_values=np.nan)
    for down in range(3):
        for right in range(3):
            if (down, right) != (1, 1):
                other = padded[down : down + rows, right : right + columns]
                near = np.linalg.norm(other - shifts, axis=2) <= _ALIKE
                alike += near & (np.linalg.norm(other, axis=2) > 0)
    shifts[moved & (alike < _NEIGHBOURS)] = np.nan
    mask = np.zeros((height, width), np.float32)
    for row, column in np.argwhere(np.linalg.norm(shifts, axis=2) > 0):
        mask[row * step : row * step + _BLOCK, column * step : column * step + _BLOCK] = 1
    mask = cv2.GaussianBlur(mask, (0, 0), _BLOCK / 6)
    factor = np.array(vi.shape[::-1]) / (width, height)
    return Parallax(shifts * factor, cv2.resize(mask, vi.shape[::-1]))


def check_parallax(source: str, style: str = 'luma') -> str:
    """Refuse an unknown source of misaligned regions, and one that a style has no use for.

    Args:
        source (str): One of :data:`.PARALLAX_SOURCES`.
        style (str): Name of the style that pairs are shown in. Defaults to ``'luma'``.

    Returns:
        str: The source.

    Raises:
        ValueError: There is no such choice, or it is not ``'both'`` and the style is not
            ``'luma'``, which alone does not read values off the infrared image.
    """
    if source not in PARALLAX_SOURCES:
        raise ValueError(
            f'parallax must be one of {", ".join(PARALLAX_SOURCES)}, got {source!r}'
        )
    if source != 'both' and style != 'luma':
        raise ValueError(f'parallax {source!r} goes with the style luma alone, not {style}')
    return source


def fuse_from_one(pair: Pair, source: str) -> Pair:
    """Show misaligned regions of a pair in both images as one of them shows them.

    The colours of the visible image stay.

    Args:
        pair (Pair): The pair.
        source (str): One of :data:`.PARALLAX_SOURCES`; ``'stronger'`` takes, region by
            region, the image with more contrast.

    Returns:
        Pair: A new pair; the same one with ``'both'``, or where nothing is misaligned.

    Raises:
        ValueError: There is no such choice.
    """
    if check_parallax(source) == 'both':
        return pair
    luma = cv2.cvtColor(np.ascontiguousarray(pair.vi), cv2.COLOR_RGB2GRAY)
    mask = measure_parallax(pair.ir, luma, pair.seen).mask
    if not mask.any():
        return pair
    taken = np.full_like(mask, source == 'visible')
    if source == 'stronger':
        count, labels = cv2.connectedComponents((mask > 0.02).astype(np.uint8))
        for label in range(1, count):
            region = labels == label
            taken[region] = luma[region].std() >= pair.ir[region].std()
    if pair.seen is not None:
        mask = mask * pair.seen
    visible, infrared = mask * taken, mask * (1 - taken)
    ir = pair.ir + visible * (luma - pair.ir)
    vi = pair.vi + (infrared * (pair.ir - luma))[..., None]
    return dataclasses.replace(pair, ir=ir, vi=vi.clip(0, 1))


def draw_parallax(image: np.ndarray, parallax: Parallax) -> np.ndarray:
    """Draw misaligned regions in red, with an arrow for each block's shift.

    Args:
        image (np.ndarray): (H, W) uint8.
        parallax (Parallax): Of an image of this size.

    Returns:
        np.ndarray: (H, W, 3) RGB uint8.
    """
    picture = np.stack([image] * 3, 2).astype(np.float32)
    tint = 0.35 * parallax.mask[..., None]
    picture = np.uint8(picture * (1 - tint) + tint * (255, 0, 0))
    factor = max(image.shape) / _FIELD
    for row, column in np.argwhere(np.linalg.norm(parallax.shifts, axis=2) > 0):
        start = (np.array([column, row]) * (_BLOCK // 2) + _BLOCK / 2) * factor
        ends = [
            tuple(map(int, point)) for point in (start, start + parallax.shifts[row, column])
        ]
        cv2.arrowedLine(picture, *ends, (255, 255, 0), 1, cv2.LINE_AA, tipLength=0.4)
    return picture
