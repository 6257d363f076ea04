"""Structural similarity to the sources."""

from functools import partial

from tsjnet_mm.evaluation.functional._conventions import evaluate, mean_of_two
from tsjnet_mm.utils.ssim import structural_similarity

_WINDOW = 11

SSIM_CONVENTIONS = {
    'plain': mean_of_two(
        partial(
            structural_similarity,
            data_range=255,
            window_size=_WINDOW,
            sigma=1.5,
            reduction='image',
        )
    )
}


def ssim(fused, ir, vi, convention='plain'):
    r"""Structural similarity to the two sources; higher is better.

    .. math:: \mathrm{SSIM} = \tfrac12 (\mathrm{ssim}(A, F) + \mathrm{ssim}(B, F))

    with :func:`~tsjnet_mm.utils.ssim.structural_similarity` (Wang et al., IEEE TIP 2004).
    In [-1, 1], 1 where the fused image equals both sources. Constant images are no special
    case: the constants of the formula leave the comparison of their levels. Differentiable.

    Args:
        fused (Tensor): (B, 1, H, W), float32 or float64, levels in 0..255; H and W at
            least 11.
        ir (Tensor): Infrared image, the same shape, dtype and device.
        vi (Tensor): Visible luma, the same.
        convention (str): ``'plain'``: Gaussian window of 11 pixels and sigma 1.5, L = 255,
            valid area, no downsampling, mean of the two.

    Returns:
        Tensor: (B,), dtype of ``fused``.

    Raises:
        TypeError: An image is no float32 or float64 tensor.
        ValueError: Shapes do not fit, a side is shorter than the window, or the
            convention is unknown.

    Example:
        >>> ir, vi = 255 * torch.rand(2, 1, 1, 32, 32)
        >>> bool(ssim(ir, ir, vi) > ssim(255 - ir, ir, vi))
        True
    """
    return evaluate(SSIM_CONVENTIONS, convention, fused, ir, vi, min_size=_WINDOW)
