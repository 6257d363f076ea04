"""Yang's similarity-based fusion metric, Q_Y.

Paper: Yang, Zhang, Wang and Liu, "A novel similarity based quality metric for image fusion",
Information Fusion 9(2), 2008. Window and constants are those of Zheng Liu's toolbox of
fusion metrics.
"""

import torch
from torch import Tensor

from tsjnet_mm.utils.filtering import gaussian_window

from ._conventions import Definition, fusion_metric
from .qs import compare_windows

_SIZE = 7
_SIMILAR = 0.75


def _yang(fused, ir, vi):
    quality = compare_windows(fused, ir, vi, gaussian_window(_SIZE, 1.5))
    redundant = torch.lerp(quality.vi, quality.ir, quality.share)
    complementary = torch.maximum(quality.ir, quality.vi)
    values = torch.where(quality.sources >= _SIMILAR, redundant, complementary)
    return values.mean((1, 2))


QY_CONVENTIONS = {'plain': Definition(_yang, _SIZE)}


@fusion_metric(QY_CONVENTIONS)
def qy(fused: Tensor, ir: Tensor, vi: Tensor, convention: str = 'plain') -> Tensor:
    r"""Yang's Q_Y; higher is better.

    The mean over all windows w of

    .. math::
        \begin{cases}
        \lambda(w) S(A, F | w) + (1 - \lambda(w)) S(B, F | w), & S(A, B | w) \ge 0.75 \\
        \max(S(A, F | w), S(B, F | w)), & S(A, B | w) < 0.75
        \end{cases}
        \qquad \lambda(w) = \frac{\sigma_A^2(w)}{\sigma_A^2(w) + \sigma_B^2(w)}

    where S is the structural similarity in a Gaussian window of 7 pixels and sigma 1.5,
    without constants: what the sources have in common is to be had from both, what they
    have not, from either. S is the index of
    :func:`~tsjnet_mm.metrics.qs.compare_windows` with its special cases. The
    toolbox behind the published figures sets the constants of SSIM to 2e-16 instead, which
    is below the rounding errors of a constant window: there its value is arbitrary or not a
    number, and elsewhere the same.

    In [-1, 1], 1 where the fused image equals both sources. Where both windows of a pair are
    constant, S compares their levels alone, two black ones giving 1; where both sources
    are constant, :math:`\lambda = 1/2`. Differentiable in the fused image.

    Args:
        convention (str): ``'plain'``: as above.

    Example:
        >>> ir = 255 * torch.rand(1, 1, 32, 32)
        >>> qy(ir, ir, ir)
        tensor([1.])
    """
