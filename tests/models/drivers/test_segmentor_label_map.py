"""A segmentor with other classes than the data set drives by a label_map."""

import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.drivers import SegmentationDriver

#: The four classes of the segmentor: the data set's second is two of them, its third none.
MAP = [3, [0, 2], -1]
THREE = {'seg_classes': ('ground', 'car', 'cone')}


@pytest.fixture
def driver(tiny_segmentor):
    return SegmentationDriver(tiny_segmentor, label_map=MAP, allow_random=True)


def test_loss_is_the_cross_entropy_of_summed_probabilities(driver, pair_batch):
    luma, visible = pair_batch['inputs']['ir'].requires_grad_(), pair_batch['inputs']['vi']
    samples = pair_batch['data_samples']
    samples[0].gt_sem_seg.data[:, 60:, :20] = 2  # Of no class of the segmentor: ignored.
    samples[1].gt_sem_seg.data[samples[1].gt_sem_seg.data == 3] = 1
    losses = driver.loss(luma, visible, samples)
    assert list(losses) == ['decode.loss_ce']
    inputs, _ = driver.prepare(luma, visible, [driver._annotated(s, (64, 96)) for s in samples])
    logits = F.interpolate(driver.model(inputs, mode='tensor'), (64, 96), mode='bilinear')
    shares = logits[:, [3, 0, 2]].softmax(1)
    shares = torch.stack([shares[:, 0], shares[:, 1] + shares[:, 2]], 1)
    masks = torch.cat([sample.gt_sem_seg.data for sample in samples])
    picked = [-shares[:, index][masks == index].log() for index in (0, 1)]
    expected = torch.cat(picked).mean()
    torch.testing.assert_close(losses['decode.loss_ce'], expected)
    losses['decode.loss_ce'].backward()
    assert luma.grad.abs().sum() > 0


def test_a_batch_without_known_pixels_gives_no_loss(driver, pair_batch):
    for sample in pair_batch['data_samples']:
        sample.gt_sem_seg.data[:] = 255
    images = pair_batch['inputs']['ir'], pair_batch['inputs']['vi']
    assert driver.loss(*images, pair_batch['data_samples'])['decode.loss_ce'].item() == 0


def test_predictions_are_in_the_data_sets_classes(tiny_segmentor, pair_batch):
    images = pair_batch['inputs']['ir'], pair_batch['inputs']['vi']
    samples = pair_batch['data_samples']
    plain = SegmentationDriver(tiny_segmentor)
    torch.nn.init.normal_(plain.model.decode_head.conv_seg.weight, std=5)
    renamed = SegmentationDriver(tiny_segmentor, label_map=[1, -1, 0, 3, 2])
    renamed.load_state_dict(plain.state_dict())
    table = torch.tensor([2, 0, 4, 3])  # The data set's class of each of the segmentor's.
    for own, other in zip(plain.predict(*images, samples), renamed.predict(*images, samples)):
        assert len(own.data.unique()) > 1
        assert torch.equal(other.data, table[own.data])
    assert renamed.unknown == [1]


def test_maps_that_do_not_fit_are_refused(tiny_segmentor, driver):
    driver.check(THREE)
    with pytest.raises(ValueError, match=r'label_map has 3 entries, the data set 2 classes'):
        driver.check({'seg_classes': ('ground', 'car')})
    for wrong, told in (
        ([0, 4, -1], "the segmentor's 4 classes, 0 to 3, .* its highest is 4"),
        ([-1, -1, -1], 'its highest is -1'),
    ):
        bad = SegmentationDriver(tiny_segmentor, label_map=wrong, allow_random=True)
        with pytest.raises(ValueError, match=told):
            bad.check(THREE)
    for wrong, told in (
        ([0, [1, 0], -1], r'twice: \[0\]'),
        ([0, -2, 1], 'from 0 up'),
        ([0, [1, -1]], 'from 0 up'),
        ([0, 'car'], 'from 0 up'),
    ):
        with pytest.raises(ValueError, match=told):
            SegmentationDriver(tiny_segmentor, label_map=wrong)
    with pytest.raises(ValueError, match='give the driver a label_map'):
        SegmentationDriver(tiny_segmentor, allow_random=True).check(THREE)
