"""Conventions: the different definitions that evaluators use for a metric of the same name.

Two evaluators may print different values of, for example, SSIM for the same images. Each metric
of this package has a dictionary that maps the name of a convention to the metric's
:class:`Definition` under it.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

from tsjnet_mm.utils.metric_names import CONVENTIONS

from ._checks import check_images


class Definition(NamedTuple):
    """A metric as one convention defines it.

    Attributes:
        function (Callable): ``function(fused, ir, vi) -> (B,)``. Its arguments are checked
            float64 images (B, 1, H, W) with grey levels in 0..255.
        min_size (int): Smallest height and width in pixels that the metric accepts.
    """

    function: Callable
    min_size: int = 1


def sum_of_two(measure):
    """Make a fusion metric: the sum of a measure over both source images.

    Args:
        measure (Callable): ``measure(source, fused) -> (B,)`` of a source image and the fused
            image.

    Returns:
        Callable: ``metric(fused, ir, vi) -> (B,)``.
    """
    return lambda fused, ir, vi: measure(ir, fused) + measure(vi, fused)


def mean_of_two(measure):
    """Make a fusion metric: the mean of a measure, see :func:`sum_of_two`."""
    total = sum_of_two(measure)
    return lambda fused, ir, vi: total(fused, ir, vi) / 2


_IMAGES = """\
    fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255{sides}.
    ir (Tensor): Infrared image, the same shape, dtype and device{unread}.
    vi (Tensor): Visible luma, the same{unread}.
"""
_RESULT = """\
Returns:
    Tensor: (B,), dtype and device of ``fused``.

Raises:
    TypeError: An image is no float32 or float64 tensor.
    ValueError: {causes}, or the convention is unknown.

"""


def fusion_metric(
    definitions: Mapping[str, Definition],
    reads_sources: bool = True,
    rejects_nan: bool = False,
) -> Callable:
    """Make a decorator of a metric: it gives it its code, and completes its docstring.

    The decorated function is a signature and a docstring. The metric checks the images and
    computes its definition under the convention in float64: many metrics subtract moments of
    grey levels up to 255; in float32 such a difference loses most of its digits. So float32
    and float64 inputs give the same value. The MPS device has no float64, so its images are
    computed on the CPU.

    All metrics take the same images and return and raise the same, so a metric's own docstring
    describes its ``convention`` alone. What they share is put before and after it. The metric
    also gets ``definitions`` as an attribute.

    Args:
        definitions (Mapping[str, Definition]): The metric under each convention, which also
            say how large images must be.
        reads_sources (bool): Whether the value depends on the source images. Defaults to True.
        rejects_nan (bool): Whether a pixel that is NaN is an error. Defaults to False.

    Returns:
        Callable: The decorator.
    """
    unread = '' if reads_sources else '; not looked at'
    sides, causes = _describe_sides(definitions), 'Shapes do not fit'
    if sides:
        causes += ', a side is too short'
    if rejects_nan:
        causes += ', a pixel is NaN'

    def complete(function):
        @functools.wraps(function)
        def metric(fused, ir, vi, convention='plain'):
            definition = _definition(definitions, convention)
            check_images(fused, ir, vi, definition.min_size)
            device = 'cpu' if fused.device.type == 'mps' else fused.device
            images = (image.to(device).to(torch.float64) for image in (fused, ir, vi))
            return definition.function(*images).to(fused.dtype).to(fused.device)

        metric.definitions = definitions
        if function.__doc__:  # None under ``python -OO``.
            head, args, rest = inspect.cleandoc(function.__doc__).partition('Args:\n')
            convention, example, rest = rest.partition('Example:\n')
            images = _IMAGES.format(sides=sides, unread=unread)
            result = _RESULT.format(causes=causes)
            metric.__doc__ = ''.join((head, args, images, convention, result, example, rest))
        return metric

    return complete


def _definition(definitions, convention):
    known = ', '.join(definitions)
    if convention not in CONVENTIONS:
        raise ValueError(f'unknown convention {convention!r}; known: {known}')
    if convention not in definitions:
        raise ValueError(f'not defined under the convention {convention!r}; known: {known}')
    return definitions[convention]


def _describe_sides(definitions):
    """Text on the smallest image size of a metric; empty if there is no limit."""
    sizes = {name: definition.min_size for name, definition in definitions.items()}
    usual = next(iter(sizes.values()))
    others = ', '.join(
        f"{size} under ``'{name}'``" for name, size in sizes.items() if size != usual
    )
    if usual == 1 and not others:
        return ''
    return f';\n        H and W at least {usual}' + (f' ({others})' if others else '')
