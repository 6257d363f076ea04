"""Feature extraction and fusion between encoder and decoder: LSM = DSM + NAT."""

from .dsm import DetailSalienceModule
from .lsm import LocalSignificantModule, SumFusionLayer
from .nat import NeighborhoodAttentionBlock, NeighborhoodAttentionTransformer

__all__ = [
    'DetailSalienceModule',
    'LocalSignificantModule',
    'NeighborhoodAttentionBlock',
    'NeighborhoodAttentionTransformer',
    'SumFusionLayer',
]
