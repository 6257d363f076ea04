"""Neighbourhood attention (Hassani et al., CVPR 2023): one operation, two backends.

Every query attends to the ``kernel_size`` x ``kernel_size`` tokens nearest to it; at the
border the window is shifted inwards, so that each query has the same number of neighbours.
``natten`` supplies fused kernels on GPUs. Elsewhere an exact PyTorch implementation cuts the
queries into tiles, gathers for each tile the halo of keys that its windows touch, and runs
one masked scaled-dot-product attention over all tiles. natten's own CPU path (flex attention
over the full score matrix, no backward) is never taken.
"""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsjnet_mm.utils.symbolic import is_symbol, smaller

TILE = 8
#: Gathered key elements above which the tiled backend works through the image in bands.
BAND_ELEMENTS = 2**26


def _check(query, key, value, kernel_size, bias):
    for name, tensor in (('query', query), ('key', key), ('value', value)):
        if not isinstance(tensor, Tensor):
            raise TypeError(f'{name} must be a torch.Tensor, got {type(tensor).__name__}')
        if tensor.dim() != 5:
            raise ValueError(
                f'{name} must have shape (B, H, W, heads, dim), got {tuple(tensor.shape)}'
            )
    if not query.shape == key.shape == value.shape:
        raise ValueError(
            'query, key and value must have one shape, got '
            f'{tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}'
        )
    if not isinstance(kernel_size, int) or kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f'kernel_size must be a positive odd integer, got {kernel_size!r}')
    expected = (query.shape[3], 2 * kernel_size - 1, 2 * kernel_size - 1)
    if bias is not None and tuple(bias.shape) != expected:
        raise ValueError(
            f'bias must have shape (heads, 2k-1, 2k-1) = {expected}, got {tuple(bias.shape)}'
        )


def natten_supports(query: Tensor, key: Tensor, value: Tensor, kernel_size: int) -> bool:
    """Whether natten has a compiled kernel for this input (its flex path does not count)."""
    if not query.is_cuda or min(query.shape[1:3]) < kernel_size:
        return False
    try:
        import natten
        from natten.backends import choose_backend
    except ImportError:
        return False
    if not natten.HAS_LIBNATTEN:
        return False
    try:
        return choose_backend(query, key, value, torch_compile=False) != 'flex-fna'
    except NotImplementedError:
        return False


def neighborhood_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    kernel_size: int,
    bias: Tensor | None = None,
    scale: float | None = None,
    backend: str = 'auto',
) -> Tensor:
    """Attention of every token to its ``kernel_size`` x ``kernel_size`` neighbourhood.

    With ``w = min(kernel_size, length)`` on an axis, query ``i`` sees the ``w`` keys from
    ``clamp(i - w // 2, 0, length - w)`` on; dilation is 1. Differentiable.

    Args:
        query (Tensor): (B, H, W, heads, dim), floating point, any H and W from 1 up.
        key (Tensor): The shape of ``query``.
        value (Tensor): The shape of ``query``.
        kernel_size (int): Side of the window, odd; clamped to the input.
        bias (Tensor, optional): Relative position bias (heads, 2k-1, 2k-1), added to the
            scores by the offset key minus query, zero offset in the centre.
        scale (float, optional): Factor on the scores. Defaults to ``dim ** -0.5``.
        backend (str): ``'natten'``, ``'tiled'``, or ``'auto'``: natten where it has a
            compiled kernel for the input and there is no bias, else tiled.

    Returns:
        Tensor: (B, H, W, heads, dim).

    Raises:
        TypeError: An input is no tensor.
        ValueError: A shape, ``kernel_size`` or ``backend`` does not fit.
        RuntimeError: ``backend='natten'`` and natten cannot run this input.
    """
    _check(query, key, value, kernel_size, bias)
    if backend not in ('auto', 'natten', 'tiled'):
        raise ValueError(f"backend must be 'auto', 'natten' or 'tiled', got {backend!r}")
    if backend != 'tiled':
        usable = bias is None and natten_supports(query, key, value, kernel_size)
        if usable:
            from natten.functional import na2d

            return na2d(query, key, value, kernel_size, scale=scale)
        if backend == 'natten':
            raise RuntimeError(
                'natten has no compiled kernel for this input (needs a CUDA device, natten '
                'built with libnatten, sides of at least kernel_size and no bias); got '
                f'{tuple(query.shape)} {query.dtype} on {query.device}'
            )
    return _tiled(query, key, value, kernel_size, bias, scale)


