"""A copy of a trained network that computes the same faster, without gradients."""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_norms(module: nn.Module) -> None:
    """Fold each batch normalisation into the convolution before it, in place.

    Args:
        module (nn.Module): In evaluation mode. Only neighbours in an ``nn.Sequential`` are
            folded; an identity takes the normalisation's place.
    """
    for sequence in module.modules():
        if not isinstance(sequence, nn.Sequential):
            continue
        for index in range(len(sequence) - 1):
            pair = sequence[index : index + 2]
            if isinstance(pair[0], nn.Conv2d) and isinstance(pair[1], nn.BatchNorm2d):
                sequence[index] = fuse_conv_bn_eval(*pair)
                sequence[index + 1] = nn.Identity()


def for_inference(module: nn.Module, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Copy a network, with normalisations folded, channels last and weights in ``dtype``.

    Args:
        module (nn.Module): The network; not changed.
        dtype (torch.dtype): Floating point type of weights and buffers. Defaults to float32.

    Returns:
        nn.Module: The copy, in evaluation mode, its weights without gradients.
    """
    module = copy.deepcopy(module).eval().requires_grad_(False)
    fold_norms(module)
    return module.to(dtype=dtype, memory_format=torch.channels_last)
