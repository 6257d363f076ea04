"""Symbolic sizes while ``torch.export`` traces a graph for all image sizes."""

import torch


def is_symbol(*sizes: int | torch.SymInt) -> bool:
    """Whether one of the sizes is a symbol, that is, a graph for all sizes is being recorded.

    ``torch.compile`` for one size is another case: it sees integers.

    Args:
        *sizes (int | torch.SymInt): Sides of tensors.

    Returns:
        bool: One is.
    """
    return any(isinstance(size, torch.SymInt) for size in sizes)


def smaller(first: int | torch.SymInt, second: int | torch.SymInt) -> int | torch.SymInt:
    """``min`` of two integers that may be symbols."""
    return torch.sym_min(first, second) if is_symbol(first, second) else min(first, second)


def larger(first: int | torch.SymInt, second: int | torch.SymInt) -> int | torch.SymInt:
    """``max`` of two integers that may be symbols."""
    return torch.sym_max(first, second) if is_symbol(first, second) else max(first, second)
