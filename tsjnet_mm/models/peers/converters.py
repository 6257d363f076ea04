"""Published checkpoints, and which fusor takes each."""

from collections.abc import Callable
from typing import NamedTuple

from mmengine.registry import DefaultScope

from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.utils.checkpoints import CheckpointError, read_checkpoint

from .cddfuse import convert_cddfuse
from .datfuse import convert_datfuse
from .densefuse import convert_densefuse
from .divfusion import convert_divfusion
from .ifcnn import convert_ifcnn
from .ignet import convert_ignet
from .lrrnet import convert_lrrnet
from .lutfuse import convert_lutfuse
from .mmdrfuse import convert_mmdrfuse
from .piafusion import convert_piafusion
from .reconet import convert_reconet
from .seafusion import convert_seafusion
from .ship import convert_ship
from .superfusion import convert_superfusion
from .swinfusion import convert_swinfusion
from .tardal import convert_tardal
from .u2fusion import convert_u2fusion


class Peer(NamedTuple):
    """A published network.

    Attributes:
        fusor (dict): Config of the fusor.
        convert (Callable): From what the authors' file holds to the fusor's state dict; raises
            ValueError where it is something else.
    """

    fusor: dict
    convert: Callable


#: Name of each published network.
PEERS = {
    'seafusion': Peer({'type': 'SeAFusion'}, convert_seafusion),
    'densefuse': Peer({'type': 'DenseFuse'}, convert_densefuse),
    'ifcnn-max': Peer({'type': 'IFCNN', 'rule': 'max'}, convert_ifcnn),
    'ifcnn-mean': Peer({'type': 'IFCNN', 'rule': 'mean'}, convert_ifcnn),
    'ifcnn-sum': Peer({'type': 'IFCNN', 'rule': 'sum'}, convert_ifcnn),
    'lrrnet': Peer({'type': 'LRRNet'}, convert_lrrnet),
    'tardal': Peer({'type': 'TarDAL'}, convert_tardal),
    'reconet': Peer({'type': 'ReCoNet'}, convert_reconet),
    'datfuse': Peer({'type': 'DATFuse'}, convert_datfuse),
    'ship': Peer({'type': 'SHIP'}, convert_ship),
    'cddfuse': Peer({'type': 'CDDFuse'}, convert_cddfuse),
    'swinfusion': Peer({'type': 'SwinFusion'}, convert_swinfusion),
    'mmdrfuse': Peer({'type': 'MMDRFuse'}, convert_mmdrfuse),
    'lutfuse': Peer({'type': 'LUTFuse'}, convert_lutfuse),
    'u2fusion': Peer({'type': 'U2Fusion'}, convert_u2fusion),
    'ignet': Peer({'type': 'IGNet'}, convert_ignet),
    'superfusion': Peer({'type': 'SuperFusion'}, convert_superfusion),
    'divfusion': Peer({'type': 'DIVFusion'}, convert_divfusion),
    'piafusion': Peer({'type': 'PIAFusion'}, convert_piafusion),
}


def convert_peer(name, checkpoint):
    """The fusor of a published network, with its authors' weights.

    Args:
        name (str): A key of :data:`PEERS`.
        checkpoint (Any): What the authors' file holds, or one with the names of our fusor's
            weights (converted, or trained here), see
            :func:`~tsjnet_mm.utils.checkpoints.read_checkpoint`.

    Returns:
        BaseFusor: In evaluation mode.

    Raises:
        ValueError: The name is unknown, or the checkpoint is not that network's.
    """
    if name not in PEERS:
        raise ValueError(f'{name!r} is none of {", ".join(PEERS)}')
    peer = PEERS[name]
    with DefaultScope.overwrite_default_scope(SCOPE):
        fusor = MODELS.build(peer.fusor)
    state_dict = checkpoint
    if isinstance(checkpoint, dict):
        state_dict = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state_dict, dict) or state_dict.keys() != fusor.state_dict().keys():
        try:
            state_dict = peer.convert(checkpoint)
        except ValueError as error:
            raise ValueError(f'not the weights of {name}: {error}') from error
    try:
        missing, unexpected = fusor.load_state_dict(state_dict, strict=False)
    except RuntimeError as error:
        reason = ' '.join(str(error).split('\n\t')[1:2])
        raise ValueError(f'not the weights of {name}: {reason}') from error
    if missing or unexpected:
        raise ValueError(
            f'not the weights of {name}: {len(missing)} are missing '
            f'({", ".join(missing[:3])}), {len(unexpected)} are unknown '
            f'({", ".join(unexpected[:3])})'
        )
    return fusor.eval()


def load_peer(name, path):
    """Like :func:`convert_peer`, from the file.

    Args:
        name (str): A key of :data:`PEERS`.
        path (str | Path): See :func:`convert_peer`.

    Returns:
        BaseFusor: In evaluation mode.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other things than weights or those of another network, or the name
            is unknown.
    """
    checkpoint = read_checkpoint(path)
    try:
        return convert_peer(name, checkpoint)
    except ValueError as error:
        raise CheckpointError(f'{path}: {error}') from error
