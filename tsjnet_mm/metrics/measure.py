"""Several metrics of images as they were read: grey or colour, under one convention."""

from collections.abc import Iterable

import torch
from torch import Tensor

from tsjnet_mm.utils.metric_names import check_metrics

from .catalogue import FUSION_METRICS
from .grey import to_grey


def measure(
    fused: Tensor, ir: Tensor, vi: Tensor, metrics: Iterable[str], convention: str = 'plain'
) -> dict[str, Tensor]:
    """Compute fusion metrics of grey or colour images.

    All conventions but one compare grey levels, see :func:`to_grey`. ``'vifb'`` compares a
    colour fused image channel by channel, each with that channel of the visible image and
    with the infrared image, and averages the three values; for SF alone it lays the three
    channels side by side as one image.

    Args:
        fused (Tensor): (B, 3, H, W) RGB or (B, 1, H, W), float32 or float64, levels in
            0..255.
        ir (Tensor): Infrared image, the same in either number of channels.
        vi (Tensor): Visible image, the same in either number of channels.
        metrics (Iterable[str]): Names in :data:`FUSION_METRICS`.
        convention (str): What the names mean. Defaults to ``'plain'``.

    Returns:
        dict[str, Tensor]: Metric to (B,), dtype and device of ``fused``.

    Raises:
        TypeError: An image is no float32 or float64 tensor.
        ValueError: Shapes, dtypes or devices do not fit, a side is too short, or a metric
            is not defined under the convention; the message begins with the metric.
    """
    metrics = tuple(metrics)
    check_metrics(metrics, convention)
    ir = to_grey(ir, convention)
    if convention == 'vifb' and fused.shape[1] == 3:
        if vi.shape[1] == 1:
            vi = vi.expand(-1, 3, -1, -1)
        pairs = [(fused[:, i : i + 1], vi[:, i : i + 1]) for i in range(3)]
    else:
        pairs = [(to_grey(fused, convention), to_grey(vi, convention))]
    values = {}
    for name in metrics:
        function, compared = FUSION_METRICS[name].function, [(f, ir, v) for f, v in pairs]
        if name == 'SF':
            compared = [tuple(torch.cat(images, -1) for images in zip(*compared, strict=True))]
        try:
            total = sum(function(*images, convention) for images in compared)
        except ValueError as error:
            raise ValueError(f'{name}: {error}') from error
        values[name] = total / len(compared)
    return values
