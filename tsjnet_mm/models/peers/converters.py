"""Convert the authors' weights of published networks."""

from pathlib import Path
from typing import Any, NamedTuple

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.models.fusors.hub import load_authors_weights
from tsjnet_mm.models.fusors.init import get_fusor
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.model_index import known_models, model_index, names_of
from tsjnet_mm.utils.moved import moved_names


def _check(name):
    peers = names_of('peers')
    if name not in peers:
        raise ValueError(f'{name!r} is no network{known_models(name, peers)}')


def convert_peer(name: str, checkpoint: Any) -> BaseFusor:
    """Build the fusor of a published network with its authors' weights.

    Args:
        name (str): One of ``configs/peers/metafile.yml``.
        checkpoint (Any): See :func:`~tsjnet_mm.models.fusors.hub.load_authors_weights`.

    Returns:
        BaseFusor: In evaluation mode.

    Raises:
        ValueError: The name is unknown, or the checkpoint is not that network's.
    """
    _check(name)
    fusor = get_fusor(name, pretrained=False)
    load_authors_weights(fusor, checkpoint, name)
    return fusor


def load_peer(name: str, path: str | Path) -> BaseFusor:
    """Like :func:`convert_peer`, from the file.

    Args:
        name (str): See there.
        path (str | Path): See there.

    Returns:
        BaseFusor: In evaluation mode.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other things than weights or those of another network, or the name
            is unknown.
    """
    _check(name)
    return get_fusor(name, path)


class _Peer(NamedTuple):
    fusor: dict
    convert: Any


def _former_peers():
    fusors = {name: model_index()[name].fusor for name in names_of('peers')}
    return {
        name: _Peer(dict(fusor), MODELS.get(fusor['type']).convert)
        for name, fusor in fusors.items()
    }


__getattr__ = moved_names(__name__, {'PEERS': ('tsjnet_mm.apis.list_models()', _former_peers)})
