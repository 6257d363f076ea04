"""Transforms of pairs, applied equally to both images, boxes and masks."""

from .formatting import PackFusionInputs
from .fuse_pair import FusePair
from .geometry import PadPair, RandomCropPair, RandomFlipPair, ResizePair
from .image_pair import LoadImagePair
from .loading import LoadPair, LoadPairAnnotations
from .photometric import PhotometricVisible

__all__ = [
    'FusePair',
    'LoadImagePair',
    'LoadPair',
    'LoadPairAnnotations',
    'PackFusionInputs',
    'PadPair',
    'PhotometricVisible',
    'RandomCropPair',
    'RandomFlipPair',
    'ResizePair',
]
