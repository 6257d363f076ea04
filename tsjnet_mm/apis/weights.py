"""Reading checkpoints without running what is in them."""

import os
import pickle

import numpy as np
import torch


class _Ignored:
    """Stands in for the parts of a training checkpoint that say nothing of the weights."""

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass


def _safe_globals():
    # What mmengine stores beside the weights: logged histories (with bound methods, hence
    # getattr, which a pickle must not have) and numpy scalars.
    multiarray = np.core.multiarray if np.__version__ < '2' else np._core.multiarray
    allowed = [
        (_Ignored, 'mmengine.logging.history_buffer.HistoryBuffer'),
        (_Ignored, 'builtins.getattr'),
        (multiarray.scalar, 'numpy.core.multiarray.scalar'),
        (multiarray.scalar, 'numpy._core.multiarray.scalar'),
        (multiarray._reconstruct, 'numpy.core.multiarray._reconstruct'),
        (multiarray._reconstruct, 'numpy._core.multiarray._reconstruct'),
        np.ndarray,
        np.dtype,
    ]
    return allowed + [type(np.dtype(kind)) for kind in ('f8', 'f4', 'i8', 'i4', 'u4', '?')]


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
    if not os.path.isfile(path):
        raise FileNotFoundError(f'no checkpoint at {path}')
    try:
        with torch.serialization.safe_globals(_safe_globals()):
            checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(
            f'{path} is refused: it is damaged, or holds Python objects besides weights, which '
            f'would run code on loading ({str(error).splitlines()[0]})'
        ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path}: expected a dict of weights, found {type(checkpoint)}')
    state_dict = checkpoint.get('state_dict', checkpoint)
    foreign = [name for name, value in state_dict.items() if not torch.is_tensor(value)]
    if foreign:
        raise ValueError(
            f'{path}: expected a state dict, found entries that are no tensors: '
            f'{", ".join(map(str, foreign[:4]))} (a checkpoint of the authors\' release goes '
            'through tools/model_converters/tsjnet_release.py first)'
        )
    return state_dict
