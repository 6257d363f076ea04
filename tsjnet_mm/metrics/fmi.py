r"""Feature mutual information.

Papers: Haghighat, Aghagolzadeh and Seyedarabi, "A non-reference image fusion metric based on
mutual information of image features", Computers and Electrical Engineering 37(5), 2011;
Haghighat and Razian, "Fast-FMI: non-reference image fusion metric", AICT 2014. The details
that the papers leave open are those of the authors' MATLAB code.

Each 3x3 window of a feature image, less its minimum and divided by its sum, is taken for a
distribution over the nine pixels, numbered down the columns. Let :math:`p` be that of a
source's window and :math:`q` that of the fused one, :math:`P` and :math:`Q` cumulated,
:math:`c` the correlation of their nine values. Their joint distribution :math:`r` is mixed
from the independent one and the Frechet bound :math:`u` that correlates them most,
cumulated :math:`U_{ij} = \min(P_i, Q_j)`, or, for negative :math:`c`, least,
:math:`U_{ij} = \max(P_i + Q_j - 1, 0)`:

.. math::
    r_{ij} = p_i q_j + \varphi (u_{ij} - p_i q_j),
    \quad \varphi = \frac{c\, \sigma_p \sigma_q}{\sum_{ij} (U_{ij} - P_i Q_j)},
    \quad \mathrm{FMI} = 2\, \frac{H(p) + H(q) - H(r)}{H(p) + H(q)}

with the standard deviations :math:`\sigma` of the pixel's number and
:math:`H(r) = -\sum r_{ij} \log |r_{ij}|`.
"""

import torch
from torch import Tensor

from ._conventions import Definition, fusion_metric
from ._fmi_features import (
    cosine_transform,
    meyer_subbands,
    sobel_edges,
)

_SIDE = 3
_CELLS = _SIDE**2
#: Relative to a feature's greatest magnitude, what rounding in a transform may amount to.
_TOLERANCE = 1e-10


def _windows(feature, top, count):
    view = feature[:, 0, top : top + count + _SIDE - 1]
    view = view.unfold(1, _SIDE, 1).unfold(2, _SIDE, 1)
    return view.permute(4, 3, 0, 1, 2).reshape(_CELLS, -1)


def _entropy(distribution, cells):
    # A share above 1 makes cells negative; the absolute value is the authors'.
    logarithm = distribution.abs().clamp_min(torch.finfo(distribution.dtype).tiny).log_()
    return -logarithm.mul_(distribution).sum(cells)


def _distribution(window, limit):
    weight = window - window.amin(0)
    weight = torch.where(weight > limit, weight, 0)
    return weight / weight.sum(0)


def _normalised_information(source, fused, limit):
    """FMI of pairs of windows (9, N) that vary by more than the limit (N,): (N,)."""
    p, q = _distribution(source, limit), _distribution(fused, limit)
    centred_p, centred_q = p - 1 / _CELLS, q - 1 / _CELLS
    scale = (centred_p.square().sum(0) * centred_q.square().sum(0)).sqrt()
    correlation = (centred_p * centred_q).sum(0) / scale
    # The lower bound is the upper one of the source read backwards; all else is blind to it.
    p = torch.where(correlation < 0, p.flip(0), p)

    number = torch.arange(_CELLS, dtype=p.dtype, device=p.device)[:, None]
    deviations = 1
    for pdf in (p, q):
        variance = (number.square() * pdf).sum(0) - (number * pdf).sum(0).square()
        deviations = deviations * variance.clamp_min(0).sqrt()
    p, q = p[:, None], q[None]
    cumulated_p, cumulated_q = p.cumsum(0), q.cumsum(1)
    bound = torch.minimum(cumulated_p, cumulated_q)
    covariance = bound.sum((0, 1)) - cumulated_p.sum((0, 1)) * cumulated_q.sum((0, 1))
    # No covariance to be had: all of a window lies in one pixel.
    share = torch.where(covariance > 0, correlation.abs() * deviations / covariance, 0)
    bound -= torch.maximum(cumulated_p - p, cumulated_q - q)
    joint = torch.lerp(p * q, bound.clamp_min_(0), share)

    marginal = _entropy(p, (0, 1)) + _entropy(q, (0, 1))
    return torch.where(marginal > 0, 2 - 2 * _entropy(joint, (0, 1)) / marginal, 0)


