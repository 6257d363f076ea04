"""Information shared with the sources: mutual information, cross entropy of histograms."""

import math

import torch
from torch import Tensor

from ._conventions import (
    Definition,
    fusion_metric,
    mean_of_two,
    sum_of_two,
)

_LEVELS = 256


def grey_histogram(levels: Tensor, number: int = _LEVELS) -> Tensor:
    """Histogram of each image of a batch.

    Args:
        levels (Tensor): (B, ...), int64, from 0 to ``number - 1``.
        number (int): Number of levels. Defaults to 256.

    Returns:
        Tensor: (B, number), float64, how often each level occurs.
    """
    batch = len(levels)
    offsets = number * torch.arange(batch, device=levels.device)
    levels = levels.flatten(1) + offsets[:, None]
    counts = torch.bincount(levels.flatten(), minlength=number * batch)
    return counts.view(batch, number).to(torch.float64)


def round_to_grey_levels(image: Tensor) -> Tensor:
    """Nearest of the 256 grey levels; a half rounds up.

    Args:
        image (Tensor): (B, 1, H, W), float; what lies outside 0..255 is clipped.

    Returns:
        Tensor: (B, 1, H, W), int64.

    Raises:
        ValueError: A pixel is NaN, which no level is nearest to.
    """
    if image.isnan().any():
        raise ValueError('a histogram needs pixels in 0..255, got NaN')
    # None is negative once clipped, so that dropping the fraction rounds down.
    return (image + 0.5).clamp_(0, _LEVELS - 1).to(torch.int64)


def shannon_entropy(counts: Tensor) -> Tensor:
    """Entropy in bits of a histogram, exact where all frequencies are powers of two.

    Args:
        counts (Tensor): (B, N), float64, whole numbers; each row holds at least one.

    Returns:
        Tensor: (B,), float64.
    """
    total = counts.sum(-1, keepdim=True)
    # The count of an absent level is 0, so its logarithm does not matter.
    bits = counts * torch.log2(total / counts.clamp_min(1))
    return bits.sum(-1) / total.squeeze(-1)


def _joint_counts(source, fused):
    pairs = round_to_grey_levels(source).mul_(_LEVELS).add_(round_to_grey_levels(fused))
    return grey_histogram(pairs, _LEVELS**2).view(-1, _LEVELS, _LEVELS)


def _single_entropies(joint):
    return shannon_entropy(joint.sum(2)), shannon_entropy(joint.sum(1))


def _shared_bits(joint):
    entropy_source, entropy_fused = _single_entropies(joint)
    bits = entropy_source + entropy_fused - shannon_entropy(joint.flatten(1))
    return bits.clamp_min(0)


def _mutual_bits(source, fused):
    return _shared_bits(_joint_counts(source, fused))


def _mutual_nats(source, fused):
    return _mutual_bits(source, fused) * math.log(2)


def _mutual_bits_of_saturated_pairs(source, fused):
    joint = _joint_counts(source, fused)
    entropy_source, entropy_fused = _single_entropies(joint)
    for axis in (1, 2):
        darker, brightest = joint.split((_LEVELS - 2, 2), axis)
        joint = torch.cat((darker, brightest.sum(axis, keepdim=True)), axis)
    bits = entropy_source + entropy_fused - shannon_entropy(joint.flatten(1))
    return bits.clamp_min(0)


def _normalised_information(source, fused):
    joint = _joint_counts(source, fused)
    own = sum(_single_entropies(joint))
    return (2 * _shared_bits(joint) / torch.where(own == 0, 1, own)).clamp_max(1)


def _cross_entropy(source, fused):
    source, fused = (
        grey_histogram(round_to_grey_levels(source)),
        grey_histogram(round_to_grey_levels(fused)),
    )
    ratio = torch.where((source > 0) & (fused > 0), source / fused, 1)
    return (source * ratio.log2()).sum(-1) / source.sum(-1)


