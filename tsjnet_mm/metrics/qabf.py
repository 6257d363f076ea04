"""Xydeas and Petrovic's gradient-based fusion performance, Q^{AB/F}.

Paper: Xydeas and Petrovic, "Objective image fusion performance measure", Electronics Letters
36(4), 2000. Borders, angles and equal strengths, which it leaves open, are as in the code
that all the public evaluators share.
"""

import math

import torch
from torch import Tensor

from ._conventions import Definition, fusion_metric
from ._gradients import sobel

_RIGHT_ANGLE = math.pi / 2
_CEILING = 0.9994 * 0.9879


def _xydeas_petrovic(fused, ir, vi):
    across, down = sobel(torch.cat((fused, ir, vi), dim=1), 'zeros')
    energy = across.square() + down.square()
    flat = energy == 0
    # Flat pixels go round the root and the quotients, whose gradients are not numbers there.
    strength = torch.where(flat, 0, torch.where(flat, 1, energy).sqrt())
    # Which way the axes point matters where one angle is set to pi/2 and the other is not:
    # the shared code takes left minus right and lower minus upper.
    upright = across == 0
    slope = -down / torch.where(upright, 1, across)
    angle = torch.where(upright, _RIGHT_ANGLE, torch.atan(slope))

    weight = strength[:, 1:]
    weaker = torch.minimum(strength[:, :1], weight)
    stronger = torch.maximum(strength[:, :1], weight)
    quotient = weaker / torch.where(stronger == 0, 1, stronger)
    relative_strength = torch.where(weaker == stronger, weaker, quotient)
    alignment = 1 - (angle[:, 1:] - angle[:, :1]).abs() / _RIGHT_ANGLE
    preserved = torch.sigmoid(15 * (relative_strength - 0.5))
    preserved = preserved * torch.sigmoid(22 * (alignment - 0.8))

    total = weight.sum((1, 2, 3))
    return _CEILING * (preserved * weight).sum((1, 2, 3)) / torch.where(total == 0, 1, total)


QABF_CONVENTIONS = {
    name: Definition(_xydeas_petrovic) for name in ('plain', 'cddfuse', 'tang', 'vifb')
}


@fusion_metric(QABF_CONVENTIONS)
def qabf(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Gradient-based fusion performance Q^{AB/F}; higher is better.

    .. math::
        Q^{AB/F} = \frac{\sum_x Q^{AF} g_A + Q^{BF} g_B}{\sum_x g_A + g_B}, \quad
        Q^{SF} = \frac{0.9994}{1 + e^{-15 (G^{SF} - 0.5)}} \,
                 \frac{0.9879}{1 + e^{-22 (A^{SF} - 0.8)}}

    where :math:`g` is the Sobel gradient's magnitude (zeros beyond the border),
    :math:`\alpha = \arctan(g_y / g_x)` its orientation (:math:`\pi / 2` where
    :math:`g_x = 0`), and

    .. math::
        G^{SF} = \min(g_S, g_F) / \max(g_S, g_F), \quad
        A^{SF} = 1 - |\alpha_S - \alpha_F| / \tfrac{\pi}{2}

    Paper: Xydeas and Petrovic, Electronics Letters 36(4), 2000. In the code that everybody
    uses, and here, :math:`G^{SF} = g_F` where both magnitudes are equal. Whole levels have
    no magnitude between 0 and 1, so this adds at most 0.0006 to a pixel's value, and only
    to one whose gradient the fused image repeats exactly. It lowers the value of gradients
    under 1 that are copied from unrounded levels, which weigh next to nothing.

    In [0, 0.9754], close to the upper end where the fused image equals both sources. Two
    black sources have no edges to preserve: 0. As zeros surround the images, an offset
    common to all three changes the value. Differentiable.

    Args:
        convention (str): ``'plain'``, ``'cddfuse'``, ``'tang'`` or ``'vifb'``: all as above.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 32, 32)
        >>> bool(qabf(ir, ir, vi) > qabf(255 - ir, ir, vi))
        True
    """
