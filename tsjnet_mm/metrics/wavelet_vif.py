"""The wavelet-domain visual information fidelity of Sheikh and Bovik.

Paper: Sheikh and Bovik, "Image Information and Visual Quality", IEEE TIP 15(2), 2006, with
the settings of the authors' release ``vifvec``. pyiqa's ``vif`` is a port of the same to
single precision, whose rounding gives up to 0.01 more on dark images. Both take their
subbands from the spatial form of the steerable pyramid (Simoncelli and Freeman, ICIP 1995,
filters ``sp5``), not from its frequency-domain form, whose subbands differ. Of its six
orientations the metric uses two, the horizontal and the vertical one.
"""

import torch
from torch import Tensor

from tsjnet_mm.utils.filtering import local_moments, pad_reflect, subtract_midpoint

#: The shortest side that leaves every subband a block away from its borders.
WAVELET_MIN_SIZE = 65
#: Variances below this are rounding.
EPS = 1e-10
#: So are eigenvalues below this share of the largest.
_RANK_TOLERANCE = 1e-10
_LEVELS = 4
_BLOCK = 3
_NOISE = 0.4


# Taps of the filters sp5: the quadrant from the centre to the lower right, the others follow
# by symmetry. Those of the bands change sign across one axis.
_LOW_PASS_0 = (
    (0.40304148, 0.15925570, -0.03848215),
    (0.15925570, 0.05586982, -0.01551246),
    (-0.03848215, -0.01551246, 0.00341614),
)
_LOW_PASS = (
    (0.20193080, 0.16339236, 0.07962786, 0.02005976, -0.01924108),
    (0.16339236, 0.12852666, 0.06554076, 0.00821200, -0.01888864),
    (0.07962786, 0.06554076, 0.02793492, -0.01322234, -0.00775624),
    (0.02005976, 0.00821200, -0.01322234, -0.01046562, -0.00489834),
    (-0.01924108, -0.01888864, -0.00775624, -0.00489834, 0.00170808),
)
_HORIZONTAL_BAND = (
    (0.0, 0.11732297, -0.02755155, -0.01455399),
    (0.0, 0.08226445, -0.01189859, -0.01026699),
    (0.0, 0.03075356, 0.00893064, -0.00496194),
    (0.0, 0.01021852, 0.00986904, -0.00277643),
)
_VERTICAL_BAND = tuple(zip(*_HORIZONTAL_BAND, strict=True))


def distortion_channel(var_ref: Tensor, var_dist: Tensor, cov: Tensor) -> tuple[Tensor, Tensor]:
    """Gain and noise that turn the reference into the distorted image, by least squares.

    Args:
        var_ref (Tensor): Local variance of the reference.
        var_dist (Tensor): Of the distorted image.
        cov (Tensor): Their covariance.

    Returns:
        tuple[Tensor, Tensor]: Gain, 0 where either is flat or one inverts the other, and
        variance of the noise, above 0. Where the gain is 0 the noise means nothing.
    """
    gain = cov / (var_ref + EPS)
    noise = (var_dist - gain * cov).clamp_min(EPS)
    useless = (var_ref < EPS) | (var_dist < EPS) | (cov < 0)
    return gain.masked_fill(useless, 0), noise


def _correlate(image, quadrant, across=1, down=1, stride=1):
    """Correlate with a small kernel, the image reflected about its border pixels.

    Args:
        image (Tensor): (*, H, W).
        quadrant (Sequence[Sequence[float]]): The taps right of and below the centre, and it.
        across (int): 1, or -1 if the taps left of the centre have the opposite sign.
        down (int): The same for those above it.
        stride (int): Keep every so many-th position along either axis.

    Returns:
        Tensor: (*, ceil(H / stride), ceil(W / stride)).
    """
    radius = len(quadrant) - 1
    height, width = image.shape[-2:]
    total = torch.zeros_like(image[..., ::stride, ::stride])
    image = pad_reflect(image, radius)
    for x, taps in enumerate(zip(*quadrant, strict=True)):
        columns = image[..., radius + x : radius + x + width : stride]
        if x:
            mirrored = image[..., radius - x : radius - x + width : stride]
            columns = torch.add(columns, mirrored, alpha=across)
        for y in range(-radius, radius + 1):
            rows = columns[..., radius + y : radius + y + height : stride, :]
            tap = taps[y] if y >= 0 else down * taps[-y]
            if tap:
                total.add_(rows, alpha=tap)
    return total


