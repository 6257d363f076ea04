"""Find the homography from infrared to visible pixels, from points or from pairs."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tsjnet_mm.io.images import different_sizes
from tsjnet_mm.io.matching import find_pairs
from tsjnet_mm.io.pairs import Pair, is_path, to_array
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.text import TextError, read_csv, shorten
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.words import counted

from .edges import Edges
from .estimate import Evidence, estimate, independent

#: Coordinates beyond are no pixels of an image.
_LARGEST = 1e6
_ADVICE = (
    'give pairs of other scenes, with edges in them that both cameras see, or corresponding '
    'points (tools/register.py --points)'
)


class RegistrationError(ValueError):
    """No homography that can be trusted was found; the message says why.

    Args:
        message (str): The whole message.
        reason (str, optional): Why, without advice. Defaults to the message.
    """

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason or message


@dataclass(frozen=True)
class Registration:
    """Result of :func:`register_points` and :func:`register_pairs`.

    Attributes:
        homography (np.ndarray): (3, 3) float64, from infrared to visible pixel coordinates.
        error (float): Root mean square distance in visible pixels: from the points, or of the
            parts of the images that agree from where the mapping puts them.
        pairs (tuple[str, ...]): Names of the pairs it was estimated from, one of each scene;
            empty with points.
        kind (str): ``'affine'`` or ``'homography'``.
        evidence (Evidence | None): What speaks for it; None with points.
    """

    homography: np.ndarray
    error: float
    pairs: tuple[str, ...] = ()
    kind: str = 'homography'
    evidence: Evidence | None = None

    def __str__(self) -> str:
        if self.evidence is None:
            return f'{self.error:.2f} visible pixels off the points'
        of, parts = counted(len(self.pairs), 'pair'), f'{self.evidence.blocks} parts'
        return (
            f'{self.kind} from {of}: {self.evidence.share:.0%} of {parts} agree, '
            f'{self.error:.2f} visible pixels apart'
        )

    def save(
        self, path: str | Path, ir_size: tuple[int, int], vi_size: tuple[int, int]
    ) -> None:
        """Write it as :func:`.load_homography` reads it.

        Args:
            path (str | Path): JSON file; completely or not at all.
            ir_size (tuple[int, int]): Width and height of the infrared image.
            vi_size (tuple[int, int]): The same of the visible image.
        """
        content = {
            'homography': self.homography.tolist(),
            'ir_size': list(ir_size),
            'vi_size': list(vi_size),
            'error': self.error,
        }
        if self.pairs:
            content['pairs'] = list(self.pairs)
        write_whole(path, json.dumps(content, indent=2) + '\n')


def read_points(path: str | Path) -> np.ndarray:
    """Read corresponding points.

    Args:
        path (str | Path): CSV file with a line ``x_ir,y_ir,x_vi,y_vi`` a point; a first line
            of names is skipped, and lines that begin with ``#``.

    Returns:
        np.ndarray: (N, 4) float64.

    Raises:
        FileNotFoundError: There is no such file.
        TextError: The file cannot be read, or a line is not four coordinates of pixels.
    """
    points = []
    for at, (number, row) in enumerate(read_csv(path)):
        fields = [field.strip() for field in row]
        if not any(fields) or fields[0].startswith('#') or (at == 0 and fields[0] == 'x_ir'):
            continue
        try:
            x_ir, y_ir, x_vi, y_vi = map(float, fields)
            if not _are_coordinates((x_ir, y_ir, x_vi, y_vi)):
                raise ValueError('no coordinates')
        except ValueError:
            raise TextError(
                f'{path}: line {number}: expected x_ir,y_ir,x_vi,y_vi in pixels, '
                f'found {shorten(",".join(fields))}',
                'malformed points',
            ) from None
        points.append((x_ir, y_ir, x_vi, y_vi))
    return np.array(points, np.float64).reshape(-1, 4)


def _are_coordinates(values):
    return bool((np.abs(values) <= _LARGEST).all())  # not those that are NaN


def register_points(points: np.ndarray) -> Registration:
    """Fit the mapping to corresponding points, by least squares.

    Args:
        points (np.ndarray): (N, 4): x and y in the infrared image, x and y in the visible.

    Returns:
        Registration: A full homography.

    Raises:
        RegistrationError: There are fewer than four points, they lie on a line, or are no
            coordinates of pixels.
    """
    points = np.asarray(points, np.float64)
    if not _are_coordinates(points):
        raise RegistrationError(f'expected coordinates of pixels, up to {_LARGEST:g}')
    if len(points) < 4:
        raise RegistrationError(f'expected at least 4 points, found {len(points)}')
    source, target = points[:, None, :2], points[:, None, 2:]
    for side in (source, target):
        spread = np.linalg.svd(side[:, 0] - side.mean(0), compute_uv=False)
        if spread[1] < 1e-3 * spread[0] or spread[0] == 0:
            raise RegistrationError('the points lie on a line: spread them over the image')
    matrix, _ = cv2.findHomography(source, target, 0)
    if matrix is None or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-9:
        raise RegistrationError('no homography fits the points: three of them lie on a line?')
    error = cv2.perspectiveTransform(source, matrix) - target
    return Registration(matrix, float(np.sqrt((error**2).sum(2).mean())))


def read_pairs(
    ir: str | Path,
    vi: str | Path,
    count: int | None = None,
    preparation: Preparation | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
    **options: Any,
) -> Iterator[Pair]:
    """Read some pairs of one rig, spread evenly over a folder.

    Args:
        ir (str | Path): Infrared image, folder or glob pattern.
        vi (str | Path): The same of the visible images, see :func:`.match_pairs`.
        count (int, optional): Read at most so many pairs. Defaults to all.
        preparation (Preparation, optional): Of the infrared values; sizes stay as they are.
        ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.
        **options: Instead of ``preparation`` its parts, such as ``ir_percentiles``.

    Yields:
        Pair: The next pair; ``vi`` is the luma, (H, W) float32 in [0, 1].

    Raises:
        FileNotFoundError: A path does not exist.
        PairError: A file cannot be used, or its size is not that of the first pair's.
        ValueError: One path is a file, the other a folder.
    """
    preparation = Preparation.of(preparation, **options)
    files = find_pairs(ir, vi, ir_affix, vi_affix)
    if count is not None and count < len(files):
        files = [files[i] for i in np.linspace(0, len(files) - 1, count).round().astype(int)]
    yield from read_unfitted(files, preparation)


def read_unfitted(
    sources: Iterable, preparation: Preparation, names: Iterable | None = None
) -> Iterator[Pair]:
    """Read pairs whose infrared images stay in their own size.

    Args:
        sources (Iterable): Name, infrared and visible image of each: paths, arrays or tensors.
        preparation (Preparation): Of the infrared values.
        names (Iterable, optional): What errors call the two images of each. Defaults to their
            paths or the name of the pair.

    Yields:
        Pair: The next pair; ``vi`` is the luma, (H, W) float32 in [0, 1].

    Raises:
        PairError: An image cannot be used, or its size is not that of the first pair's.
    """
    first = None
    names = iter(names) if names is not None else itertools.repeat(None)
    for (name, ir, vi), called in zip(sources, names, strict=False):
        called = called or [
            str(source) if is_path(source) else f'{kind} image {name}'
            for kind, source in (('infrared', ir), ('visible', vi))
        ]
        if is_path(ir):
            infrared = preparation.load_infrared(ir)
        else:
            infrared = preparation.prepare_infrared(to_array(ir, called[0]), called[0])
        luma = to_luma(preparation.prepare_visible(to_array(vi, called[1]), called[1]))
        shapes = infrared.shape, luma.shape
        first = first or (shapes, called)
        for i in range(2):
            if shapes[i] != first[0][i]:
                remedy = 'one mapping needs images of one size'
                raise different_sizes(called[i], shapes[i], first[1][i], first[0][i], remedy)
        yield Pair(name, infrared, luma)


def register_pairs(pairs: Sequence[Pair], progress: Callable = iter) -> Registration:
    """Find the mapping of one pair, or the one that several pairs of one rig share.

    Pairs that show the scene of another pair are left out, and structures at the same place in
    all images are removed. The search covers scales from a half to twice the one at which the
    fields of view coincide, angles up to 16 degrees, and shifts up to 0.35 of the image. See
    :class:`~tsjnet_mm.registration.estimate.Evidence` for what a mapping needs to be accepted.

    Args:
        pairs (Sequence[Pair]): Infrared (H, W), and visible luma (h, w) or RGB (h, w, 3),
            float32 in [0, 1]; of one size each.
        progress (Callable): ``progress(pairs)`` iterates over the pairs while they are
            searched, which takes the time. Defaults to no display.

    Returns:
        Registration: An affine mapping or a homography, whichever predicts the images better.

    Raises:
        RegistrationError: There is no pair, or the evidence is too weak.
    """
    if not pairs:
        raise RegistrationError('there are no pairs to register')
    edges = [(Edges(pair.ir), Edges(to_luma(pair.vi))) for pair in pairs]
    edges = independent(edges) if len(edges) > 1 else {0: edges[0]}
    found = estimate([*edges.values()], progress)
    objection = found.evidence.objection if found else 'the images show no common edges'
    if objection:
        kind = f'{counted(len(edges), "pair")}' + (
            ' of different scenes' if len(edges) > 1 else ''
        )
        raise RegistrationError(
            f'no mapping found in {kind}: {objection}; {_ADVICE}', objection
        )
    names = tuple(pairs[i].name for i in edges)
    return Registration(found.matrix, found.error, names, found.kind, found.evidence)


def to_luma(vi: np.ndarray) -> np.ndarray:
    """Luma of a visible image.

    Args:
        vi (np.ndarray): (H, W), or (H, W, 3) RGB; float32 in [0, 1].

    Returns:
        np.ndarray: (H, W) float32 in [0, 1].
    """
    if vi.ndim == 2:
        return vi
    return cv2.cvtColor(np.ascontiguousarray(vi), cv2.COLOR_RGB2GRAY)


def draw_checkerboard(ir: np.ndarray, vi: np.ndarray, tiles: int = 8) -> np.ndarray:
    """Alternating tiles of both images: if these are aligned, edges are continuous.

    Args:
        ir (np.ndarray): Infrared on the visible image's pixels, (H, W) float32 in [0, 1].
        vi (np.ndarray): Luma of the visible image, (H, W) float32 in [0, 1].
        tiles (int): Tiles along the longer side. Defaults to 8.

    Returns:
        np.ndarray: (H, W) uint8.
    """
    side = -(-max(vi.shape) // tiles)
    y, x = np.indices(vi.shape) // side
    return np.uint8(np.rint(np.where((x + y) % 2 == 0, ir, vi).clip(0, 1) * 255))
