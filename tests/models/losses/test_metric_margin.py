import math
import re

import pytest
import torch

from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.models.fusors import LaplacianPyramidFusor
from tsjnet_mm.models.losses import MetricMarginLoss, margin_loss
from tsjnet_mm.registry import MODELS

DIFFERENTIABLE = ('SSIM', 'PSNR', 'MSE', 'CC', 'CV', 'VIF', 'Qabf', 'SF', 'SD', 'AG', 'SCD')


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 2, 1, 12, 12, generator=generator)
    fine = torch.rand(2, 2, 1, 48, 48, generator=generator)
    return [
        0.8 * torch.nn.functional.interpolate(c, 48, mode='bilinear') + 0.2 * f
        for c, f in zip(coarse, fine, strict=True)
    ]


def test_margin_loss_is_softplus_of_what_is_missing():
    values, reference = torch.tensor([0.5, 0.7]), torch.tensor([0.4, 0.8])
    expected = (math.log1p(math.exp(1 - 2)) + math.log1p(math.exp(1 + 2))) / 2
    assert margin_loss(values, reference, 0.05).item() == pytest.approx(expected)
    turned = margin_loss(-values, -reference, 0.05, higher_is_better=False)
    assert turned.item() == pytest.approx(expected)
    values, reference = torch.tensor([9.0]), torch.tensor([99.0])
    lead = math.log(100 / 10) / 0.5
    found = margin_loss(
        values, reference, 0.5, higher_is_better=False, margin=3.0, relative=True
    )
    assert found.item() == pytest.approx(math.log1p(math.exp(3 - lead)), rel=1e-6)
    with pytest.raises(ValueError, match='above 0, got 0'):
        margin_loss(values, reference, 0)


@pytest.mark.parametrize('metric', DIFFERENTIABLE)
def test_the_reference_itself_is_worth_the_margin(metric, pair):
    ir, vi = pair
    fused = LaplacianPyramidFusor().fuse(ir, vi)
    loss = MetricMarginLoss(metric, scale=0.1, margin=2.0, loss_weight=3.0)
    value = loss({'fused': fused, 'ir': ir, 'vi': vi})
    assert value.item() == pytest.approx(3 * math.log1p(math.exp(2)), rel=1e-4)


@pytest.mark.parametrize('metric', DIFFERENTIABLE)
def test_descent_improves_the_metric(metric, pair):
    ir, vi = pair
    fused = (0.8 * ir + 0.2 * vi).requires_grad_()
    info = FUSION_METRICS[metric]

    def measure():
        return info.function(*(image.detach() * 255 for image in (fused, ir, vi))).mean()

    before = measure()
    loss = MetricMarginLoss(metric, scale=0.1 * before.abs().item())
    optimizer = torch.optim.Adam([fused], lr=1e-3)
    for _ in range(10):
        optimizer.zero_grad()
        loss({'fused': fused, 'ir': ir, 'vi': vi}).backward()
        assert fused.grad.isfinite().all()
        optimizer.step()
    better = measure() - before
    assert (better if info.higher_is_better else -better) > 0


def test_images_with_nothing_to_fuse_are_left_out(pair):
    ir, vi = pair
    fused = ((ir + vi) / 2).requires_grad_()
    loss = MetricMarginLoss('CC', scale=0.1)
    single = loss({'fused': fused[:1], 'ir': ir[:1], 'vi': vi[:1]})
    vi[1] = 0.5
    with_flat = loss({'fused': fused, 'ir': ir, 'vi': vi})
    torch.testing.assert_close(with_flat, single)
    # It may be either image that is flat.
    torch.testing.assert_close(loss({'fused': fused, 'ir': vi, 'vi': ir}), with_flat)
    vi[0] = 0.5
    nothing = loss({'fused': fused, 'ir': ir, 'vi': vi})
    nothing.backward()
    assert nothing == 0 and (fused.grad == 0).all()


