"""Conversion between RGB and full-range YCbCr (ITU-R BT.601, as in JPEG and OpenCV).

Everything here takes float tensors in [0, 1], channels first, and is differentiable.
"""

import torch
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)
_CB_SCALE = 0.5 / (1 - _LUMA[2])
_CR_SCALE = 0.5 / (1 - _LUMA[0])


def _check_channels(image, allowed, name):
    if not isinstance(image, Tensor):
        raise TypeError(f'{name} must be a torch.Tensor, got {type(image).__name__}')
    if image.dim() < 3 or image.shape[-3] not in allowed:
        raise ValueError(
            f'{name} must have shape (*, C, H, W) with C in {allowed}, got {tuple(image.shape)}'
        )


def rgb_to_luma(image: Tensor) -> Tensor:
    """Luma of an RGB image; a grey image passes through.

    Args:
        image (Tensor): (*, 3, H, W) or (*, 1, H, W), float, any range.

    Returns:
        Tensor: (*, 1, H, W), the range of the input.

    Raises:
        TypeError: ``image`` is no tensor.
        ValueError: It has neither 1 nor 3 channels.
    """
    _check_channels(image, (1, 3), 'image')
    if image.shape[-3] == 1:
        return image
    red, green, blue = image.unbind(-3)
    return (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue).unsqueeze(-3)


def rgb_to_ycbcr(image: Tensor) -> Tensor:
    """RGB to full-range YCbCr.

    Args:
        image (Tensor): (*, 3, H, W), float in [0, 1].

    Returns:
        Tensor: (*, 3, H, W); Y in [0, 1], Cb and Cr in [0, 1] around 0.5.

    Raises:
        TypeError: ``image`` is no tensor.
        ValueError: It does not have 3 channels.
    """
    _check_channels(image, (3,), 'image')
    luma = rgb_to_luma(image)
    chroma_blue = (image[..., 2:3, :, :] - luma) * _CB_SCALE + 0.5
    chroma_red = (image[..., 0:1, :, :] - luma) * _CR_SCALE + 0.5
    return torch.cat((luma, chroma_blue, chroma_red), dim=-3)


def ycbcr_to_rgb(image: Tensor) -> Tensor:
    """Full-range YCbCr to RGB, clipped to [0, 1].

    Args:
        image (Tensor): (*, 3, H, W), float in [0, 1].

    Returns:
        Tensor: (*, 3, H, W) in [0, 1].

    Raises:
        TypeError: ``image`` is no tensor.
        ValueError: It does not have 3 channels.
    """
    _check_channels(image, (3,), 'image')
    luma, chroma_blue, chroma_red = image.unbind(-3)
    red = luma + (chroma_red - 0.5) / _CR_SCALE
    blue = luma + (chroma_blue - 0.5) / _CB_SCALE
    green = (luma - _LUMA[0] * red - _LUMA[2] * blue) / _LUMA[1]
    return torch.stack((red, green, blue), dim=-3).clamp(0, 1)


def recolour(luma: Tensor, visible: Tensor) -> Tensor:
    """Give a fused luma the visible image's chroma.

    Args:
        luma (Tensor): (*, 1, H, W), float in [0, 1].
        visible (Tensor): (*, 3, H, W) RGB or (*, 1, H, W) grey, float in [0, 1].

    Returns:
        Tensor: (*, 3, H, W) RGB in [0, 1]; the luma repeated where ``visible`` is grey.

    Raises:
        TypeError: An argument is no tensor.
        ValueError: Channels or sizes do not fit.
    """
    _check_channels(luma, (1,), 'luma')
    _check_channels(visible, (1, 3), 'visible')
    if luma.shape[-2:] != visible.shape[-2:]:
        raise ValueError(
            f'luma and visible must be of one size, got {tuple(luma.shape[-2:])} '
            f'and {tuple(visible.shape[-2:])}'
        )
    if visible.shape[-3] == 1:
        return torch.cat((luma, luma, luma), dim=-3).clamp(0, 1)
    # With Cb and Cr kept, the change of Y is added to red, green and blue alike.
    return (visible + (luma - rgb_to_luma(visible))).clamp(0, 1)


#: Chroma from which on a colour keeps all of its saturation: a quarter of the range.
_FULL_COLOUR = 0.25


def recolour_in_gamut(luma: Tensor, visible: Tensor) -> Tensor:
    """Give a fused luma the visible image's chroma, and keep the hue of every pixel.

    :func:`recolour` clips red, green and blue one by one: a red sign that is bright in infrared
    becomes white. Here the luma of saturated colours is lowered until their chroma fits. The
    luma of weak colours is kept, and their chroma is scaled down to what fits.

    Args:
        luma (Tensor): (*, 1, H, W), float in [0, 1].
        visible (Tensor): (*, 3, H, W) RGB or (*, 1, H, W) grey, float in [0, 1].

    Returns:
        Tensor: (*, 3, H, W) RGB in [0, 1], equal to :func:`recolour` where that clips nothing
        and the chroma fits.

    Raises:
        TypeError, ValueError: See :func:`recolour`.
    """
    _check_channels(visible, (1, 3), 'visible')
    if visible.shape[-3] == 1 or luma.shape[-2:] != visible.shape[-2:]:
        return recolour(luma, visible)  # which refuses other sizes
    _check_channels(luma, (1,), 'luma')
    own = rgb_to_luma(visible)
    raised = visible + (luma - own)
    outside = ((raised.amax(-3) > 1) | (raised.amin(-3) < 0)).expand(raised[..., 0, :, :].shape)
    if not outside.any():
        return raised
    # Few pixels need more than that.
    chroma = (visible - own).expand_as(raised).movedim(-3, -1)[outside]
    luma = luma[..., 0, :, :].expand(outside.shape)[outside][:, None].clamp(0, 1)
    above, below = chroma.amax(-1, True), -chroma.amin(-1, True)
    share = (above / _FULL_COLOUR).clamp(max=1)
    luma = torch.minimum(luma, 1 - share * above)
    tiny = torch.finfo(luma.dtype).tiny
    fits = torch.minimum((1 - luma) / above.clamp(min=tiny), luma / below.clamp(min=tiny))
    fused = raised.movedim(-3, -1).clone()
    fused[outside] = (luma + fits.clamp(max=1) * chroma).clamp(0, 1)
    return fused.movedim(-1, -3).contiguous()