def _subbands(image):
    """Yield (level, subband): two of each level, the finest first, in whole blocks."""
    low = _correlate(subtract_midpoint(image), _LOW_PASS_0)
    for level in range(_LEVELS):
        if level:
            low = _correlate(low, _LOW_PASS, stride=2)
        for band in (
            _correlate(low, _HORIZONTAL_BAND, across=-1),
            _correlate(low, _VERTICAL_BAND, down=-1),
        ):
            height, width = (side // _BLOCK * _BLOCK for side in band.shape[-2:])
            yield level, band[..., :height, :width]


def _blocks(band, step):
    """The blocks of a subband (B, 1, H, W), ``step`` apart, as columns (B, 9, blocks)."""
    blocks = band[:, 0].unfold(1, _BLOCK, step).unfold(2, _BLOCK, step)
    return blocks.permute(0, 3, 4, 1, 2).flatten(3).flatten(1, 2)


def _gaussian_scale_mixture(band):
    """Eigenvalues and field of scales of the blocks of a subband.

    A block of 3x3 coefficients is modelled as sqrt(s) u with one covariance of u for the
    subband, that of all blocks, and a scale s of its own: block' inv(covariance) block / 9.

    Args:
        band (Tensor): (B, 1, H, W), sides in whole blocks.

    Returns:
        tuple[Tensor, Tensor]: Eigenvalues of the covariance (B, 9), 0 where they are
        rounding, and s (B, 1, H / 3, W / 3).
    """
    overlapping = _blocks(band, 1)
    means = overlapping.mean(2, keepdim=True)
    covariance = overlapping @ overlapping.mT / overlapping.shape[2] - means @ means.mT
    eigenvalues, vectors = torch.linalg.eigh(covariance)
    noticed = eigenvalues > (_RANK_TOLERANCE * eigenvalues[:, -1:]).clamp_min(EPS)
    precisions = noticed / eigenvalues.where(noticed, 1)
    powers = (vectors.mT @ _blocks(band, _BLOCK)).square()
    scales = (powers * precisions[:, :, None]).mean(1)
    rows, columns = (side // _BLOCK for side in band.shape[-2:])
    return eigenvalues.where(noticed, 0), scales.view(-1, 1, rows, columns)


def wavelet_information_fidelity(reference: Tensor, distorted: Tensor) -> Tensor:
    r"""Wavelet-domain visual information fidelity of single images.

    .. math::
        \mathrm{VIF} = \frac
        {\sum_k \sum_i \sum_{j=1}^{9}
         \log_2 \left(1 + \frac{g_{ki}^2 s_{ki} \lambda_{kj}}{\sigma_{ki}^2 + 0.4}\right)}
        {\sum_k \sum_i \sum_{j=1}^{9}
         \log_2 \left(1 + \frac{s_{ki} \lambda_{kj}}{0.4}\right)}

    over the subbands k (2 orientations at 4 levels) and their blocks i of 3x3 coefficients:
    the reference's blocks are a Gaussian scale mixture, scale s and covariance with the
    eigenvalues :math:`\lambda`; gain g and noise :math:`\sigma^2` regress the distorted
    subband on the reference's in a uniform window around the block, of 17, 9, 5 and 3
    coefficients from the finest level to the coarsest. Blocks whose windows leave the
    subband do not count. Not meant to be differentiated.

    Args:
        reference (Tensor): (B, 1, H, W), float64, levels in 0..255; sides at least 65.
        distorted (Tensor): The same dtype, (*, B, 1, H, W).

    Returns:
        Tensor: (*, B), at least 0; 1 for equal images, 0 for a constant reference, which
        holds no information to keep.
    """
    kept = total = 0
    for (level, ref), (_, dist) in zip(_subbands(reference), _subbands(distorted), strict=True):
        radius = 2 ** (_LEVELS - 1 - level)
        size = 2 * radius + 1
        margin = -(-radius // _BLOCK)
        # Where the window around the centre of the first block that counts begins.
        first = _BLOCK * margin + _BLOCK // 2 - radius
        _, _, var_dist, var_ref, cov = local_moments(
            dist[..., first:-first, first:-first],
            ref[..., first:-first, first:-first],
            (1 / size,) * size,
            stride=_BLOCK,
        )
        gain, noise = distortion_channel(var_ref, var_dist, cov)
        eigenvalues, scales = _gaussian_scale_mixture(ref)
        scales = scales[..., margin:-margin, margin:-margin]
        signal = scales * eigenvalues[:, :, None, None] / _NOISE
        total = total + torch.log10(1 + signal).sum((-3, -2, -1))
        signal = signal * (gain * gain * _NOISE / (noise + _NOISE))
        kept = kept + torch.log10(1 + signal).sum((-3, -2, -1))
    empty = total == 0
    return torch.where(empty, 0, kept / torch.where(empty, 1, total))
