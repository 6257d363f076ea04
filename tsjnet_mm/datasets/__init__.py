"""Datasets of infrared and visible pairs, and the transforms that load them."""

from tsjnet_mm.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'FMBDataset': '.fmb',
        'FolderDataset': '.folder',
        'LLVIPDataset': '.llvip',
        'M3FDDataset': '.m3fd',
        'MSRSDataset': '.msrs',
        'PairError': 'tsjnet_mm.io.errors',
        'PairedFusionDataset': '.paired',
        'RoadSceneDataset': '.roadscene',
    },
)
