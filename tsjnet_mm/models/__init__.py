"""Models: importing this package registers all of them."""

from . import decoders, drivers, encoders, fusion_layers, fusors, losses
from .data_preprocessor import PairDataPreprocessor

__all__ = [
    'PairDataPreprocessor',
    'decoders',
    'drivers',
    'encoders',
    'fusion_layers',
    'fusors',
    'losses',
]
