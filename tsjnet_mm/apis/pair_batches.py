"""Fuse prepared pairs in batches, and draw them in a style."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.utils.styles import Style
from tsjnet_mm.visualization.thermal_styles import draw_style


class FusedImage(NamedTuple):
    """One result.

    Attributes:
        name (str): Stem of the pair's visible file, or its number among arrays.
        image (np.ndarray): (H, W, 3) RGB, or (H, W) grey, uint8.
    """

    name: str
    image: np.ndarray


def fuse_in_batches(
    fuse: Callable, pairs: Iterable[Pair], batch_size: int, grey: bool, style: Style
) -> Iterator[FusedImage]:
    """Fuse consecutive pairs of one size together.

    Args:
        fuse (Callable): ``fuse(ir, vi, grey, seen=seen)``, see :meth:`.FusionInferencer.fuse`.
        pairs (Iterable[Pair]): The pairs, which may be a generator.
        batch_size (int): Pairs that are fused together, at most.
        grey (bool): Make fused luma instead of colour.
        style (Style): How the pairs are shown.

    Yields:
        FusedImage: In the order of the pairs.

    Raises:
        ValueError: See :meth:`.BaseFusor.fuse`; names the pairs.
        PairError: See :func:`.draw_style`.
    """
    batch = []
    for pair in pairs:
        if batch and batch[0].ir.shape != pair.ir.shape:
            yield from _show(fuse, batch, grey, style)
            batch = []
        batch.append(pair)
        if len(batch) == batch_size:
            yield from _show(fuse, batch, grey, style)
            batch = []
    if batch:
        yield from _show(fuse, batch, grey, style)


def _show(fuse, pairs, grey, style):
    if style.name == 'luma':
        levels = (_fuse(fuse, pairs, grey) * 255).round().byte().permute(0, 2, 3, 1)
        for pair, image in zip(pairs, levels.cpu().numpy(), strict=True):
            yield FusedImage(pair.name, image[..., 0] if image.shape[2] == 1 else image)
        return
    lumas = [None] * len(pairs)
    if style.uses_fusor:
        lumas = _fuse(fuse, pairs, True)[:, 0].float().cpu().numpy()
    for pair, luma in zip(pairs, lumas, strict=True):
        yield FusedImage(pair.name, draw_style(pair, style, luma))


def _fuse(fuse, pairs, grey):
    ir = torch.from_numpy(np.stack([pair.ir for pair in pairs]))[:, None]
    vi = torch.from_numpy(np.stack([pair.vi for pair in pairs])).permute(0, 3, 1, 2)
    seen = None
    if any(pair.seen is not None for pair in pairs):
        weights = [np.ones_like(pair.ir) if pair.seen is None else pair.seen for pair in pairs]
        seen = torch.from_numpy(np.stack(weights))[:, None]
    try:
        return fuse(ir, vi, grey, seen=seen)
    except ValueError as error:
        raise ValueError(f'{", ".join(pair.name for pair in pairs)}: {error}') from error
