"""Check the tensors of a checkpoint: usable as weights, and unchanged since they were saved."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

#: Types of weights, of buffers and of a random generator's state.
_TYPES = {
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
}


def find_tensors(checkpoint: Any) -> dict[str, Tensor]:
    """All tensors in nested dicts, lists and tuples.

    Args:
        checkpoint (Any): What a file held; it may contain itself.

    Returns:
        dict[str, Tensor]: By the keys that lead to them, joined by dots, sorted.
    """
    found, seen, left = {}, set(), [('', checkpoint)]
    while left:
        name, value = left.pop()
        if torch.is_tensor(value):
            found[name] = value
            continue
        if id(value) in seen or not isinstance(value, (dict, list, tuple)):
            continue
        seen.add(id(value))
        items = value.items() if isinstance(value, dict) else enumerate(value)
        left += [(f'{name}.{key}' if name else str(key), item) for key, item in items]
    return dict(sorted(found.items()))


def entries_below(prefix: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    """Entries whose names begin with a prefix, such as those of one part of a state dict.

    Args:
        prefix (str): With its dot.
        entries (Mapping[str, Any]): By name.

    Returns:
        dict[str, Any]: By the names without the prefix.
    """
    return {
        name.removeprefix(prefix): value
        for name, value in entries.items()
        if name.startswith(prefix)
    }


def find_fault(tensors: dict[str, Tensor], max_bytes: int) -> str | None:
    """Find a reason why tensors cannot be weights of a network.

    Args:
        tensors (dict[str, Tensor]): Name to tensor.
        max_bytes (int): No tensor can need more, as the file has no more.

    Returns:
        str | None: What is wrong, with the name of a tensor; None if all are usable.
    """
    for name, tensor in tensors.items():
        if tensor.dtype not in _TYPES or tensor.layout != torch.strided or tensor.is_quantized:
            kind = str(tensor.dtype).removeprefix('torch.')
            if tensor.layout != torch.strided:
                kind += f' {str(tensor.layout).removeprefix("torch.")}'
            return f'{name} is of type {kind}, which no weight has'
        if tensor.numel() * tensor.element_size() > max_bytes:
            return f'{name} has {tensor.numel()} values, more than the file can hold'
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            return f'{name} holds NaN or infinity'
    weights = [value for value in tensors.values() if value.is_floating_point()]
    kernels = [value for value in weights if value.dim() > 1] or weights
    if sum(value.numel() for value in kernels) > 1 and not any(v.any() for v in kernels):
        return 'all weights are zero'
    return None


def digest_tensors(tensors: dict[str, Tensor]) -> str:
    """Checksum of tensors with their names, types and shapes.

    Args:
        tensors (dict[str, Tensor]): Name to tensor, in any order, on any device.

    Returns:
        str: SHA-256, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f'{name} {tensor.dtype} {[*tensor.shape]}\n'.encode())
        content = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()


def digest_structure(network: torch.nn.Module) -> str:
    """Checksum of the numbers and words that a network's modules were built with.

    Args:
        network (torch.nn.Module): The network.

    Returns:
        str: 16 hexadecimal digits.
    """

    def is_plain(value):
        if isinstance(value, list | tuple):
            return all(map(is_plain, value))
        return isinstance(value, bool | int | float | str)

    parts = []
    for name, module in network.named_modules():
        plain = {key: value for key, value in vars(module).items() if is_plain(value)}
        plain.pop('path', None)  # Of an ONNX model, whose content is among the weights.
        parts.append([name, type(module).__name__, sorted(plain.items())])
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
