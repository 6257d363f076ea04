"""Rename the entries of published checkpoints."""

import re
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def converter_for(fusor: type) -> Callable:
    """Decorator of the function that reads the authors' file of a network.

    It becomes ``convert`` of the fusor, by which :func:`.load_fusor_weights` finds it.

    Args:
        fusor (type): Class of the fusor.

    Returns:
        Callable: Takes a function from what the authors' file holds to the fusor's state dict,
        and returns that function. It renames entries and keeps their values but where its
        docstring says otherwise, and raises ValueError where an entry is unknown or the file
        holds something else.
    """

    def attach(function):
        fusor.convert = staticmethod(function)
        return function

    return attach


def flatten_networks(checkpoint: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """One state dict of the state dicts of several networks.

    Args:
        checkpoint (dict[str, dict[str, Tensor]]): State dicts by the network's name; a prefix
            ``module.`` of their entries is removed.

    Returns:
        dict[str, Tensor]: Each entry by its network and its name, joined by a dot.

    Raises:
        ValueError: It is something else.
    """
    if not isinstance(checkpoint, dict):
        raise ValueError(f'expected state dicts by name, found {type(checkpoint).__name__}')
    flat = {}
    for network, state_dict in checkpoint.items():
        if not isinstance(state_dict, dict):
            raise ValueError(f'expected a state dict in {network!r}')
        for name, value in state_dict.items():
            flat[f'{network}.{name.removeprefix("module.")}'] = value
    return flat


def rename_entries(
    state_dict: dict[str, Tensor], rules: Sequence[tuple[str, str | None]]
) -> dict[str, Tensor]:
    """Rename the entries of a published state dict.

    A prefix ``module.``, which ``DataParallel`` leaves, is removed first.

    Args:
        state_dict (dict[str, Tensor]): As published.
        rules (Sequence[tuple[str, str | None]]): Pattern of a whole name, and its new name as
            :func:`re.sub` takes it, or None for an entry that is not needed. The first
            pattern that fits counts.

    Returns:
        dict[str, Tensor]: New names, the same tensors.

    Raises:
        ValueError: It is no state dict, or no pattern fits an entry.
    """
    if not isinstance(state_dict, dict):
        raise ValueError(f'expected a state dict, found {type(state_dict).__name__}')
    renamed = {}
    for name, value in state_dict.items():
        if not torch.is_tensor(value):
            raise ValueError(f'expected a state dict, found {name!r}, which is no tensor')
        published = name.removeprefix('module.')
        for pattern, target in rules:
            match = re.fullmatch(pattern, published)
            if match:
                if target is not None:
                    renamed[match.expand(target)] = value
                break
        else:
            raise ValueError(f'unknown entry {name!r}')
    return renamed
