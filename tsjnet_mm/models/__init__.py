"""Models: importing this package registers all of them."""

from . import decoders, downstream, drivers, encoders, fusion_layers, fusors, losses
from .data_preprocessor import PairDataPreprocessor

__all__ = [
    'PairDataPreprocessor',
    'decoders',
    'downstream',
    'drivers',
    'encoders',
    'fusion_layers',
    'fusors',
    'losses',
]
