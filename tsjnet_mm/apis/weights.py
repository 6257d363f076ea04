"""Reading checkpoints without running what is in them."""

import torch

from tsjnet_mm.utils.checkpoints import read_checkpoint


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
