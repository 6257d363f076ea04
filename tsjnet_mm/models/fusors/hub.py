"""Published weights by the name of their model: in the package, or fetched once and kept."""

import hashlib
import os
import urllib.error
from pathlib import Path
from typing import NamedTuple

import torch

import tsjnet_mm
from tsjnet_mm.models.peers import PEERS, load_peer
from tsjnet_mm.utils.checkpoints import CheckpointError, load_weights, read_checkpoint

from .presets import CLASSICAL_FUSORS, fusor_config, type_name

#: ``load_from`` and ``init_cfg`` of configs find published weights by it: the registry tells
#: mmengine.
SCHEME = 'tsjnet_mm://'
#: Environment variable: where to fetch files from instead of their own addresses.
MIRROR = 'TSJNET_MM_MIRROR'


class PublishedWeights(NamedTuple):
    """A file of weights.

    Attributes:
        file (str): Its name: in ``tsjnet_mm/weights`` where it is shipped.
        sha256 (str): Its checksum.
        url (str): Where it is fetched from; '' for one that is shipped.
    """

    file: str
    sha256: str
    url: str = ''


#: Model to its weights. Model cards: configs/tsjnet/README.md.
PUBLISHED = {
    'tsjnet-light': PublishedWeights(
        'tsjnet-light-dbfeab7d.safetensors',
        'dbfeab7de62643e41c33bf9268528e73dbbdf5401ac92bec1e4fec6be673d544',
    )
}


def needs_weights(model):
    """Whether a model fuses only if it is given a checkpoint.

    Args:
        model (str | Path): See :func:`~tsjnet_mm.apis.init_fusor`.

    Returns:
        bool: False for classical fusors, exported ones, configs of either, and names of
        :data:`PUBLISHED`.

    Raises:
        ValueError: A config file describes no fusor.
    """
    ready = str(model) in CLASSICAL_FUSORS or str(model) in PUBLISHED
    if ready or Path(model).suffix == '.onnx':
        return False
    if not Path(model).is_file():
        return True
    without = {'OnnxFusor', *(config['type'] for config in CLASSICAL_FUSORS.values())}
    return type_name(fusor_config(model)) not in without


def _checked(path, weights):
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != weights.sha256:
        raise CheckpointError(
            f'{path} is damaged: expected SHA-256 {weights.sha256}, found {found}; delete it, '
            'or install again if it is part of the package'
        )
    return path


def published_weights(model, mirror=None):
    """The file of a model's published weights; fetches it where it is not at hand.

    Fetched files are kept in torch's cache (``TORCH_HOME``), whole or not at all.

    Args:
        model (str): A key of :data:`PUBLISHED`.
        mirror (str, optional): Address of a folder that has the file, instead of the
            published one. Defaults to the environment's ``TSJNET_MM_MIRROR``.

    Returns:
        Path: The file, its checksum compared.

    Raises:
        CheckpointError: There are no published weights of that name, the file is damaged, or
            it cannot be fetched; the message names the file or the address.
    """
    if model not in PUBLISHED:
        raise CheckpointError(f'no weights are published of {model!r}, only of {[*PUBLISHED]}')
    weights = PUBLISHED[model]
    if not weights.url:
        return _checked(Path(tsjnet_mm.__file__).parent / 'weights' / weights.file, weights)
    path = Path(torch.hub.get_dir()) / 'tsjnet_mm' / weights.file
    if not path.is_file():
        mirror = mirror or os.environ.get(MIRROR)
        url = f'{mirror.rstrip("/")}/{weights.file}' if mirror else weights.url
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), weights.sha256)
        except urllib.error.URLError as error:
            raise CheckpointError(
                f'{url} cannot be fetched ({error.reason}); set {MIRROR} to the address of a '
                f'folder that has it, or put it at {path}'
            ) from error
        except RuntimeError as error:  # The checksum.
            raise CheckpointError(f'{url}: {error}') from error
    return _checked(path, weights)


def default_weights(model):
    """The weights that a model has if it is given none.

    Args:
        model (str | dict): See :func:`~tsjnet_mm.models.fusors.presets.fusor_config`.

    Returns:
        Path | None: Those published under its name, or None.

    Raises:
        CheckpointError: See :func:`published_weights`.
    """
    is_published = isinstance(model, str) and model in PUBLISHED
    return published_weights(model) if is_published else None


def load_fusor_weights(fusor, model, weights=None):
    """Give a fusor a checkpoint, or else the weights published under its name.

    Args:
        fusor (BaseFusor): Gets the weights.
        model (str | Path | dict): What it was built from, see
            :func:`~tsjnet_mm.models.fusors.presets.fusor_config`.
        weights (str | Path, optional): Checkpoint, of the fusor or of a joint model; where
            ``model`` names a published network its authors' file, too.

    Returns:
        bool: Whether there were any.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It is unsafe or does not fit; or published weights are damaged or cannot be
            fetched.
    """
    if weights is None:
        weights = default_weights(model)
    if weights is None:
        return False
    if isinstance(model, str) and model in PEERS:
        fusor.load_state_dict(load_peer(model, weights).state_dict())
    else:
        load_weights(fusor, weights)
    return True


def load_from_published(filename, map_location=None):
    """Read published weights for mmengine.

    Args:
        filename (str): ``tsjnet_mm://`` and a key of :data:`PUBLISHED`.
        map_location (str | torch.device, optional): As of :func:`torch.load`. Defaults to
            the CPU.

    Returns:
        dict[str, Tensor]: The state dict.

    Raises:
        CheckpointError: See :func:`published_weights`.
    """
    return read_checkpoint(published_weights(filename.removeprefix(SCHEME)), map_location)