def _plan_axis(length, kernel_size, tile):
    """How one axis is cut into tiles: their keys, their queries, and who sees whom.

    Returns:
        tuple: ``keys`` (tiles, halo) indices, ``queries`` (tiles, tile) indices (the last
        tile repeats the last token), ``inside`` (tiles, tile, halo) bool.
    """
    window = smaller(kernel_size, length)
    halo = smaller(tile + window - 1, length)
    tiles = (length + tile - 1) // tile
    queries = torch.arange(tiles * tile).clamp(max=length - 1).view(tiles, tile)
    window_start = (queries - window // 2).clamp(0, length - window)
    halo_start = window_start[:, :1].clamp(max=length - halo)
    keys = halo_start + torch.arange(halo)
    offset = keys[:, None, :] - window_start[:, :, None]
    return keys, queries, (offset >= 0) & (offset < window)


#: Cached, hence made outside inference mode: autograd keeps the indices for backward.
_axis_plan = functools.lru_cache(maxsize=64)(torch.inference_mode(False)(_plan_axis))


def _gather(tensor, rows, columns):
    """Cut (B, H, W, heads, dim) into (B * tiles, heads, rows * columns of a tile, dim)."""
    batch, height, width, heads, dim = tensor.shape
    count = rows.shape[1] * columns.shape[1]
    if is_symbol(height, width):  # torch.export fails on the way below, which copies less.
        tensor = tensor.index_select(1, rows.flatten()).index_select(2, columns.flatten())
        tensor = tensor.view(batch, *rows.shape, *columns.shape, heads, dim)
        return tensor.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, heads, count, dim)
    tokens = (rows[:, None, :, None] * width + columns[None, :, None, :]).flatten()
    tensor = tensor.flatten(3).flatten(1, 2).index_select(1, tokens)
    return tensor.view(-1, count, heads, dim).transpose(1, 2)


def _tile_bias(bias, rows, columns, query_rows, query_columns):
    """Relative position bias of every (query, key) of every tile: (tiles, heads, L, S)."""
    reach = bias.shape[-1] // 2
    row_offset = (rows[:, None, :] - query_rows[:, :, None]).clamp(-reach, reach) + reach
    column_offset = columns[:, None, :] - query_columns[:, :, None]
    column_offset = column_offset.clamp(-reach, reach) + reach
    table = bias[
        :, row_offset[:, None, :, None, :, None], column_offset[None, :, None, :, None]
    ]
    heads = bias.shape[0]
    tiles = rows.shape[0] * columns.shape[0]
    return table.reshape(
        heads,
        tiles,
        query_rows.shape[1] * query_columns.shape[1],
        rows.shape[1] * columns.shape[1],
    ).transpose(0, 1)


