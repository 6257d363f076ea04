"""Transforms of pairs: both images, boxes and masks move together."""

from .formatting import PackFusionInputs
from .geometry import PadPair, RandomCropPair, RandomFlipPair, ResizePair
from .loading import LoadPair, LoadPairAnnotations
from .photometric import PhotometricVisible

__all__ = [
    'LoadPair',
    'LoadPairAnnotations',
    'PackFusionInputs',
    'PadPair',
    'PhotometricVisible',
    'RandomCropPair',
    'RandomFlipPair',
    'ResizePair',
]
