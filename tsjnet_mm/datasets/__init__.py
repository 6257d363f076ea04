"""Datasets of infrared and visible pairs, and the transforms that load them."""

from . import transforms
from .errors import PairError
from .fmb import FMBDataset
from .folder import FolderDataset
from .llvip import LLVIPDataset
from .m3fd import M3FDDataset
from .msrs import MSRSDataset
from .paired import PairedFusionDataset
from .roadscene import RoadSceneDataset

__all__ = [
    'FMBDataset',
    'FolderDataset',
    'LLVIPDataset',
    'M3FDDataset',
    'MSRSDataset',
    'PairError',
    'PairedFusionDataset',
    'RoadSceneDataset',
    'transforms',
]
