"""Datasets of infrared and visible pairs, and the transforms that load them."""

from tsjnet_mm.datasets import transforms
from tsjnet_mm.io.errors import PairError

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