MI_CONVENTIONS = {
    'plain': Definition(sum_of_two(_mutual_bits)),
    'cddfuse': Definition(sum_of_two(_mutual_nats)),
    'tang': Definition(sum_of_two(_mutual_bits_of_saturated_pairs)),
    'vifb': Definition(sum_of_two(_mutual_nats)),
}
NMI_CONVENTIONS = {'plain': Definition(sum_of_two(_normalised_information))}
CE_CONVENTIONS = {name: Definition(mean_of_two(_cross_entropy)) for name in ('plain', 'vifb')}


@fusion_metric(MI_CONVENTIONS, rejects_nan=True)
def mi(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Mutual information with the two sources; higher is better.

    .. math::
        \mathrm{MI} = I(A; F) + I(B; F), \quad
        I(S; F) = H(S) + H(F) - H(S, F)
                = \sum_{s, f} p(s, f) \log_2 \frac{p(s, f)}{p(s)\, p(f)}

    over the joint histogram of 256 x 256 levels (Qu, Zhang and Yan, "Information measure
    for performance of image fusion", Electronics Letters 38(7), 2002). In [0, 16] bits, and
    twice the entropy where the fused image equals both sources. A constant image shares no
    information: 0. Pixels are rounded to the nearest level first; that leaves no useful
    gradient: not for training.

    Args:
        convention (str): ``'plain'``: bits. ``'cddfuse'`` and ``'vifb'``: nats, that is
            :math:`\ln 2` times as much; VIFB stretches each image to 0..255 first, which
            tells apart the same pixels and so changes nothing. ``'tang'``: bits, but its
            8-bit indices saturate and take level 255 for 254 in the joint histogram alone:
            more than ``'plain'`` where an image holds both, and then not quite 0 for
            independent images.

    Example:
        >>> ir = torch.arange(256.0).view(1, 1, 16, 16)
        >>> mi(ir, ir, torch.zeros_like(ir))
        tensor([8.])
    """


@fusion_metric(NMI_CONVENTIONS, rejects_nan=True)
def nmi(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Normalised mutual information with the two sources; higher is better.

    .. math::
        \mathrm{NMI} = 2 \left( \frac{I(A; F)}{H(A) + H(F)} + \frac{I(B; F)}{H(B) + H(F)}
        \right)

    with :math:`I` as in :func:`mi` (Hossny, Nahavandi and Creighton, "Comments on
    'Information measure for performance of image fusion'", Electronics Letters 44(18),
    2008). Others divide the sum of both by :math:`H(A) + H(B)`, with or without the factor
    2, under the same name. In [0, 2], 2 where the fused image equals both sources. The term
    of two constant images is 0. Pixels are rounded to the nearest level first: not for
    training.

    Args:
        convention (str): ``'plain'``: as above.

    Example:
        >>> ir = torch.arange(256.0).view(1, 1, 16, 16)
        >>> nmi(ir, ir, torch.zeros_like(ir))
        tensor([1.])
    """


@fusion_metric(CE_CONVENTIONS, rejects_nan=True)
def ce(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Cross entropy of the histograms, as the benchmark VIFB has it; lower is better.

    .. math::
        \mathrm{CE} = \tfrac12 \sum_{S \in \{A, B\}}\;
        \sum_{l :\, p_S(l) > 0,\, p_F(l) > 0} p_S(l) \log_2 \frac{p_S(l)}{p_F(l)}

    in bits (Bulanon, Burks and Alchanatis, "Image fusion of visible and thermal images for
    fruit detection", Biosystems Engineering 103(1), 2009). It would be the Kullback-Leibler
    divergence if it did not leave out the levels that only one image holds. Because of that
    it is no distance: it can be negative, down to :math:`-\log_2(e) / e = -0.531`, and is 0
    also for histograms without a common level, such as those of constant images of
    different levels. At most :math:`\log_2(H W)`. Pixels are rounded to the nearest level
    first: not for training.

    Args:
        convention (str): ``'plain'`` or ``'vifb'``: both as above.

    Example:
        >>> ir = torch.full((1, 1, 2, 2), 7.0)
        >>> fused = torch.tensor([7.0, 8, 9, 9]).view(1, 1, 2, 2)
        >>> ce(fused, ir, ir)
        tensor([2.])
    """
