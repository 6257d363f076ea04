"""Checkpoints are data: reading one never runs what is in it."""

import os
import pickle
import re

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .env import allow_mmengine_checkpoints


class CheckpointError(ValueError):
    """A checkpoint that is refused or not to be had: names the file, says what to do."""


def _refusal(path, error):
    # Not torch's own words: they advise to load it all the same.
    found = re.search(r'GLOBAL (\S+)', str(error))
    if found:
        reason = f'besides weights it holds {found[1]}, and loading that could run any code'
    else:
        reason = 'it is damaged, or holds other things than weights'
    return CheckpointError(
        f'{path} is refused: {reason}; ask for a file with weights alone, as '
        'torch.save(model.state_dict(), path) writes it'
    )


def read_checkpoint(path, map_location='cpu'):
    """Read a checkpoint file with ``weights_only=True``, or a ``.safetensors`` file.

    Args:
        path (str | Path): A checkpoint of mmengine's Runner, or anything else that
            ``torch.save`` wrote and that holds nothing but tensors and plain values.
        map_location (str | torch.device): As of :func:`torch.load`. Defaults to ``'cpu'``.

    Returns:
        Any: What was saved; of ``.safetensors`` the dict of tensors.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is damaged, or loading it would run code.
    """
    path = os.path.expanduser(os.fspath(path))
    if not os.path.isfile(path):
        raise FileNotFoundError(f'no checkpoint at {path}')
    if path.endswith('.safetensors'):
        try:
            return load_file(path, str(map_location or 'cpu'))
        except SafetensorError as error:
            raise CheckpointError(f'{path} is refused: it is damaged ({error})') from error
    # Before every load: mmengine's maintained fork withdraws what was allowed after its own.
    allow_mmengine_checkpoints()
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except (OSError, MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # Bytes that are no pickle end in any of a dozen ways.
        raise _refusal(path, error) from error


def load_state_dict(path):
    """State dict of a checkpoint file, read with ``weights_only=True``.

    Args:
        path (str | Path): A checkpoint of mmengine's Runner, or a plain state dict.

    Returns:
        dict[str, Tensor]: On the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other things than weights, or is no checkpoint.
    """
    checkpoint = read_checkpoint(path)
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path}: expected a dict of weights, found {type(checkpoint)}')
    state_dict = checkpoint.get('state_dict', checkpoint)
    foreign = [name for name, value in state_dict.items() if not torch.is_tensor(value)]
    if foreign:
        raise ValueError(
            f'{path}: expected a state dict, found entries that are no tensors: '
            f"{', '.join(map(str, foreign[:4]))} (a checkpoint of the authors' release goes "
            'through tools/model_converters/tsjnet_release.py first)'
        )
    return state_dict


def load_weights(model, path):
    """Load a checkpoint into a model that it fits to the last weight.

    Args:
        model (nn.Module): Gets the weights.
        path (str | Path): See :func:`load_state_dict`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is unsafe or no checkpoint, or its weights do not fit; names some.
    """
    state_dict = load_state_dict(path)
    name = type(model).__name__
    try:
        missing, unexpected = model.load_state_dict(state_dict, strict=False)
    except RuntimeError as error:
        raise ValueError(f'{path} does not fit {name}: {error}') from error
    if missing or unexpected:
        raise ValueError(
            f'{path} does not fit {name}: {len(missing)} weights are missing '
            f'({", ".join(missing[:3])}), {len(unexpected)} are unknown '
            f'({", ".join(unexpected[:3])})'
        )


def refuse_unsafe_checkpoints():
    """Make mmengine's Runner and models of this process read checkpoints safely, or not at all.

    Left alone, mmengine's maintained fork unpickles a file in full when the safe way refuses
    it, and either mmengine unpickles downloads in full. Afterwards local files go through
    :func:`read_checkpoint`, downloads are as safe, and so is every other ``torch.load``,
    whatever its arguments: it is meant for programs, not to be called on import.
    """
    from mmengine.runner import CheckpointLoader
    from mmengine.runner.checkpoint import load_from_http as load_url

    os.environ.pop('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', None)
    os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'

    def load_from_http(filename, map_location=None):
        allow_mmengine_checkpoints()
        try:
            return load_url(filename, map_location)
        except pickle.UnpicklingError as error:
            raise _refusal(filename, error) from error

    # mmengine logs the end of the names: "Loads checkpoint by local backend".
    def load_from_local(filename, map_location=None):
        return read_checkpoint(filename, map_location)

    CheckpointLoader.register_scheme('', load_from_local, force=True)
    CheckpointLoader.register_scheme(('http://', 'https://'), load_from_http, force=True)
