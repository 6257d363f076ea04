"""Normalisation over channels; batch normalisation for single images and without CUDA.

The last batch of an epoch may have one image, and a network may be trained without CUDA.
"""

import functools

import torch
import torch.nn.functional as F
from mmengine.dist import is_distributed
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class ChannelLayerNorm(nn.LayerNorm):
    """``nn.LayerNorm`` over dimension 1, at every position of the feature map.

    Args:
        channels (int): Channels of the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise.

        Args:
            x (Tensor): (B, C, H, W).

        Returns:
            Tensor: (B, C, H, W).
        """
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


def _use_running_statistics(norm, inputs):
    (x,) = inputs
    single = norm.training and x.numel() == x.shape[1] and norm.running_mean is not None
    # Processes that share their statistics have more than one value between them.
    shared = isinstance(norm, nn.SyncBatchNorm) and is_distributed()
    norm.single_value = single and not shared
    if norm.single_value:
        norm.training = False


def _train_again(norm, inputs, output):
    if norm.single_value:
        norm.training = True


def train_on_single_values(module: nn.Module) -> None:
    """Let batch normalisations train on a batch that has a single value per channel.

    Such a batch, one image whose features are pooled to a vector, has no variance, and PyTorch
    refuses it. With this function it is normalised by the running statistics, which do not
    change. Other batches are normalised as before.

    Args:
        module: Changed in place: each of its batch normalisations gets two hooks.
    """
    for norm in module.modules():
        if isinstance(norm, _BatchNorm):
            norm.register_forward_pre_hook(_use_running_statistics)
            norm.register_forward_hook(_train_again)


@functools.cache
def _say_reverted():
    print_log(
        'no CUDA device: SyncBN becomes BN, each process has its own statistics', 'current'
    )


def without_sync_norms(module: nn.Module) -> nn.Module:
    """Replace synchronised batch normalisation on machines without CUDA, which it needs.

    The log says so, once in a process.

    Args:
        module: Changed in place, its parameters and their names stay.

    Returns:
        nn.Module: The same module, or, if it was such a layer itself, another.
    """
    # By name: both PyTorch and mmcv have such a class.
    synchronised = any(type(part).__name__ == 'SyncBatchNorm' for part in module.modules())
    if torch.cuda.is_available() or not synchronised:
        return module
    from mmengine.model import revert_sync_batchnorm

    _say_reverted()
    return revert_sync_batchnorm(module)