def _attend_tiles(query, key, value, row_plan, column_plan, bias, scale):
    """Attention of the queries of some rows of tiles, padded to whole tiles."""
    batch, _, _, heads, dim = query.shape
    rows, query_rows, inside_rows = row_plan
    columns, query_columns, inside_columns = column_plan
    # Added to the scores, as scaled_dot_product_attention would turn a mask of bools into.
    row_mask, column_mask = (
        torch.zeros_like(inside, dtype=query.dtype).masked_fill(~inside, float('-inf'))
        for inside in (inside_rows, inside_columns)
    )
    mask = row_mask[:, None, :, None, :, None] + column_mask[None, :, None, :, None]
    mask = mask.reshape(-1, 1, TILE * TILE, rows.shape[1] * columns.shape[1])
    if bias is not None:
        offsets = _tile_bias(bias.to(query.dtype), rows, columns, query_rows, query_columns)
        mask = mask + offsets
    mask = mask.expand(batch, *mask.shape).flatten(0, 1)
    out = F.scaled_dot_product_attention(
        _gather(query, query_rows, query_columns),
        _gather(key, rows, columns),
        _gather(value, rows, columns),
        attn_mask=mask,
        scale=scale,
    )
    out = out.view(batch, -1, columns.shape[0], heads, TILE, TILE, dim)
    out = out.permute(0, 1, 4, 2, 5, 3, 6)
    return out.reshape(batch, -1, columns.shape[0] * TILE, heads, dim)


def _tiled(query, key, value, kernel_size, bias, scale):
    batch, height, width, heads, dim = query.shape
    # Symbols key no cache, and the number of bands, a loop's length, would tie a graph to one
    # size. torch.compile keeps no cache either: it computes the plan once, as a constant.
    tracing = is_symbol(height, width)
    plan = _plan_axis if tracing or torch.compiler.is_compiling() else _axis_plan
    row_plan, column_plan = (
        [part.to(query.device) for part in plan(length, kernel_size, TILE)]
        for length in (height, width)
    )
    if tracing:
        out = _attend_tiles(query, key, value, row_plan, column_plan, bias, scale)
        return out[:, :height, :width]
    rows, columns = row_plan[0], column_plan[0]
    per_tile_row = batch * heads * dim * rows.shape[1] * columns.numel()
    band = max(1, BAND_ELEMENTS // per_tile_row)
    bands = []
    for start in range(0, rows.shape[0], band):
        part = [indices[start : start + band] for indices in row_plan]
        bands.append(_attend_tiles(query, key, value, part, column_plan, bias, scale))
    out = bands[0] if len(bands) == 1 else torch.cat(bands, dim=1)
    return out[:, :height, :width]


class NeighborhoodAttention(nn.Module):
    """Multi-head neighbourhood attention with its projections.

    Args:
        channels (int): Channels of input and output.
        num_heads (int): Heads; must divide ``channels``.
        kernel_size (int): Side of the window, odd. Defaults to 7.
        qkv_bias (bool): Bias of the joint projection. Defaults to True.
        position_bias (bool): Learn a relative position bias, as natten up to 0.14 did.
            Defaults to False.
        backend (str): See :func:`neighborhood_attention`. Defaults to ``'auto'``.

    Raises:
        ValueError: ``channels`` is no multiple of ``num_heads``.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        kernel_size: int = 7,
        qkv_bias: bool = True,
        position_bias: bool = False,
        backend: str = 'auto',
    ) -> None:
        super().__init__()
        if channels % num_heads:
            raise ValueError(f'channels {channels} is no multiple of num_heads {num_heads}')
        self.num_heads = num_heads
        self.kernel_size = kernel_size
        self.backend = backend
        self.qkv = nn.Linear(channels, 3 * channels, bias=qkv_bias)
        self.proj = nn.Linear(channels, channels)
        self.position_bias = None
        if position_bias:
            side = 2 * kernel_size - 1
            self.position_bias = nn.Parameter(torch.zeros(num_heads, side, side))
            nn.init.trunc_normal_(self.position_bias, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Attend.

        Args:
            x (Tensor): (B, H, W, C).

        Returns:
            Tensor: (B, H, W, C).
        """
        batch, height, width, channels = x.shape
        qkv = self.qkv(x).view(batch, height, width, 3, self.num_heads, -1)
        query, key, value = qkv.unbind(3)
        out = neighborhood_attention(
            query,
            key,
            value,
            self.kernel_size,
            bias=self.position_bias,
            backend=self.backend,
        )
        return self.proj(out.reshape(batch, height, width, channels))