def test_what_counts_as_flat_is_an_option(pair):
    ir, vi = pair
    ir[1] = 0.5 + 5 / 255 * torch.tensor([-1.0, 1.0]).repeat(24)  # Deviates by 5 levels.
    outputs = {'fused': (ir + vi) / 2, 'ir': ir, 'vi': vi}
    first, both = ({name: image[:count] for name, image in outputs.items()} for count in (1, 2))
    strict = MetricMarginLoss('CC', scale=0.1, min_deviation=6.0)
    torch.testing.assert_close(strict(dict(both)), strict(dict(first)))
    usual = MetricMarginLoss('CC', scale=0.1)
    assert abs(usual(dict(both)) - usual(dict(first))) > 1e-3


def test_terms_of_other_references_keep_apart(pair):
    ir, vi = pair
    outputs = {'fused': (ir + vi) / 2, 'ir': ir, 'vi': vi}
    terms = [
        MetricMarginLoss('SF', scale=1.0, reference={'type': kind})
        for kind in ('LaplacianPyramidFusor', 'AverageFusor')
    ]
    alone = [term(dict(outputs)).item() for term in terms]
    assert [term(outputs).item() for term in terms] == alone
    # The average is its own reference.
    assert alone[1] == pytest.approx(math.log1p(math.e)) and alone[0] > alone[1] + 0.1


def test_downsampling_averages_squares(pair):
    ir, vi = pair
    fused = (ir + vi) / 2
    small = [torch.nn.functional.avg_pool2d(image, 2) for image in (fused, ir, vi)]
    reference = torch.nn.functional.avg_pool2d(LaplacianPyramidFusor().fuse(ir, vi), 2)
    ssim = FUSION_METRICS['SSIM'].function
    values, expected_values = (
        ssim(image * 255, small[1] * 255, small[2] * 255) for image in (small[0], reference)
    )
    loss = MetricMarginLoss('SSIM', scale=0.02, downsample=2)
    found = loss({'fused': fused, 'ir': ir, 'vi': vi})
    torch.testing.assert_close(found, margin_loss(values, expected_values, 0.02))


def test_every_metric_of_the_docstring_can_be_asked_for(pair):
    ir, vi = pair
    options = MetricMarginLoss.__doc__.split('scale (float)')[0]
    named = re.findall(r"``'(\w+)'``", options)
    assert {'SSIM', 'MSE', 'VIF', 'Qabf'} < set(named)
    for metric in named:
        fused = (0.6 * ir + 0.4 * vi).requires_grad_()
        MetricMarginLoss(metric, 1e4)({'fused': fused, 'ir': ir, 'vi': vi}).backward()
        assert fused.grad.abs().sum() > 0, metric


def test_metrics_without_a_gradient_are_refused_in_training(pair):
    ir, vi = pair
    loss = MetricMarginLoss('EN', scale=0.1)
    loss({'fused': (ir + vi) / 2, 'ir': ir, 'vi': vi})  # To measure is allowed.
    with pytest.raises(ValueError, match='EN has no gradient'):
        loss({'fused': ((ir + vi) / 2).requires_grad_(), 'ir': ir, 'vi': vi})


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="'SSMI' is none of SSIM, "):
        MetricMarginLoss('SSMI', scale=1)
    with pytest.raises(ValueError, match='the reference method must have no weights'):
        MetricMarginLoss('SSIM', scale=1, reference={'type': 'ReCoNet', 'channels': 2})


def test_is_registered():
    loss = MODELS.build({'type': 'MetricMarginLoss', 'metric': 'CV', 'scale': 0.1})
    assert 'CV by 0.1' in repr(loss)


def test_the_old_keyword_warns_and_means_the_same(pair):
    ir, vi = pair
    outputs = {'fused': (ir + vi) / 2, 'ir': ir, 'vi': vi}
    average = {'type': 'AverageFusor'}
    config = {'type': 'MetricMarginLoss', 'metric': 'SF', 'scale': 1.0, 'rival': average}
    with pytest.warns(DeprecationWarning, match='rival is now reference'):
        old = MODELS.build(config)
    new = MetricMarginLoss('SF', 1.0, reference=average)
    assert old(dict(outputs)) == new(dict(outputs))
    assert old(dict(outputs)) != MetricMarginLoss('SF', 1.0)(dict(outputs))
    with pytest.raises(TypeError, match='both rival and reference'):
        MetricMarginLoss('SF', 1.0, reference=average, rival=average)
