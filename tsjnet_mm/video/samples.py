"""Take some frames of two videos, spread evenly over them."""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.registration.homography import read_unfitted

from .frame_sources import open_frames

#: Without a known length frames are taken this far apart.
_APART = 25


def sample_pairs(
    ir: str | Path, vi: str | Path, count: int, preparation: Preparation | None = None
) -> Iterator[Pair]:
    """Read some pairs of frames of two video files, spread evenly.

    Args:
        ir (str | Path): Infrared video.
        vi (str | Path): Visible video.
        count (int): At most so many pairs.
        preparation (Preparation, optional): Of the infrared values; sizes stay as they are.

    Yields:
        Pair: Named ``frame <number>``; ``vi`` is the luma, (H, W) float32 in [0, 1].

    Raises:
        FileNotFoundError: There is no such file.
        PairError: A file is no video, or a frame cannot be used.
        ValueError: The videos differ in length, or have no frames.
    """
    preparation = preparation or Preparation()
    with contextlib.closing(open_frames(ir, vi)) as frames:
        total = frames.count or count * _APART
        wanted = set(np.linspace(0, max(total - 1, 0), count).round().astype(int).tolist())
        taken = 0
        for index, (infrared, visible) in enumerate(itertools.islice(frames, total)):
            if index not in wanted:
                continue
            names = [frames.describe(kind, index) for kind in ('infrared', 'visible')]
            taken += 1
            yield from read_unfitted(
                [(f'frame {index}', infrared, visible)], preparation, [names]
            )
    if not taken:
        raise ValueError('the sources gave no frames')
