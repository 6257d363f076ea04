"""Read checkpoints without executing code in them."""

import os
import re
import urllib.error
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .env import allow_mmengine_checkpoints
from .tensors import digest_tensors, find_fault, find_tensors
from .unpickling import refuse_unsafe_checkpoints  # noqa: F401  callers' name for it
from .words import counted

#: Key of the tensors' digest: in ``meta`` of a ``.pth``, in the metadata of ``.safetensors``.
DIGEST_KEY = 'tensors_sha256'


class CheckpointError(ValueError):
    """A checkpoint is refused or cannot be read; the message names file and remedy."""


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


def _damaged(path, reason):
    return CheckpointError(f'{path} is refused: it is damaged ({reason}); get a fresh copy')


def _load(file, map_location=None, **kwargs):
    """``torch.load`` that never executes code, with any arguments."""
    # Before every load: mmengine's maintained fork withdraws what was allowed after its own.
    allow_mmengine_checkpoints()
    try:
        return torch.load(file, map_location=map_location, weights_only=True)
    except (OSError, MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:  # Bytes that are no pickle end in any of a dozen ways.
        raise _refusal(file, error) from error


def _check_archive(path):
    """Refuse a ``.pth`` that unpacks to more than it holds, or whose checksums do not fit."""
    with open(path, 'rb') as file:
        if file.read(4) != b'PK\x03\x04':  # Older than torch 1.6, or no checkpoint.
            return
    try:
        with zipfile.ZipFile(path) as archive:
            size, parts = os.path.getsize(path), archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
            if packed or unpacked > size:
                raise CheckpointError(
                    f'{path} is refused: it has {size} bytes and unpacks to {unpacked}, which '
                    'no file of torch.save does'
                )
            wrong = archive.testzip()
    except (CheckpointError, MemoryError):
        raise
    except Exception as error:  # Damaged archives end in many ways.
        raise _damaged(path, error) from error
    if wrong:
        raise _damaged(path, f'the checksum of {wrong} does not fit')


def tensors_of(checkpoint: Any) -> dict[str, Tensor]:
    """The tensors of a checkpoint that its digest covers: all but the log history's.

    Args:
        checkpoint (Any): See :func:`read_checkpoint`.

    Returns:
        dict[str, Tensor]: See :func:`~tsjnet_mm.utils.tensors.find_tensors`.
    """
    if isinstance(checkpoint, dict):
        checkpoint = {key: checkpoint[key] for key in checkpoint if key != 'message_hub'}
    return find_tensors(checkpoint)


def add_digest(checkpoint: dict) -> None:
    """Write the digest of a checkpoint's tensors into its ``meta``, before it is saved.

    Args:
        checkpoint (dict): With ``state_dict`` and what else is to be saved; changed in place.
    """
    meta = checkpoint.setdefault('meta', {})
    meta[DIGEST_KEY] = digest_tensors(tensors_of(checkpoint))


def _read_safetensors(path, device):
    try:
        with safe_open(path, 'pt', device=device) as file:
            digest = (file.metadata() or {}).get(DIGEST_KEY)
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, digest
    except SafetensorError as error:
        raise _damaged(path, error) from error


def read_checkpoint(path: str | Path, map_location: str | torch.device | None = 'cpu') -> Any:
    """Read a checkpoint file with ``weights_only=True``, or a ``.safetensors`` file.

    Its tensors are checked: they must be finite numbers of usual types, not all zero, and
    equal to those of the file's digest, if it has one.

    Args:
        path (str | Path): A checkpoint of mmengine's Runner, or anything else that
            ``torch.save`` wrote and that holds nothing but tensors and plain values; or the
            address of one, which is fetched once into torch's cache.
        map_location (str | torch.device | None): As of :func:`torch.load`. Defaults to
            ``'cpu'``.

    Returns:
        Any: What was saved; of ``.safetensors`` the dict of tensors.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is damaged, holds what no network's weights are, or loading it
            would run code.
    """
    path = os.path.expanduser(os.fspath(path))
    if path.startswith(('https://', 'http://')):
        return _load_url(path, map_location=map_location)
    if not os.path.isfile(path):
        raise FileNotFoundError(f'no checkpoint at {path}')
    if path.endswith('.safetensors'):
        checkpoint, digest = _read_safetensors(path, str(map_location or 'cpu'))
    else:
        _check_archive(path)
        checkpoint = _load(path, map_location)
        meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
        digest = meta.get(DIGEST_KEY) if isinstance(meta, dict) else None
    tensors = tensors_of(checkpoint)
    fault = find_fault(tensors, os.path.getsize(path))
    if fault:
        raise CheckpointError(f'{path} is refused: {fault}; take an earlier checkpoint')
    if digest is not None and digest != digest_tensors(tensors):
        raise _damaged(path, 'its tensors differ from its digest')
    return checkpoint


def load_state_dict(path: str | Path) -> dict[str, Tensor]:
    """State dict of a checkpoint file, read with ``weights_only=True``.

    Args:
        path (str | Path): A checkpoint of mmengine's Runner, or a plain state dict.

    Returns:
        dict[str, Tensor]: On the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other things than weights, or is no checkpoint.
    """
    return state_dict_of(read_checkpoint(path), path)


def state_dict_of(checkpoint: Any, path: str | Path) -> dict[str, Tensor]:
    """State dict of the content of a checkpoint.

    Args:
        checkpoint (Any): See :func:`read_checkpoint`.
        path (str | Path): The file, for messages.

    Returns:
        dict[str, Tensor]: Name to tensor.

    Raises:
        ValueError: It holds other things than weights, or is no checkpoint.
    """
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path}: expected a dict of weights, found {type(checkpoint)}')
    state_dict = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state_dict, dict) or not state_dict:
        raise ValueError(f'{path}: expected weights by their names, found none')
    foreign = [
        name
        for name, value in state_dict.items()
        if not torch.is_tensor(value) or not isinstance(name, str)
    ]
    if foreign:
        raise ValueError(
            f'{path}: expected a state dict, found entries that are no tensors, or have no '
            f'name: {", ".join(map(str, foreign[:4]))} (a checkpoint of the authors of TSJNet '
            'goes through tools/model_converters/tsjnet_release.py first)'
        )
    return state_dict


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load a checkpoint into a model; all weights must fit.

    Args:
        model (nn.Module): Gets the weights.
        path (str | Path): See :func:`load_state_dict`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is unsafe or no checkpoint, or its weights do not fit; names some.
    """
    state_dict = load_state_dict(path)
    name = type(model).__name__
    for key, value in model.state_dict().items():
        found = state_dict.get(key, value)
        if found.is_floating_point() != value.is_floating_point():
            raise ValueError(f'{path} does not fit {name}: {key} is of type {found.dtype}')
    try:
        missing, unexpected = model.load_state_dict(state_dict, strict=False)
    except RuntimeError as error:
        raise ValueError(f'{path} does not fit {name}: {error}') from error
    if missing or unexpected:
        raise ValueError(
            f'{path} does not fit {name}: '
            f'{counted(len(missing), "weight is", "weights are")} missing '
            f'({", ".join(missing[:3])}), {len(unexpected)} are unknown '
            f'({", ".join(unexpected[:3])})'
        )


class _SafeTorch:
    """Replacement of torch in mmengine; its ``load`` never executes code."""

    load = staticmethod(_load)

    def __getattr__(self, name):
        return getattr(torch, name)


def _load_url(url, *args, **kwargs):
    allow_mmengine_checkpoints()
    kwargs['weights_only'] = True
    try:
        return torch.hub.load_state_dict_from_url(url, *args, **kwargs)
    except urllib.error.URLError as error:
        kept = os.path.join(torch.hub.get_dir(), 'checkpoints', url.rsplit('/', 1)[-1])
        raise CheckpointError(
            f'{url} cannot be fetched ({error.reason}): fetch it on another machine and put '
            f'the file to {kept}'
        ) from error
    except (OSError, MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:
        raise _refusal(url, error) from error


# mmengine logs the end of the name: "Loads checkpoint by local backend".
def load_from_local(filename: str, map_location: Any = None) -> dict:
    """See :func:`read_checkpoint`."""
    return read_checkpoint(filename, map_location)


def guard(loader: ModuleType) -> None:
    """Make mmengine's module of checkpoints read them safely, or not at all.

    Left alone, mmengine's maintained fork unpickles a file in full when the safe way refuses
    it, and either mmengine unpickles downloads in full. Afterwards local files go through
    :func:`read_checkpoint`, and what is fetched is as safe.

    Args:
        loader (ModuleType): ``mmengine.runner.checkpoint``, in which all its loading is.
    """
    loader.torch = _SafeTorch()
    loader.load_url = _load_url
    loader.CheckpointLoader.register_scheme('', load_from_local, force=True)
