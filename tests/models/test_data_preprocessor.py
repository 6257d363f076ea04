import torch
from mmengine.structures import PixelData

from tsjnet_mm.models.data_preprocessor import PairDataPreprocessor
from tsjnet_mm.structures import FusionDataSample


def pairs():
    torch.manual_seed(0)
    sizes = [(20, 24), (18, 30)]
    samples = []
    for size in sizes:
        sample = FusionDataSample(metainfo={'img_shape': size})
        sample.gt_sem_seg = PixelData(data=torch.ones(1, *size, dtype=torch.int64))
        samples.append(sample)
    inputs = {
        'ir': [torch.rand(1, *size) for size in sizes],
        'vi': [torch.rand(3, *size) for size in sizes],
    }
    return {'inputs': inputs, 'data_samples': samples}


def test_smaller_pairs_are_continued_by_their_last_pixels():
    data = pairs()
    out = PairDataPreprocessor()(data)
    assert out['inputs']['ir'].shape == (2, 1, 20, 30)
    assert out['inputs']['vi'].shape == (2, 3, 20, 30)
    for name in ('ir', 'vi'):
        batch, images = out['inputs'][name], data['inputs'][name]
        torch.testing.assert_close(batch[0, :, :, :24], images[0])
        torch.testing.assert_close(batch[0, :, :, 24:], images[0][:, :, -1:].expand(-1, -1, 6))
        torch.testing.assert_close(batch[1, :, 18:], images[1][:, -1:].expand(-1, 2, -1))
    assert [sample.batch_input_shape for sample in out['data_samples']] == [(20, 30)] * 2


def test_masks_are_padded_with_ignore_in_training_only():
    tested = PairDataPreprocessor()(pairs(), training=False)['data_samples']
    assert tested[0].gt_sem_seg.shape == (20, 24)
    trained = PairDataPreprocessor()(pairs(), training=True)['data_samples']
    for sample in trained:
        mask = sample.gt_sem_seg.data
        height, width = sample.img_shape
        assert mask.shape == (1, 20, 30)
        assert (mask[:, :height, :width] == 1).all()
        assert (mask == 255).sum() == 20 * 30 - height * width


def test_stacked_tensors_pass():
    ir, vi = torch.rand(2, 1, 8, 8), torch.rand(2, 3, 8, 8)
    out = PairDataPreprocessor()({'inputs': {'ir': ir, 'vi': vi}})
    torch.testing.assert_close(out['inputs']['vi'], vi)
    assert out['data_samples'] is None
