"""Damp the noise of dark visible images: of their colours, and of their luma.

A dark image's chroma is mostly noise, which shows once infrared raises the luma. Only what is
dark changes. There, chroma becomes its mean over the dark surroundings, but for pixels that
differ from it by more than noise does, such as small lamps. So no colour of a lamp spreads.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .colour import rgb_to_luma
from .filtering import filter_valid, gaussian_window, pad_reflect

#: Luma up to which a pixel is dark, and from which on it is not.
_DARK, _LIT = 0.12, 0.3
#: Pixels that are averaged before chroma is smoothed, and the deviation of the smoothing in
#: such groups for an image of 640x480; it grows with the diagonal.
_GROUP, _SPREAD, _DIAGONAL = 4, 2.0, 800
#: Differences up to the first number of standard deviations of the noise are noise, those from
#: the second on are not.
_NOISE, _SIGNAL = 3.0, 6.0
#: Chroma, relative to the surroundings, up to which several pixels may be noise together, and
#: from which on they are an object, whatever the noise.
_COLOURLESS, _COLOURED = 0.01, 0.03
#: Details of luma up to so many standard deviations are damped.
_MOST_DAMPED = 1.5
#: Share of the dark pixels whose surroundings are taken to show noise alone.
_FLATTEST = 0.5
#: An image with a smaller share of dark pixels than the first is not dark and stays as it is;
#: from the second on it is.
_FEW_DARK, _MANY_DARK = 0.1, 0.3


def _blur(image, sigma):
    radius = max(1, round(3 * sigma))
    return filter_valid(pad_reflect(image, radius), gaussian_window(2 * radius + 1, sigma))


def _darkness(luma):
    """1 where the surroundings are dark, 0 where they are lit, and in an image that is lit."""
    dark = ((_LIT - _blur(luma, 1.5).maximum(luma)) / (_LIT - _DARK)).clamp(0, 1)
    share = (dark.mean((1, 2, 3), True) - _FEW_DARK) / (_MANY_DARK - _FEW_DARK)
    return dark * share.clamp(0, 1)


def _noise_of_dark(power, dark):
    """Standard deviation where a dark image is flattest: (B, 1, 1, 1); 0 of a lit image."""
    found = []
    for each, where in zip(_blur(power, 3.0), dark > 0, strict=True):
        values = each[where]
        rank = max(1, round(_FLATTEST * values.numel()))
        found.append(values.kthvalue(rank)[0] if values.numel() else each.new_zeros(()))
    return torch.stack(found).sqrt().reshape(-1, 1, 1, 1).clamp(min=1e-6)


def denoise_chroma(visible: Tensor) -> Tensor:
    """Smooth the chroma of what is dark in an image.

    Args:
        visible (Tensor): (B, 3, H, W) RGB or (B, 1, H, W) grey, float in [0, 1].

    Returns:
        Tensor: The same shape and the same luma (BT.601), not clipped to [0, 1]: a chroma for
        :func:`~tsjnet_mm.utils.recolour`.
    """
    if visible.shape[1] == 1:
        return visible
    luma = rgb_to_luma(visible)
    chroma, dark = visible - luma, _darkness(luma)
    size = luma.shape[-2:]
    scale = (size[0] ** 2 + size[1] ** 2) ** 0.5 / _DIAGONAL
    group = max(1, min(_GROUP, *size))
    weighted = torch.cat((chroma * dark, dark), dim=1)
    coarse = _blur(
        F.avg_pool2d(weighted, group, ceil_mode=True, count_include_pad=False),
        _SPREAD * max(scale, 0.25),
    )
    fine = F.interpolate(coarse, size, mode='bilinear', align_corners=False)
    smooth = fine[:, :3] / fine[:, 3:].clamp(min=1e-3)
    difference = (chroma - smooth).square().sum(1, keepdim=True).sqrt()
    noise = _noise_of_dark(difference.square() / 2, dark)
    # A lamp is larger than a pixel: what its neighbours agree on is no noise.
    agreed = _blur(chroma - smooth, 1.0).square().sum(1, keepdim=True).sqrt()
    ratio = torch.maximum(difference, 2 * agreed) / noise
    is_noise = ((_SIGNAL - ratio) / (_SIGNAL - _NOISE)).clamp(0, 1)
    is_noise = is_noise * ((_COLOURED - agreed) / (_COLOURED - _COLOURLESS)).clamp(0, 1)
    return luma + chroma + dark * is_noise * (smooth - chroma)


def denoise_luma(visible: Tensor, ir: Tensor) -> Tensor:
    """Damp the noise of a dark image's luma where the infrared image has less.

    Args:
        visible (Tensor): (B, 3, H, W) RGB or (B, 1, H, W) grey, float in [0, 1].
        ir (Tensor): (B, 1, H, W), float in [0, 1].

    Returns:
        Tensor: The shape of ``visible``, with the same chroma, in [0, 1].
    """
    luma = rgb_to_luma(visible)
    dark = _darkness(luma)
    detail = luma - _blur(luma, 1.5)
    noise = _noise_of_dark(detail.square(), dark)
    # Where infrared has details of its own, or noise, nothing is damped.
    of_infrared = _blur((ir - _blur(ir, 1.5)).abs(), 3.0) / noise
    threshold = _MOST_DAMPED * noise * (2 - of_infrared).clamp(0, 1)
    kept = detail.sign() * (detail.abs() - threshold).clamp(min=0)
    return (visible + dark * (kept - detail)).clamp(0, 1)
