import pytest
import torch

from tsjnet_mm.models.losses import ObjectBrightnessLoss, object_brightness_loss
from tsjnet_mm.models.losses.object_brightness import around_boxes
from tsjnet_mm.registry import MODELS

BOX = torch.tensor([[16.0, 16.0, 48.0, 48.0]])


def flat(*levels, side=96):
    return [torch.full((1, 1, side, side), level) for level in levels]


def scores(*values):
    return [[torch.tensor([value])] for value in values]


def test_masks_reach_around_boxes():
    masks = around_boxes(torch.tensor([[2.0, 1, 4, 3], [-5.0, 0, 1, 8]]), (6, 8), 0.5)
    assert masks.shape == (2, 6, 8)
    assert masks[0].nonzero().aminmax(dim=0)[0].tolist() == [0, 1]
    assert masks[0].nonzero().aminmax(dim=0)[1].tolist() == [3, 4]
    assert masks[0].sum() == 4 * 4
    assert masks[1].sum() == 6 * 4  # 6 wide, 3 more on each side: to x = 4


@pytest.mark.parametrize(
    'ir_score, vi_score, share, target',
    [
        (0.0, 0.9, 1.0, 0.8),  # seen in the visible alone
        (0.9, 0.0, 1.0, 0.2),
        (0.9, 0.0, 0.7, 0.7 * 0.2 + 0.3 * 0.8),
        (0.4, 0.4, 0.7, 0.5),  # seen in both, or in neither
        (0.0, 0.0, 1.0, 0.5),
    ],
)
def test_target_is_the_source_that_shows_the_object(ir_score, vi_score, share, target):
    for level in (0.1, 0.6):
        loss = object_brightness_loss(
            *flat(level, 0.2, 0.8), [BOX], *scores(ir_score, vi_score), share=share
        )
        assert loss == pytest.approx(abs(level - target), abs=2e-4)


def test_scores_a_softness_apart_weigh_e_times_as_much():
    loss = object_brightness_loss(
        *flat(0.0, 0.0, 1.0), [BOX], *scores(0.3, 0.5), softness=0.2, share=1.0
    )
    assert loss == pytest.approx(torch.e / (1 + torch.e), abs=1e-5)


def test_only_the_surroundings_of_objects_count():
    ir, vi = flat(0.2, 0.8)
    fused = vi.clone()
    fused[..., 80:] = 0  # 32 pixels beside the box
    given = [BOX], *scores(0.0, 1.0)
    near = object_brightness_loss(fused, ir, vi, *given, grow=0.5, share=1.0)
    far = object_brightness_loss(fused, ir, vi, *given, grow=2.0, share=1.0)
    assert near < 1e-3 < far


def test_detail_is_free_and_only_local_means_count():
    ir, vi = flat(0.2, 0.8)
    stripes = vi + 0.1 * torch.tensor([1.0, -1.0]).repeat(48)
    loss = object_brightness_loss(stripes, ir, vi, [BOX], *scores(0.0, 1.0), share=1.0)
    assert loss < 1e-3


@pytest.mark.parametrize('background, target', [(1.0, 0.8), (0.7, 0.62), (0.0, 0.2)])
def test_background_is_drawn_to_its_share_of_the_visible(background, target):
    none = [torch.zeros(0, 4)], [torch.zeros(0)], [torch.zeros(0)]
    loss = object_brightness_loss(*flat(0.5, 0.2, 0.8), *none, background=background)
    assert loss == pytest.approx(abs(0.5 - target), abs=1e-5)


def test_objects_and_background_count_alike_whatever_their_area():
    fused, ir, vi = flat(0.2, 0.2, 0.8)  # right at the object, .6 away elsewhere
    given = [BOX], *scores(1.0, 0.0)
    loss = object_brightness_loss(fused, ir, vi, *given, share=1.0, background=1.0)
    assert loss == pytest.approx(0.6, abs=1e-3)
    loss = object_brightness_loss(vi, ir, vi, *given, share=1.0, background=1.0)
    assert loss == pytest.approx(0.6, abs=1e-3)
    # Of two pairs the squares count, not the pairs.
    pairs = [torch.cat((image, image)) for image in (fused, ir, vi)]
    loss = object_brightness_loss(
        *pairs,
        [BOX, torch.zeros(0, 4)],
        [torch.tensor([1.0]), torch.zeros(0)],
        [torch.tensor([0.0]), torch.zeros(0)],
        share=1.0,
        background=1.0,
    )
    assert loss == pytest.approx(0.6, abs=1e-3)


def test_pairs_without_objects_have_no_loss_and_a_gradient():
    fused = torch.rand(2, 1, 32, 32, requires_grad=True)
    none = [torch.zeros(0, 4)] * 2, [torch.zeros(0)] * 2, [torch.zeros(0)] * 2
    loss = object_brightness_loss(fused, fused.detach(), fused.detach(), *none)
    loss.backward()
    assert loss == 0 and fused.grad.abs().sum() == 0


@pytest.mark.parametrize('side', [33, 64])
def test_sides_need_not_be_multiples_of_the_window(side):
    images = flat(0.5, 0.5, 0.5, side=side)
    assert object_brightness_loss(*images, [BOX], *scores(0.0, 1.0)) < 1e-6


def test_module_weighs_and_refuses_what_makes_no_sense():
    module = MODELS.build({'type': 'ObjectBrightnessLoss', 'loss_weight': 3.0, 'share': 1.0})
    fused, ir, vi = flat(0.4, 0.2, 0.8)
    outputs = {'fused': fused, 'ir': ir, 'vi': vi}
    assert module(outputs, [BOX], *scores(0.0, 1.0)) == pytest.approx(1.2, abs=1e-3)
    for wrong in ({'window': 0}, {'softness': 0}, {'grow': -1}, {'share': 0.4}):
        with pytest.raises(ValueError, match=r'share from 0\.5 to 1'):
            ObjectBrightnessLoss(**wrong)
    with pytest.raises(ValueError, match='background must be from 0 to 1 or None, got 2'):
        ObjectBrightnessLoss(background=2)
    module = ObjectBrightnessLoss(background=1.0)
    none = [torch.zeros(0, 4)], [torch.zeros(0)], [torch.zeros(0)]
    assert module(outputs, *none) == pytest.approx(0.4, abs=1e-5)
