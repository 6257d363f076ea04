"""From a measure of two images to a fusion metric of three, under a named convention.

One name hides different numbers in the field, so each metric keeps a dictionary from the
name of a convention to its :class:`Definition` under it.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from tsjnet_mm.utils.metric_names import CONVENTIONS

from ._checks import check_images


class Definition(NamedTuple):
    """What a metric is under one convention.

    Attributes:
        function (Callable): ``function(fused, ir, vi) -> (B,)`` of checked float64 images
            (B, 1, H, W), levels in 0..255.
        min_size (int): The shortest side that it is defined for.
    """

    function: Callable
    min_size: int = 1


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


def sum_of_two(measure):
    """Fusion metric that is the sum of a measure against either source.

    Args:
        measure (Callable): ``measure(source, fused) -> (B,)``.

    Returns:
        Callable: ``metric(fused, ir, vi) -> (B,)``.
    """

    def metric(fused, ir, vi):
        return measure(ir, fused) + measure(vi, fused)

    return metric


def select_convention(definitions, convention):
    """The definition under a convention.

    Args:
        definitions (Mapping[str, Definition]): What is known, by name.
        convention (str): The name asked for.

    Returns:
        Definition: The entry.

    Raises:
        ValueError: There is no convention of that name, or the metric is not defined under
            it; lists those it is defined under.
    """
    known = ', '.join(definitions)
    if convention not in CONVENTIONS:
        raise ValueError(f'unknown convention {convention!r}; known: {known}')
    if convention not in definitions:
        raise ValueError(f'not defined under the convention {convention!r}; known: {known}')
    return definitions[convention]


def evaluate(definitions, convention, fused, ir, vi):
    """Check the images and compute a metric in float64.

    Differences of moments of levels up to 255 cancel too many of float32's digits; in
    float64 both input types give the same value. Devices without float64 (MPS) lend the
    computation to the CPU.

    Args:
        definitions (Mapping[str, Definition]): The metric under each convention.
        convention (str): The one to use.
        fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255.
        ir (Tensor): The same.
        vi (Tensor): The same.

    Returns:
        Tensor: (B,), dtype and device of ``fused``.

    Raises:
        TypeError: See :func:`check_images`.
        ValueError: See :func:`check_images`, or the convention is unknown.
    """
    metric = select_convention(definitions, convention)
    check_images(fused, ir, vi, metric.min_size)
    device = 'cpu' if fused.device.type == 'mps' else fused.device
    values = metric.function(*(image.to(device).to(torch.float64) for image in (fused, ir, vi)))
    return values.to(fused.dtype).to(fused.device)
