"""Activation checkpointing with correct running statistics of batch normalisation."""

import contextlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as torch_checkpoint


@contextlib.contextmanager
def _frozen_running_statistics(module):
    norms = [
        part
        for part in module.modules()
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.track_running_stats
    ]
    momenta = [norm.momentum for norm in norms]
    counts = [norm.num_batches_tracked.clone() for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum, count in zip(norms, momenta, counts, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(count)


def checkpoint(module: nn.Module, *inputs: Tensor) -> Any:
    """Run ``module`` without keeping its activations; the backward pass recomputes them.

    The recomputation sees the same random numbers and does not update batch
    normalisation's running statistics a second time.

    Args:
        module (nn.Module): What to run.
        *inputs (Tensor): Its arguments.

    Returns:
        The module's output.
    """
    if not torch.is_grad_enabled():
        return module(*inputs)
    return torch_checkpoint(
        module,
        *inputs,
        use_reentrant=False,
        context_fn=lambda: (contextlib.nullcontext(), _frozen_running_statistics(module)),
    )
