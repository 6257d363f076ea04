"""Refine the mapping between two cameras by the edges in their images.

The correlation of the edge fields is maximised from a start, by the forward additive iteration
of the enhanced correlation coefficient (Evangelidis and Psarakis, Parametric image alignment
using enhanced correlation coefficient maximization, PAMI 2008). The difference from the paper
is the sum over two channels.
"""

import cv2
import numpy as np

_ITERATIONS = 15


def refine(ir: np.ndarray, vi: np.ndarray, matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Maximise the correlation of two fields under an affine mapping, from a start.

    Args:
        ir (np.ndarray): Field of :func:`.edge_field`, (h, w, 2).
        vi (np.ndarray): The same of the visible image; the size may differ.
        matrix (np.ndarray): (3, 3), from infrared to visible field.

    Returns:
        tuple[float, np.ndarray]: Correlation times the root of the part of the visible image
        that the infrared one covers (a small part correlates by chance), and the matrix, where
        the correlation was highest. The score is -1 where less than a tenth is covered or there
        are no edges.
    """
    (high, wide), (height, width) = ir.shape[:2], vi.shape[:2]
    # parameters act on the visible field's coordinates in [-1, 1], for one order of magnitude
    half = max(height, width) / 2
    pixels = np.array([[half, 0, (width - 1) / 2], [0, half, (height - 1) / 2], [0, 0, 1.0]])
    right, down = np.meshgrid(
        np.float32((np.arange(width) - pixels[0, 2]) / half),
        np.float32((np.arange(height) - pixels[1, 2]) / half),
    )
    slopes = [cv2.Sobel(ir, -1, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1))]
    slopes = np.concatenate(slopes, 2)
    back = (np.linalg.inv(matrix) @ pixels)[:2]
    best = -1.0, matrix, 1.0
    for _ in range(_ITERATIONS):
        x = back[0, 0] * right + back[0, 1] * down + back[0, 2]
        y = back[1, 0] * right + back[1, 1] * down + back[1, 2]
        seen = (x >= 1) & (x <= wide - 2) & (y >= 1) & (y <= high - 2)
        if seen.mean() < 0.1:
            break
        u, v = right[seen], down[seen]
        to_ir = back @ np.linalg.inv(pixels)
        size, flags = (width, height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(ir, to_ir, size, flags=flags)[seen]
        slope = cv2.warpAffine(slopes, to_ir, size, flags=flags)[seen]
        warped, fixed = warped - warped.mean(0), vi[seen] - vi[seen].mean(0)
        norms = np.linalg.norm(warped), np.linalg.norm(fixed)
        if min(norms) < 1e-2:
            break
        warped, slope, fixed = warped / norms[0], slope / norms[0], fixed / norms[1]
        hessian, toward, away = np.zeros((6, 6)), np.zeros(6), np.zeros(6)
        for channel in range(2):
            gx, gy = slope[:, channel], slope[:, 2 + channel]
            parts = np.stack([gx * u, gx * v, gx, gy * u, gy * v, gy])
            hessian += parts @ parts.T
            toward += parts @ fixed[:, channel]
            away += parts @ warped[:, channel]
        cross = float((warped * fixed).sum())
        if cross > best[0]:
            whole = pixels @ np.linalg.inv(np.vstack([back, [0, 0, 1]]))
            best = cross, whole, seen.mean()
        hessian += np.eye(6) * (1e-4 * np.trace(hessian) / 6 + 1e-12)
        solved = np.linalg.solve(hessian, np.stack([toward, away], 1))
        below = cross - toward @ solved[:, 1]
        if below <= 0:
            break
        factor = (1 - away @ solved[:, 1]) / below
        step = (factor * solved[:, 0] - solved[:, 1]).reshape(2, 3)
        back = back + step
        if np.abs(step).max() < 0.005 or abs(np.linalg.det(back[:, :2])) < 1e-6:
            break
    correlation, matrix, covered = best
    return correlation * np.sqrt(covered), matrix
