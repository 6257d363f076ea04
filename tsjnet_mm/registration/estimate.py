"""Estimate the mapping between two cameras from one pair or several, and judge it.

The images are searched at low resolution, the best mappings refined by correlation, and then
blocks of the infrared image are matched near where the mapping puts them. Under a right mapping
most blocks fit best where it puts them; under a wrong one few do, by chance. That share, how
far the blocks that agree are spread, and how well they fix the corners decide whether a mapping
is accepted.
"""

import dataclasses
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import cv2
import numpy as np

from .align import refine
from .blocks import Blocks, fit, is_plausible, join, match_blocks
from .edges import Edges, different_scenes, map_corners, remove_fixed
from .search import search

#: What a mapping needs to be accepted, see :class:`Evidence`. Of a single pair mappings with
#: smaller shares were up to 6 % of the diagonal off, and those of other scenes reached 0.38
#: (benchmarks/registration.py). Several scenes do not share such an error.
LEAST_BLOCKS, LEAST_SPREAD, MOST_CORNER = 20, 0.4, 0.012
LEAST_SHARE, LEAST_SHARE_OF_SEVERAL, SEVERAL = 0.46, 0.3, 3
_STARTS, _CANDIDATES = 8, 5
#: Level of the fields and radius in pixels of each step of block matching.
_COARSE, _FINE, _JUDGED = ((1, 10),), ((2, 10), (2, 6)), 12
#: A candidate with a smaller share of blocks that agree is not worth another step.
_HOPELESS = 0.15
#: Mappings are one candidate that put the corners within this part of the diagonal.
_SAME = 0.04
#: A pair shows a scene of its own if this part of its edges is left without fixed structures.
_LEFT = 0.5


@dataclass(frozen=True)
class Evidence:
    """What speaks for a mapping.

    Attributes:
        blocks (int): Blocks with edges in both images.
        agree (int): Those that fit best within 3 pixels (of a long side of 512) of where
            the mapping puts them.
        spread (float): Part of a 4x4 grid over the visible image, as far as the infrared
            image covers it, with such blocks; 0 to 1.
        corner (float): How far the corners of the infrared image move, as a part of the
            visible diagonal, if the mapping is fitted to half of the blocks that agree.
        pairs (int): How many pairs the blocks are from. Defaults to 1.
    """

    blocks: int
    agree: int
    spread: float
    corner: float
    pairs: int = 1

    @property
    def share(self) -> float:
        """Share of the blocks that agree, 0 to 1."""
        return self.agree / max(self.blocks, 1)

    @property
    def objection(self) -> str | None:
        """Why a mapping with this evidence is not accepted; None if it is."""
        if self.agree < LEAST_BLOCKS:
            return f'only {self.agree} parts of the images agree, {LEAST_BLOCKS} must'
        least = LEAST_SHARE_OF_SEVERAL if self.pairs >= SEVERAL else LEAST_SHARE
        if self.share < least:
            return f'only {self.share:.0%} of the parts agree, {least:.0%} must'
        if self.spread < LEAST_SPREAD:
            return f'the parts that agree cover only {self.spread:.0%} of the image'
        if self.corner > MOST_CORNER:
            return f'the corners are uncertain by {self.corner:.1%} of the diagonal'
        return None


@dataclass(frozen=True)
class Estimate:
    """A mapping and what speaks for it.

    Attributes:
        matrix (np.ndarray): (3, 3) float64, from infrared to visible pixel coordinates.
        kind (str): ``'affine'`` or ``'homography'``.
        evidence (Evidence): What speaks for it.
        error (float): Root mean square distance of the blocks that agree from where it puts
            them, in visible pixels.
    """

    matrix: np.ndarray
    kind: str
    evidence: Evidence
    error: float


def estimate(
    pairs: Sequence[tuple[Edges, Edges]], progress: Callable = iter
) -> Estimate | None:
    """Estimate the mapping of one pair, or the one that several pairs of one rig share.

    Args:
        pairs (Sequence[tuple[Edges, Edges]]): Infrared and visible, of one size each.
        progress (Callable): ``progress(pairs)`` iterates over them while they are searched.
            Defaults to no display.

    Returns:
        Estimate | None: The best mapping, which may be wrong: see its evidence. None where the
        images show no common edges.
    """
    ir, vi = pairs[0]
    candidates = []
    for infrared, visible in progress(pairs):
        scored = []
        for start in search(infrared.sharp, visible.sharp, _STARTS):
            score, matrix = refine(infrared.fields[0], visible.fields[0], start)
            if score > 0:
                scored.append((score, _to_pixels(matrix, ir, vi, 0)))
        candidates += sorted(scored, key=lambda entry: -entry[0])[:_CANDIDATES]
    best = None
    for matrix in _distinct(candidates, ir.size, _SAME * np.hypot(*vi.size)):
        found = follow(pairs, matrix, _COARSE)
        if found and (best is None or found.evidence.share > best.evidence.share):
            best = found
        if best and best.evidence.objection is None:
            break
    if best is None or best.evidence.share < _HOPELESS:
        return best
    return follow(pairs, best.matrix, _FINE) or best


