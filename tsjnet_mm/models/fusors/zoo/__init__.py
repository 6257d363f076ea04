"""Published networks, implemented here; the weights are their authors'."""

from .converters import PEERS, convert_peer
from .datfuse import DATFuse
from .densefuse import DenseFuse
from .ifcnn import IFCNN
from .lrrnet import LRRNet
from .reconet import ReCoNet
from .seafusion import SeAFusion
from .tardal import TarDAL

__all__ = [
    'IFCNN',
    'PEERS',
    'DATFuse',
    'DenseFuse',
    'LRRNet',
    'ReCoNet',
    'SeAFusion',
    'TarDAL',
    'convert_peer',
]
