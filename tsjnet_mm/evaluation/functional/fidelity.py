"""Pixel fidelity to the sources: mean squared error, PSNR, correlation."""

import torch

from tsjnet_mm.evaluation.functional._conventions import evaluate, mean_of_two

_PIXELS = (1, 2, 3)


def _mean_squared_error(a, b):
    return (a - b).square().mean(_PIXELS)


def _peak_signal_to_noise(a, b):
    return 10 * torch.log10(255**2 / _mean_squared_error(a, b))


def _centre(image):
    # The middle of the range first: it is exact, so a constant image becomes exactly zero.
    image = image - ((image.amin(_PIXELS, True) + image.amax(_PIXELS, True)) / 2).detach()
    return image - image.mean(_PIXELS, keepdim=True)


def _correlation(a, b):
    a, b = _centre(a), _centre(b)
    scale = (a.square().sum(_PIXELS) * b.square().sum(_PIXELS)).sqrt()
    constant = scale == 0
    value = (a * b).sum(_PIXELS) / torch.where(constant, 1, scale)
    return torch.where(constant, 0, value).clamp(-1, 1)


MSE_CONVENTIONS = {'plain': mean_of_two(_mean_squared_error)}
PSNR_CONVENTIONS = {'plain': mean_of_two(_peak_signal_to_noise)}
CC_CONVENTIONS = {'plain': mean_of_two(_correlation)}


def mse(fused, ir, vi, convention='plain'):
    r"""Mean squared error against the two sources; lower is better.

    .. math:: \mathrm{MSE} = \tfrac12 \sum_{S \in \{A, B\}} \frac{1}{HW} \sum_x (S_x - F_x)^2

    In [0, 65025], 0 where the fused image equals both sources. Differentiable.

    Args:
        fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255.
        ir (Tensor): Infrared image, the same shape, dtype and device.
        vi (Tensor): Visible luma, the same.
        convention (str): ``'plain'``: levels in 0..255, mean of the two.

    Returns:
        Tensor: (B,), dtype of ``fused``.

    Raises:
        TypeError: An image is no float32 or float64 tensor.
        ValueError: Shapes do not fit, or the convention is unknown.

    Example:
        >>> ir, vi = torch.full((1, 1, 8, 8), 100.0), torch.full((1, 1, 8, 8), 110.0)
        >>> mse(ir, ir, vi)
        tensor([50.])
    """
    return evaluate(MSE_CONVENTIONS, convention, fused, ir, vi)


def psnr(fused, ir, vi, convention='plain'):
    r"""Peak signal-to-noise ratio against the two sources, in dB; higher is better.

    .. math::
        \mathrm{PSNR} = \tfrac12 \sum_{S \in \{A, B\}}
        10 \log_{10} \frac{255^2}{\frac{1}{HW} \sum_x (S_x - F_x)^2}

    In [0, inf]: infinite where the fused image equals one of the sources, a case for the
    caller to see. Differentiable where finite.

    Args:
        fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255.
        ir (Tensor): Infrared image, the same shape, dtype and device.
        vi (Tensor): Visible luma, the same.
        convention (str): ``'plain'``: the mean of the two PSNRs, not the PSNR of the mean
            error; the peak is 255, not the fused image's maximum.

    Returns:
        Tensor: (B,), dtype of ``fused``.

    Raises:
        TypeError: An image is no float32 or float64 tensor.
        ValueError: Shapes do not fit, or the convention is unknown.

    Example:
        >>> ir, vi = torch.full((1, 1, 8, 8), 0.0), torch.full((1, 1, 8, 8), 255.0)
        >>> psnr(torch.full((1, 1, 8, 8), 127.5), ir, vi)
        tensor([6.0206])
    """
    return evaluate(PSNR_CONVENTIONS, convention, fused, ir, vi)


def cc(fused, ir, vi, convention='plain'):
    r"""Pearson correlation with the two sources; higher is better.

    .. math::
        \mathrm{CC} = \tfrac12 \sum_{S \in \{A, B\}}
        \frac{\sum_x (S_x - \bar S)(F_x - \bar F)}
             {\sqrt{\sum_x (S_x - \bar S)^2 \sum_x (F_x - \bar F)^2}}

    In [-1, 1]. A constant image correlates with nothing: its term is 0, also against
    itself. Differentiable where no image is constant.

    Args:
        fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255.
        ir (Tensor): Infrared image, the same shape, dtype and device.
        vi (Tensor): Visible luma, the same.
        convention (str): ``'plain'``: mean of the two.

    Returns:
        Tensor: (B,), dtype of ``fused``.

    Raises:
        TypeError: An image is no float32 or float64 tensor.
        ValueError: Shapes do not fit, or the convention is unknown.

    Example:
        >>> ramp = torch.arange(64.0).view(1, 1, 8, 8)
        >>> cc(2 * ramp, ramp, 100 - ramp)
        tensor([0.])
    """
    return evaluate(CC_CONVENTIONS, convention, fused, ir, vi)
