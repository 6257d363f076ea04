"""Published weights by the name of the model: in the package, or downloaded once."""

import hashlib
import os
import urllib.error
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from tsjnet_mm.utils.checkpoints import CheckpointError, load_weights, read_checkpoint
from tsjnet_mm.utils.model_index import PACKAGE, list_models, model_index
from tsjnet_mm.utils.moved import moved_names

from .base import BaseFusor
from .presets import fusor_config, type_name

#: ``load_from`` and ``init_cfg`` of configs find published weights by it: the registry tells
#: mmengine.
SCHEME = 'tsjnet_mm://'
#: Environment variable: where to fetch files from instead of their own addresses.
MIRROR = 'TSJNET_MM_MIRROR'


def needs_weights(model: str | Path) -> bool:
    """Whether a model fuses only if it is given a checkpoint.

    Args:
        model (str | Path): See :func:`~tsjnet_mm.apis.init_fusor`.

    Returns:
        bool: False for classical fusors, exported ones, configs of either, and names of
        networks with published weights.

    Raises:
        ValueError: The name is unknown, or a config file describes no fusor.
    """
    if str(model) in model_index():
        return model_index()[str(model)].needs_weights
    if Path(model).suffix == '.onnx':
        return False
    without = [entry.fusor for entry in model_index().values() if not entry.parameters]
    kinds = {'OnnxFusor', *(config['type'] for config in without)}
    return type_name(fusor_config(model)) not in kinds


def _checked(path, entry):
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != entry.sha256:
        raise CheckpointError(
            f'{path} is damaged: expected SHA-256 {entry.sha256}, found {found}; delete it, '
            'or install again if it is part of the package'
        )
    return path


def published_weights(model: str, mirror: str | None = None) -> Path:
    """The file of a model's published weights; downloads it if necessary.

    Downloaded files are stored in torch's cache (``TORCH_HOME``), completely or not at all.

    Args:
        model (str): One of ``list_models(pretrained=True)``.
        mirror (str, optional): Address of a folder that has the file, instead of the
            published one. Defaults to the environment's ``TSJNET_MM_MIRROR``.

    Returns:
        Path: The file, its checksum compared.

    Raises:
        CheckpointError: There are no published weights of that name, the file is damaged, or
            it cannot be fetched; the message names the file or the address.
    """
    entry = model_index().get(model)
    if entry is None or not entry.weights:
        known = ', '.join(list_models(pretrained=True))
        raise CheckpointError(f'no weights are published of {model!r}, only of {known}')
    shipped = PACKAGE / 'weights' / entry.weights
    if shipped.is_file() or not entry.url:
        return _checked(shipped, entry)
    path = Path(torch.hub.get_dir()) / 'tsjnet_mm' / entry.weights
    if not path.is_file():
        mirror = mirror or os.environ.get(MIRROR)
        url = f'{mirror.rstrip("/")}/{entry.weights}' if mirror else entry.url
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), entry.sha256)
        except urllib.error.URLError as error:
            raise CheckpointError(
                f'{url} cannot be fetched ({error.reason}); set {MIRROR} to the address of a '
                f'folder that has it, or put it at {path}'
            ) from error
        except RuntimeError as error:  # The checksum.
            raise CheckpointError(f'{url}: {error}') from error
    return _checked(path, entry)


def default_weights(model: str | Path | dict) -> Path | None:
    """The default weights of a model.

    Args:
        model (str | Path | dict): See :func:`~tsjnet_mm.models.fusors.presets.fusor_config`.

    Returns:
        Path | None: Those published under its name, or None.

    Raises:
        CheckpointError: See :func:`published_weights`.
    """
    is_published = isinstance(model, str) and model in list_models(pretrained=True)
    return published_weights(model) if is_published else None


def load_authors_weights(fusor: BaseFusor, checkpoint: Any, name: str | None = None) -> None:
    """Load what the authors of a published network distribute into its fusor.

    Args:
        fusor (BaseFusor): Gets the weights; of a class that has ``convert``.
        checkpoint (Any): What the authors' file holds, or one with the names of the fusor's
            weights (converted, or trained here), see
            :func:`~tsjnet_mm.utils.checkpoints.read_checkpoint`.
        name (str, optional): Of the network, for errors. Defaults to that of the class.

    Raises:
        ValueError: The checkpoint is not that network's.
    """
    wrong = f'not the weights of {name or type(fusor).__name__}'
    state_dict = checkpoint
    if isinstance(checkpoint, dict):
        state_dict = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state_dict, dict) or state_dict.keys() != fusor.state_dict().keys():
        try:
            state_dict = fusor.convert(checkpoint)
        except ValueError as error:
            raise ValueError(f'{wrong}: {error}') from error
    try:
        missing, unexpected = fusor.load_state_dict(state_dict, strict=False)
    except RuntimeError as error:
        reason = ' '.join(str(error).split('\n\t')[1:2])
        raise ValueError(f'{wrong}: {reason}') from error
    if missing or unexpected:
        raise ValueError(
            f'{wrong}: {len(missing)} are missing ({", ".join(missing[:3])}), '
            f'{len(unexpected)} are unknown ({", ".join(unexpected[:3])})'
        )


def load_fusor_weights(
    fusor: BaseFusor, model: str | Path | dict, weights: str | Path | None = None
) -> bool:
    """Load a checkpoint into a fusor, or by default its published weights.

    Args:
        fusor (BaseFusor): Gets the weights.
        model (str | Path | dict): What it was built from, see
            :func:`~tsjnet_mm.models.fusors.presets.fusor_config`.
        weights (str | Path, optional): Checkpoint, of the fusor or of a joint model; of a
            published network its authors' file, too.

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
    if fusor.convert is None:
        load_weights(fusor, weights)
        return True
    checkpoint = read_checkpoint(weights)
    try:
        load_authors_weights(fusor, checkpoint, model if isinstance(model, str) else None)
    except ValueError as error:
        raise CheckpointError(f'{weights}: {error}') from error
    return True


def load_from_published(
    filename: str, map_location: str | torch.device | None = None
) -> dict[str, Tensor]:
    """Read published weights for mmengine.

    Args:
        filename (str): ``tsjnet_mm://`` and a name of ``list_models(pretrained=True)``.
        map_location (str | torch.device, optional): As of :func:`torch.load`. Defaults to
            the CPU.

    Returns:
        dict[str, Tensor]: The state dict.

    Raises:
        CheckpointError: See :func:`published_weights`.
    """
    return read_checkpoint(published_weights(filename.removeprefix(SCHEME)), map_location)


def _former_published():
    entries = [model_index()[name] for name in list_models(pretrained=True)]
    return {
        entry.name: SimpleNamespace(file=entry.weights, sha256=entry.sha256, url=entry.url)
        for entry in entries
    }


__getattr__ = moved_names(
    __name__, {'PUBLISHED': ('tsjnet_mm.apis.list_models(pretrained=True)', _former_published)}
)
