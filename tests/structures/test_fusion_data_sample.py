import pytest
import torch
from mmdet.models.utils import unpack_gt_instances
from mmengine.structures import InstanceData, PixelData

from tsjnet_mm.structures import FusionDataSample

INSTANCES = ('gt_instances', 'ignored_instances', 'pred_instances')
PIXELS = ('gt_sem_seg', 'fused', 'pred_sem_seg')


def instances(count):
    return InstanceData(
        bboxes=torch.rand(count, 4), labels=torch.zeros(count, dtype=torch.long)
    )


def pixels(height=4, width=5):
    return PixelData(data=torch.rand(1, height, width))


@pytest.mark.parametrize('name', INSTANCES)
def test_instance_fields(name):
    value = instances(2)
    sample = FusionDataSample(**{name: value})
    assert getattr(sample, name) is value
    with pytest.raises(AssertionError, match='InstanceData'):
        setattr(sample, name, pixels())


@pytest.mark.parametrize('name', PIXELS)
def test_pixel_fields(name):
    value = pixels()
    sample = FusionDataSample(**{name: value})
    assert getattr(sample, name) is value
    with pytest.raises(AssertionError, match='PixelData'):
        setattr(sample, name, torch.rand(1, 4, 5))


@pytest.mark.parametrize('name', INSTANCES + PIXELS)
def test_fields_are_absent_until_set_and_after_deletion(name):
    sample = FusionDataSample()
    assert name not in sample
    with pytest.raises(AttributeError):
        getattr(sample, name)
    setattr(sample, name, instances(1) if name in INSTANCES else pixels())
    assert name in sample
    delattr(sample, name)
    assert name not in sample


def test_metainfo_is_kept_apart_from_data():
    sample = FusionDataSample(
        metainfo={'img_shape': (4, 5), 'ir_path': 'ir/1.png'}, fused=pixels()
    )
    assert sample.img_shape == (4, 5)
    assert set(sample.metainfo_keys()) == {'img_shape', 'ir_path'}
    assert sample.keys() == ['fused']


def test_mmdet_unpacks_it():
    first = FusionDataSample(metainfo={'img_shape': (4, 5)}, gt_instances=instances(2))
    second = FusionDataSample(gt_instances=instances(0), ignored_instances=instances(1))
    found, ignored, metas = unpack_gt_instances([first, second])
    assert found[0] is first.gt_instances
    assert [len(item) for item in found] == [2, 0]
    assert ignored == [None, second.ignored_instances]
    assert metas[0]['img_shape'] == (4, 5)


def test_mmseg_stacks_its_masks():
    from mmseg.models.decode_heads import FCNHead

    head = FCNHead(
        in_channels=2,
        channels=2,
        num_classes=3,
        num_convs=0,
        concat_input=False,
        loss_decode={'type': 'mmseg.CrossEntropyLoss'},
    )
    samples = [FusionDataSample(gt_sem_seg=pixels()) for _ in range(2)]
    masks = head._stack_batch_gt(samples)
    assert masks.shape == (2, 1, 4, 5)
    torch.testing.assert_close(masks[1], samples[1].gt_sem_seg.data)


def test_conversion_reaches_every_field():
    sample = FusionDataSample(gt_instances=instances(1), fused=pixels()).to(torch.float64)
    assert sample.fused.data.dtype == torch.float64
    assert sample.gt_instances.bboxes.dtype == torch.float64
