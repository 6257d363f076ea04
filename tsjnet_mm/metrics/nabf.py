"""Fusion loss L^{AB/F} and fusion artefacts N^{AB/F}, the complements of Q^{AB/F}.

Papers: Petrovic and Xydeas, "Objective image fusion performance characterisation",
ICCV 2005; Shreyamsha Kumar, "Multifocus and multispectral image fusion based on pixel
significance using discrete cosine harmonic wavelet transform", Signal, Image and Video
Processing 7(6), 2013, whose artefacts make the three add up to 1.
"""

import math

import torch
from torch import Tensor

from ._conventions import Definition, fusion_metric
from ._gradients import sobel

_RIGHT_ANGLE = math.pi / 2
_MIN_STRENGTH = 2
_MIN_WEIGHT = 0.001
_CEILING = math.sqrt(0.9999 * 0.9995)


def _decompose(fused, ir, vi):
    """Split the sources' edges into those retained, lost, and drowned by artefacts.

    Returns:
        tuple[Tensor, Tensor, Tensor]: Q, L and N, (B,) each; they add up to 1.
    """
    across, down = sobel(torch.cat((fused, ir, vi), dim=1), 'reflect')
    strength = (across.square() + down.square()).sqrt() / 8
    angle = torch.where(strength == 0, 0, torch.atan(across / down))

    fused_strength, strength = strength[:, :1], strength[:, 1:]
    stronger = torch.maximum(fused_strength, strength)
    relative_strength = torch.minimum(fused_strength, strength)
    relative_strength = relative_strength / torch.where(stronger == 0, 1, stronger)
    # An edge has no sign, so a difference of pi is none, and one of pi/2 the largest.
    alignment = (angle[:, 1:] - angle[:, :1]).abs().sub(_RIGHT_ANGLE).abs() / _RIGHT_ANGLE
    retained = torch.sigmoid(19 * (relative_strength - 0.5))
    retained = _CEILING * (retained * torch.sigmoid(22 * (alignment - 0.5))).sqrt()

    weight = torch.where(strength >= _MIN_STRENGTH, strength * strength.sqrt(), _MIN_WEIGHT)
    missing = (1 - retained) * weight
    added = (fused_strength > strength).all(1, keepdim=True)
    parts = (retained * weight, missing * ~added, missing * added)
    total = weight.sum((1, 2, 3))
    return tuple(part.sum((1, 2, 3)) / total for part in parts)


def _fusion_loss(fused, ir, vi):
    return _decompose(fused, ir, vi)[1]


def _fusion_artefacts(fused, ir, vi):
    return _decompose(fused, ir, vi)[2]


def _misplaced_artefacts(fused, ir, vi):
    # That evaluation passes (ir, vi, fused) to a function of (fused, ir, vi).
    return _fusion_artefacts(ir, vi, fused)


LABF_CONVENTIONS = {'plain': Definition(_fusion_loss)}
NABF_CONVENTIONS = {
    'plain': Definition(_fusion_artefacts),
    'tang': Definition(_misplaced_artefacts),
}


@fusion_metric(NABF_CONVENTIONS)
def nabf(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Fusion artefacts N^{AB/F} as modified by Shreyamsha Kumar; lower is better.

    .. math::
        N^{AB/F} = \frac{\sum_{x: g_F > \max(g_A, g_B)} (1 - Q^{AF}) w_A + (1 - Q^{BF}) w_B}
                        {\sum_x w_A + w_B}

    .. math::
        Q^{SF} = \sqrt{\frac{0.9999}{1 + e^{-19 (G^{SF} - 0.5)}} \,
                       \frac{0.9995}{1 + e^{-22 (A^{SF} - 0.5)}}}

    where :math:`g` is the magnitude of the Sobel gradient divided by 8 (the images mirrored
    about their border pixels), :math:`w_S = g_S^{1.5}` where :math:`g_S \ge 2` and 0.001
    elsewhere, and

    .. math::
        G^{SF} = \frac{\min(g_S, g_F)}{\max(g_S, g_F)}, \quad
        A^{SF} = \frac{2}{\pi} \left| |\alpha_S - \alpha_F| - \frac{\pi}{2} \right|

    with :math:`\alpha` the gradient's orientation. Without a gradient, both :math:`\alpha`
    and :math:`G^{SF}` are 0. Papers: Petrovic and Xydeas, ICCV 2005; Shreyamsha Kumar,
    Signal, Image and Video Processing 7(6), 2013.

    In [0, 1], and 0 where no gradient of the fused image exceeds those of both sources, so
    where it equals one of them or is constant. An offset of any image leaves no trace. Not
    for training: the gradient is not a number where an image is flat.

    Args:
        convention (str): ``'plain'``: as above. ``'tang'``: what that evaluation prints. It
            calls the same function with its arguments out of order, so that the infrared
            image is judged as if it were fused from the visible and the fused image: not a
            measure of the fusion, and of use only to compare with figures made that way.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 32, 32)
        >>> nabf(ir, ir, vi)
        tensor([0.])
    """


@fusion_metric(LABF_CONVENTIONS)
def labf(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Fusion loss L^{AB/F}; lower is better.

    .. math::
        L^{AB/F} = \frac{\sum_{x: g_F \le \max(g_A, g_B)}
                         (1 - Q^{AF}) w_A + (1 - Q^{BF}) w_B}{\sum_x w_A + w_B}

    with the terms of :func:`nabf`. What is neither lost nor drowned by artefacts is
    retained: :math:`Q + L^{AB/F} + N^{AB/F} = 1`, where Q is that of these terms, and not
    of :func:`~tsjnet_mm.metrics.qabf.qabf`. Paper: Petrovic and Xydeas,
    ICCV 2005.

    In [0, 1], and close to 0.0003 where the fused image equals both sources. Flat areas count
    as lost but have almost no weight. Only in constant images do they matter: three of them
    give 0.9914. An offset of any image leaves no trace. Not for training: the gradient is not a
    number where an image is flat.

    Args:
        convention (str): ``'plain'``: as above.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 32, 32)
        >>> bool(labf(ir, ir, vi) < labf(ir / 4, ir, vi))
        True
    """