def _mean_information(source, fused):
    """Mean FMI over the windows of two feature images (B, 1, H, W): (B,)."""
    batch, _, height, width = fused.shape
    rows, columns = height - _SIDE + 1, width - _SIDE + 1
    tolerance = torch.maximum(source.abs(), fused.abs()).amax((1, 2, 3)) * _TOLERANCE
    # Joint distributions that stay in a CPU's cache, or few enough launches elsewhere.
    chunk = 2048 if fused.device.type == 'cpu' else 65536
    step = max(1, chunk // (batch * columns))
    total = 0
    for top in range(0, rows, step):
        count = min(step, rows - top)
        a, f = _windows(source, top, count), _windows(fused, top, count)
        limit = tolerance.repeat_interleave(count * columns)
        flat_a, flat_f = (x.amax(0) - x.amin(0) <= limit for x in (a, f))
        # Constant windows are the same distribution, though the authors' code finds so only
        # because nine ninths, summed in order, are not quite one.
        equal = ((a - f).abs().amax(0) <= limit) | (flat_a & flat_f)
        values = equal.to(a.dtype)
        chosen = (~(equal | flat_a | flat_f)).nonzero().squeeze(1)
        values[chosen] = _normalised_information(a[:, chosen], f[:, chosen], limit[chosen])
        total = total + values.view(batch, -1).sum(1)
    return total / (rows * columns)


def _information_of(feature):
    @torch.no_grad()
    def metric(fused, ir, vi):
        fused, ir, vi = feature(torch.cat((fused, ir, vi))).chunk(3)
        return (_mean_information(ir, fused) + _mean_information(vi, fused)) / 2

    return metric


def _levels(image):
    return image


_DCT = Definition(_information_of(cosine_transform), _SIDE)
_WAVELET = Definition(_information_of(meyer_subbands))

FMI_PIXEL_CONVENTIONS = {
    'plain': Definition(_information_of(_levels), _SIDE),
    'tang': Definition(_information_of(sobel_edges), _SIDE),
}
FMI_DCT_CONVENTIONS = {'plain': _DCT, 'tang': _DCT}
FMI_W_CONVENTIONS = {'plain': _WAVELET, 'tang': _WAVELET}


@fusion_metric(FMI_PIXEL_CONVENTIONS)
def fmi_pixel(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    """Feature mutual information of the grey levels; higher is better.

    The mean over all 3x3 windows, and over the two sources, of the information that source
    and fused image share; the module gives the formula. 1 where the fused image equals both
    sources, near 0 for an unrelated one; blind to the brightness and gain of a window.
    Single windows may leave 0..1, as the authors do not limit the bound's share to 1, so
    very small images can as well.

    Identical windows count 1, and so do two constant ones of any levels; a constant
    window shares nothing, 0, with a varied one. So constant images give 1. Computed without
    gradient.

    Args:
        convention (str): ``'plain'``: the feature is the level. ``'tang'``: its FMI_pixel
            names no feature to the authors' code, whose default it thereby takes: the
            thinned Sobel edges, 0 or 1, of MATLAB's ``edge``. Most windows hold no edge in
            either image and count 1, so values lie close together, mostly above 0.8. One
            doubt is left: where ``vi`` and ``fused`` have no edge but ``ir`` has one, their
            code depends on rounding; this is the outcome of summing in order, as Octave
            does. Were nine ninths one, those windows would count 0, not a half.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 16, 16)
        >>> fmi_pixel(ir, ir, ir)
        tensor([1.])
        >>> bool(fmi_pixel((ir + vi) / 2, ir, vi) > fmi_pixel(torch.rand_like(ir), ir, vi))
        True
    """


@fusion_metric(FMI_DCT_CONVENTIONS)
def fmi_dct(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    """Feature mutual information of the cosine transforms; higher is better.

    As :func:`fmi_pixel`, the feature being the orthonormal two-dimensional DCT-II of the
    whole image: windows are of neighbouring frequencies. Differences below 1e-10 of the
    greatest coefficient are rounding and count as none. Of constant images only the window
    of the mean level is not: unequal levels give ``1 - 1 / ((H - 2) * (W - 2))``, as what
    lies in a single pixel carries no information.

    Args:
        convention (str): ``'plain'`` or ``'tang'``: they agree.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 16, 16)
        >>> bool(fmi_dct((ir + vi) / 2, ir, vi) > fmi_dct(torch.rand_like(ir), ir, vi))
        True
    """


@fusion_metric(FMI_W_CONVENTIONS)
def fmi_w(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    """Feature mutual information of a wavelet transform; higher is better.

    As :func:`fmi_pixel`, the feature being one level of the discrete Meyer wavelet
    transform, its four subbands side by side, stretched together to 0..1. The filter of 101
    taps reaches across the mirrored border, so that small images consist of it; any size is
    defined. Differences below 1e-10 are rounding and count as none. Constant images give 1,
    as stretching leaves no trace of their level, unless one of them is black.

    Args:
        convention (str): ``'plain'`` or ``'tang'``: they agree.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 16, 16)
        >>> bool(fmi_w((ir + vi) / 2, ir, vi) > fmi_w(torch.rand_like(ir), ir, vi))
        True
    """
