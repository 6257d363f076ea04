import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from tsjnet_mm.metrics import wavelet_vif
from tsjnet_mm.metrics.wavelet_vif import wavelet_information_fidelity


def _kernel(quadrant, across=1, down=1):
    quadrant = np.array(quadrant)
    lower = np.hstack([across * quadrant[:, :0:-1], quadrant])
    return np.vstack([down * lower[:0:-1], lower])


def _subbands(image):
    low = correlate(image, _kernel(wavelet_vif._LOW_PASS_0), mode='mirror')
    horizontal = _kernel(wavelet_vif._HORIZONTAL_BAND, across=-1)
    for _ in range(4):
        for kernel in (horizontal, horizontal.T):
            yield correlate(low, kernel, mode='mirror')
        low = correlate(low, _kernel(wavelet_vif._LOW_PASS), mode='mirror')[::2, ::2]


def _literal(reference, distorted):
    """The paper's formulas with the windows of the authors' release, block by block."""
    kept = there = 0.0
    pairs = zip(_subbands(reference), _subbands(distorted), strict=True)
    for number, (ref, dist) in enumerate(pairs):
        radius = (8, 4, 2, 1)[number // 2]
        rows, columns = (side // 3 for side in ref.shape)
        ref, dist = ref[: 3 * rows, : 3 * columns], dist[: 3 * rows, : 3 * columns]
        vectors = [
            ref[top : top + 3, left : left + 3].ravel()
            for top in range(3 * rows - 2)
            for left in range(3 * columns - 2)
        ]
        covariance = np.cov(np.transpose(vectors), bias=True)
        margin = int(np.ceil(radius / 3))
        for row in range(margin, rows - margin):
            for column in range(margin, columns - margin):
                block = ref[3 * row : 3 * row + 3, 3 * column : 3 * column + 3].ravel()
                scale = block @ np.linalg.inv(covariance) @ block / 9
                window = tuple(
                    slice(3 * place + 1 - radius, 3 * place + 2 + radius)
                    for place in (row, column)
                )
                (var_r, cov), (_, var_d) = np.cov(
                    ref[window].ravel(), dist[window].ravel(), bias=True
                )
                gain = max(cov / var_r, 0)
                noise = var_d - gain * cov
                for value in np.linalg.eigvalsh(covariance):
                    kept += np.log2(1 + gain**2 * scale * value / (noise + 0.4))
                    there += np.log2(1 + scale * value / 0.4)
    return kept / there


def _images():
    """A reference and a distorted image that anyone can make again."""
    rows, columns = np.mgrid[:97, :110]
    reference = 120 + 50 * np.sin(rows / 7) * np.cos(columns / 5)
    reference = (reference + 30 * np.cos(rows * columns / 90)).round()
    distorted = (0.8 * reference + 15 * np.sin(columns / 1.7) + 20).round()
    return tuple(torch.from_numpy(image)[None, None] for image in (reference, distorted))


def test_equals_the_literal_formula():
    images = _images()
    for reference, distorted in (images, images[::-1]):
        expected = _literal(reference[0, 0].numpy(), distorted[0, 0].numpy())
        ours = wavelet_information_fidelity(reference, distorted).item()
        assert ours == pytest.approx(expected, abs=1e-8)


def test_equals_the_authors_release():
    """Values of vifvec, and of pyiqa 0.1.13 in double precision; single gives 2e-4 more."""
    reference, distorted = _images()
    there = wavelet_information_fidelity(reference, distorted).item()
    back = wavelet_information_fidelity(distorted, reference).item()
    assert there == pytest.approx(0.551332943020, abs=1e-9)
    assert back == pytest.approx(0.631054986165, abs=1e-9)


def test_several_distorted_images_of_one_reference(triple):
    fused, ir, vi = (torch.cat((image, image.flip(2)), 2) for image in triple)
    both = wavelet_information_fidelity(fused, torch.stack((ir, vi)))
    assert both.shape == (2, 3)
    for value, source in zip(both, (ir, vi), strict=True):
        single = [
            wavelet_information_fidelity(fused[i : i + 1], source[i : i + 1]) for i in range(3)
        ]
        torch.testing.assert_close(value, torch.cat(single), rtol=1e-12, atol=0)


def test_invariants():
    reference, _ = _images()
    middle = reference.mean()

    def value(distorted):
        return wavelet_information_fidelity(reference, distorted).item()

    assert value(reference) == pytest.approx(1, abs=1e-9)
    assert value(reference + 20) == pytest.approx(1, abs=1e-9)
    assert value(middle + 1.3 * (reference - middle)) > 1
    assert value(middle + 0.7 * (reference - middle)) < 1
    assert value(255 - reference) == 0


def test_horizontal_and_vertical_structures_are_equal():
    reference, distorted = _images()
    torch.testing.assert_close(
        wavelet_information_fidelity(reference.mT, distorted.mT),
        wavelet_information_fidelity(reference, distorted),
        rtol=1e-9,
        atol=0,
    )


@pytest.mark.parametrize('level', [0.0, 100.1, 255.0])
def test_constant_images(level):
    image = _images()[0]
    constant = torch.full_like(image, level)
    assert wavelet_information_fidelity(image, constant).item() == 0
    assert wavelet_information_fidelity(constant, image).item() == 0
    assert wavelet_information_fidelity(constant, constant).item() == 0


def test_image_of_equal_rows():
    """Its blocks span 3 of their 9 dimensions; what is rounding in the others stays out."""
    columns = torch.arange(96, dtype=torch.float64)
    row = (120 + 60 * torch.sin(columns / 3) + 40 * torch.cos(columns**2 / 200)).round()
    image = row.expand(1, 1, 80, 96)
    noise = 5 * torch.rand(1, 1, 80, 96, dtype=torch.float64)
    value = wavelet_information_fidelity(image, image + noise).item()
    assert 0 < value < 1
    again = wavelet_information_fidelity(image + 1e-6 * noise, image + noise).item()
    assert again == pytest.approx(value, abs=1e-6)


def test_smallest_size():
    reference, distorted = _images()
    value = wavelet_information_fidelity(reference[..., :65, :65], distorted[..., :65, :65])
    assert 0 < value.item() < 1
