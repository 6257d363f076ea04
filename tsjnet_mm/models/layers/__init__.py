"""Building blocks: plain modules without a registry."""

from .drop_path import DropPath
from .gradient_checkpoint import checkpoint
from .inference import for_inference
from .neighborhood_attention import NeighborhoodAttention, neighborhood_attention
from .norm import ChannelLayerNorm, train_on_single_values, without_sync_norms
from .pad import pad_to_multiple
from .spatial_attention import SpatialAttention
from .split_attention import ResNeStBottleneck, ResNeStTrunk, SplitAttention
from .wavelet import spline_wavelets

__all__ = [
    'ChannelLayerNorm',
    'DropPath',
    'NeighborhoodAttention',
    'ResNeStBottleneck',
    'ResNeStTrunk',
    'SpatialAttention',
    'SplitAttention',
    'checkpoint',
    'for_inference',
    'neighborhood_attention',
    'pad_to_multiple',
    'spline_wavelets',
    'train_on_single_values',
    'without_sync_norms',
]
