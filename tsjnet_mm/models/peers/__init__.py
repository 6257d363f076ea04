"""Published networks, implemented here; the weights are their authors'."""

from tsjnet_mm.utils.moved import moved_names

from .cddfuse import CDDFuse
from .converters import _former_peers, convert_peer, load_peer
from .datfuse import DATFuse
from .dcevo import DCEvo
from .densefuse import DenseFuse
from .divfusion import DIVFusion
from .emma import EMMA
from .gifnet import GIFNet
from .ifcnn import IFCNN
from .ignet import IGNet
from .lrrnet import LRRNet
from .lutfuse import LUTFuse
from .mmdrfuse import MMDRFuse
from .piafusion import PIAFusion
from .reconet import ReCoNet
from .sage import SAGE
from .seafusion import SeAFusion
from .ship import SHIP
from .superfusion import SuperFusion
from .swinfusion import SwinFusion
from .tardal import TarDAL
from .u2fusion import U2Fusion

__getattr__ = moved_names(__name__, {'PEERS': ('tsjnet_mm.apis.list_models()', _former_peers)})
__all__ = [
    'EMMA',
    'IFCNN',
    'SAGE',
    'SHIP',
    'CDDFuse',
    'DATFuse',
    'DCEvo',
    'DIVFusion',
    'DenseFuse',
    'GIFNet',
    'IGNet',
    'LRRNet',
    'LUTFuse',
    'MMDRFuse',
    'PIAFusion',
    'ReCoNet',
    'SeAFusion',
    'SuperFusion',
    'SwinFusion',
    'TarDAL',
    'U2Fusion',
    'convert_peer',
    'load_peer',
]
