"""Reading checkpoints without running what is in them."""

import os
import pickle

import torch

from tsjnet_mm.utils.env import allow_mmengine_checkpoints


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
    allow_mmengine_checkpoints()
    try:
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
            f"{', '.join(map(str, foreign[:4]))} (a checkpoint of the authors' release goes "
            'through tools/model_converters/tsjnet_release.py first)'
        )
    return state_dict
