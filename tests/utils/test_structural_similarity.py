import pytest
import torch
from skimage import metrics
from torch.autograd import gradcheck

from tsjnet_mm.utils.ssim_terms import similarity_terms, structural_similarity


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(2, 3, 21, 26, generator=generator, dtype=torch.float64)
    return a, (0.7 * a + 0.3 * torch.rand(a.shape, generator=generator, dtype=a.dtype))


@pytest.mark.parametrize('data_range', [1.0, 255.0])
def test_map_equals_scikit_image(images, data_range):
    a, b = (image * data_range for image in images)
    ours = structural_similarity(a, b, data_range, reduction='none')
    assert ours.shape == (2, 3, 11, 16)
    _, full = metrics.structural_similarity(
        a[1, 2].numpy(),
        b[1, 2].numpy(),
        gaussian_weights=True,
        use_sample_covariance=False,
        data_range=data_range,
        full=True,
    )
    expected = torch.from_numpy(full[5:-5, 5:-5].copy())
    torch.testing.assert_close(ours[1, 2], expected, rtol=0, atol=1e-12)


def test_terms_of_sample_statistics_equal_scikit_image(images):
    a, b = images
    luminance, structure = similarity_terms(a, b, (0.2,) * 5, 1.0, unbiased=True)
    assert luminance.shape == structure.shape == (2, 3, 17, 22)
    _, full = metrics.structural_similarity(
        a[1, 2].numpy(), b[1, 2].numpy(), win_size=5, data_range=1.0, full=True
    )
    expected = torch.from_numpy(full[2:-2, 2:-2].copy())
    torch.testing.assert_close((luminance * structure)[1, 2], expected, rtol=0, atol=1e-12)


def test_terms_of_several_images_and_one(images):
    a, b = images
    several = similarity_terms(torch.stack((a, 1 - a)), b, (0.2,) * 5, 1.0)
    for term, expected in zip(several, similarity_terms(1 - a, b, (0.2,) * 5, 1.0)):
        torch.testing.assert_close(term[1], expected)


def test_reductions(images):
    full = structural_similarity(*images, 1.0, reduction='none')
    per_image = structural_similarity(*images, 1.0, reduction='image')
    torch.testing.assert_close(per_image, full.mean((1, 2, 3)))
    torch.testing.assert_close(structural_similarity(*images, 1.0), full.mean())


def test_symmetric_and_one_for_equal_images(images):
    a, b = images
    torch.testing.assert_close(
        structural_similarity(a, b, 1.0), structural_similarity(b, a, 1.0)
    )
    assert structural_similarity(a, a, 1.0).item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize('data_range', [1.0, 255.0])
def test_float32_on_a_bright_flat_ground(data_range):
    torch.manual_seed(0)
    a = (0.98 + 0.01 * torch.rand(1, 1, 40, 40)) * data_range
    b = (0.98 + 0.01 * torch.rand(1, 1, 40, 40)) * data_range
    exact = structural_similarity(a.double(), b.double(), data_range)
    assert abs(structural_similarity(a, b, data_range).item() - exact.item()) < 1e-4


def test_float32_under_autocast(images):
    a, b = (image.float() for image in images)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = structural_similarity(a, b, 1.0)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(structural_similarity(*images, 1.0).item(), abs=1e-5)


def test_other_windows(images):
    values = [
        structural_similarity(*images, 1.0, window_size=size, sigma=sigma).item()
        for size, sigma in ((11, 1.5), (7, 1.5), (11, 3.0))
    ]
    assert len({round(value, 6) for value in values}) == 3


def test_gradient():
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, 1, 12, 13, dtype=torch.float64)
    assert gradcheck(
        lambda a, b: structural_similarity(a, b, 1.0), (a.requires_grad_(), b.requires_grad_())
    )


def test_gradient_of_flat_images_is_finite():
    a = torch.full((1, 1, 16, 16), 0.5, requires_grad=True)
    structural_similarity(a, torch.full((1, 1, 16, 16), 0.4), 1.0).backward()
    assert a.grad.isfinite().all()


def test_errors(images):
    a, b = images
    with pytest.raises(TypeError, match=r'b must be .* got ndarray'):
        structural_similarity(a, b.numpy(), 1.0)
    with pytest.raises(TypeError, match=r'a must be float32 or float64, got .*float16'):
        structural_similarity(a.half(), b, 1.0)
    with pytest.raises(ValueError, match=r'shape \(B, C, H, W\), got \(3, 21, 26\)'):
        structural_similarity(a[0], b[0], 1.0)
    with pytest.raises(ValueError, match='agree in shape and dtype'):
        structural_similarity(a, b[..., 1:], 1.0)
    with pytest.raises(ValueError, match='at least 11 pixels, got 10x26'):
        structural_similarity(a[:, :, :10], b[:, :, :10], 1.0)
    with pytest.raises(ValueError, match='data_range must be above 0, got 0'):
        structural_similarity(a, b, 0)
    with pytest.raises(ValueError, match=r"reduction must be one of .* got 'sum'"):
        structural_similarity(a, b, 1.0, reduction='sum')