def follow(
    pairs: Sequence[tuple[Edges, Edges]],
    matrix: np.ndarray,
    steps: Sequence[tuple[int, int]] = _FINE,
) -> Estimate | None:
    """Improve a mapping that is nearly right by matching blocks.

    Args:
        pairs (Sequence[tuple[Edges, Edges]]): Infrared and visible, of one size each.
        matrix (np.ndarray): (3, 3), from infrared to visible pixel coordinates.
        steps (Sequence[tuple[int, int]]): One after the other, the level of the fields, 1 or
            2, and how far blocks are searched in it, in pixels. Defaults to 10 and 6 in level
            2, whose long side is 512.

    Returns:
        Estimate | None: The mapping; None if no mapping fits the blocks.
    """
    ir, vi = pairs[0]
    if not is_plausible(matrix, map_corners(np.eye(3), ir.size)):
        return None
    kind = None
    for level, radius in steps:
        found = fit(_match(pairs, _to_field(matrix, ir, vi, level), level, radius))
        if found is None:
            return None
        matrix, kind = _to_pixels(found[0], ir, vi, level), found[1]
    inside = _to_field(matrix, ir, vi, level)
    blocks = _match(pairs, inside, level, _JUDGED * level // 2)
    sizes = [edges.fields[level].shape[:2] for edges in pairs[0]]
    apart = np.linalg.norm(blocks.shifts[blocks.agree], axis=1) * vi.size[1] / sizes[1][1]
    error = float(np.sqrt((apart**2).mean())) if len(apart) else np.inf
    evidence = dataclasses.replace(_judge(blocks, inside, *sizes), pairs=len(pairs))
    return Estimate(matrix, kind, evidence, error)


def _match(pairs, matrix, level, radius):
    fields = [[edges.fields[level] for edges in pair] for pair in pairs]
    return join([match_blocks(*pair, matrix, radius) for pair in fields])


def _judge(blocks: Blocks, matrix, ir, vi) -> Evidence:
    """The evidence for a mapping between fields of these sizes."""
    agree = blocks.agree
    covered = cv2.warpPerspective(np.ones(ir, np.float32), matrix, vi[::-1])
    possible = cv2.resize(covered, (4, 4), interpolation=cv2.INTER_AREA) > 0.5
    hit = np.zeros((4, 4), bool)
    columns, rows = (blocks.vi[agree] * 4 / vi[::-1]).astype(int).clip(0, 3).T
    hit[rows, columns] = True
    near = blocks.take(agree)
    corners = [map_corners(matrix, ir)]
    for half in (0, 1):
        part = fit(near.take(slice(half, None, 2)))
        if part is None:
            return Evidence(len(agree), int(agree.sum()), 0.0, 1.0)
        corners.append(map_corners(part[0], ir))
    apart = [np.linalg.norm(corners[0] - other, axis=1).mean() for other in corners[1:]]
    corner = float(np.mean(apart) / np.hypot(*vi))
    spread = float((hit & possible).sum() / max(possible.sum(), 1))
    return Evidence(len(agree), int(agree.sum()), spread, corner)


def _to_field(matrix, ir, vi, level):
    return vi.down(level) @ matrix @ np.linalg.inv(ir.down(level))


def _to_pixels(matrix, ir, vi, level):
    return np.linalg.inv(vi.down(level)) @ matrix @ ir.down(level)


def _distinct(candidates, size, limit):
    """The best few candidates that are apart, those first that several pairs found."""
    groups = []
    for score, matrix in sorted(candidates, key=lambda entry: -entry[0]):
        corners = map_corners(matrix, size)
        for group in groups:
            if np.linalg.norm(group[2] - corners, axis=1).max() <= limit:
                group[0] += score
                break
        else:
            groups.append([score, matrix, corners])
    groups.sort(key=lambda group: -group[0])
    return [matrix for _, matrix, _ in groups[:_CANDIDATES]]


def independent(
    pairs: Sequence[tuple[Edges, Edges]],
) -> dict[int, tuple[Edges, Edges]]:
    """The pairs of different scenes, without the structures that are fixed to a camera.

    Fixed structures, such as overlays, are known from at least three scenes only; of fewer
    scenes the pairs are left as they are.

    Args:
        pairs (Sequence[tuple[Edges, Edges]]): Infrared and visible.

    Returns:
        dict[int, tuple[Edges, Edges]]: One pair of each scene, by its index.
    """
    cleaned = [(copy(ir), copy(vi)) for ir, vi in pairs]
    for pair in cleaned:
        for edges in pair:
            edges.fields = list(edges.fields)
    remove_fixed(cleaned)
    left = {
        i: cleaned[i]
        for i, old in enumerate(pairs)
        if all(
            np.linalg.norm(after.sharp) > _LEFT * np.linalg.norm(before.sharp)
            for before, after in zip(old, cleaned[i], strict=True)
        )
    }
    kept = [[*left][i] for i in different_scenes([*left.values()])]
    if len(kept) >= 3:
        return {i: left[i] for i in kept}
    return {i: pairs[i] for i in different_scenes(pairs)}
