import cv2
import numpy as np
import pytest


@pytest.fixture
def night_scene():
    """Factory of a pair: a warm upright body and noise, in the visible image in the dark.

    Returns ir (96, 128), vi (96, 128, 3), the body's mask, and its box.
    """

    def make(offset=(0, 0), centre=(60, 48)):
        rng = np.random.default_rng(0)
        mask = np.zeros((96, 128), np.uint8)
        x, y = centre
        cv2.ellipse(mask, (x, y + 4), (9, 20), 0, 0, 360, 1, cv2.FILLED)
        cv2.circle(mask, (x, y - 20), 6, 1, cv2.FILLED)
        moved = np.roll(mask, offset[::-1], (0, 1))
        ir = (0.1 + 0.6 * moved + rng.normal(0, 0.01, mask.shape)).clip(0, 1)
        vi = rng.normal(0.05, 0.01, (*mask.shape, 3)).clip(0, 1)
        left, top, width, height = cv2.boundingRect(mask)
        box = [left, top, left + width, top + height]
        return ir.astype(np.float32), vi.astype(np.float32), mask.astype(bool), box

    return make
