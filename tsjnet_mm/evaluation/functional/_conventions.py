"""From a measure of two images to a fusion metric of three, under a named convention.

One name hides different numbers in the field, so each metric keeps a dictionary from the
name of a convention to the function that computes it from (fused, ir, vi).
"""

import torch

from tsjnet_mm.evaluation.functional._checks import check_images


def mean_of_two(measure):
    """Fusion metric that is the mean of a measure against either source.

    Args:
        measure (Callable): ``measure(source, fused) -> (B,)``.

    Returns:
        Callable: ``metric(fused, ir, vi) -> (B,)``.
    """

    def metric(fused, ir, vi):
        return (measure(ir, fused) + measure(vi, fused)) / 2

    return metric


def select_convention(conventions, convention):
    """The entry of a convention.

    Args:
        conventions (Mapping[str, Any]): What is known, by name.
        convention (str): The name asked for.

    Returns:
        Any: The entry.

    Raises:
        ValueError: There is none of that name; lists those there are.
    """
    if convention not in conventions:
        raise ValueError(f'unknown convention {convention!r}; known: {", ".join(conventions)}')
    return conventions[convention]


def evaluate(conventions, convention, fused, ir, vi, min_size=1):
    """Check the images and compute a metric in float64.

    Differences of moments of levels up to 255 cancel too many of float32's digits; in
    float64 both input types give the same value. Devices without float64 (MPS) lend the
    computation to the CPU.

    Args:
        conventions (Mapping[str, Callable]): Functions (fused, ir, vi) -> (B,), by name.
        convention (str): The one to use.
        fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255.
        ir (Tensor): The same.
        vi (Tensor): The same.
        min_size (int): The shortest side that the metric is defined for. Defaults to 1.

    Returns:
        Tensor: (B,), dtype and device of ``fused``.

    Raises:
        TypeError: See :func:`check_images`.
        ValueError: See :func:`check_images`, or the convention is unknown.
    """
    metric = select_convention(conventions, convention)
    check_images(fused, ir, vi, min_size)
    device = 'cpu' if fused.device.type == 'mps' else fused.device
    values = metric(*(image.to(device).to(torch.float64) for image in (fused, ir, vi)))
    return values.to(fused.dtype).to(fused.device)
