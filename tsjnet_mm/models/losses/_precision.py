"""Compute losses in single precision or higher, also under autocast."""

import functools

import torch
from torch import Tensor


def full_precision(function):
    """Run a loss function outside autocast, its half precision tensors made float32.

    Args:
        function (Callable): A function of tensors.

    Returns:
        Callable: The same function, in float32 or better.
    """

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        def cast(value):
            half = isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16)
            return value.float() if half else value

        device = next((arg.device.type for arg in args if isinstance(arg, Tensor)), 'cpu')
        with torch.autocast(device, enabled=False):
            return function(
                *(cast(arg) for arg in args),
                **{name: cast(value) for name, value in kwargs.items()},
            )

    return wrapped
