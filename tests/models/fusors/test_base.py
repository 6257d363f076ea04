import pytest
import torch

from tsjnet_mm.models.fusors import AverageFusor
from tsjnet_mm.registry import MODELS

IR, VI = torch.rand(2, 1, 20, 24), torch.rand(2, 3, 20, 24)


@pytest.mark.parametrize(
    ('ir', 'vi', 'error', 'message'),
    [
        (IR.numpy(), VI, TypeError, 'ir must be a torch.Tensor'),
        (IR, (VI * 255).byte(), TypeError, 'vi must be floating point'),
        (IR[0], VI, ValueError, r'ir must have shape \(B, 1, H, W\)'),
        (IR, VI[:, :2], ValueError, r'vi must have shape \(B, 1 or 3, H, W\)'),
        (IR[:1], VI, ValueError, 'one batch size'),
        (IR[..., :20], VI, ValueError, 'one image size'),
    ],
)
def test_fuse_names_what_is_wrong(ir, vi, error, message):
    with pytest.raises(error, match=message):
        AverageFusor().fuse(ir, vi)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
def test_values_that_are_not_finite_are_refused_by_name(value):
    for name in ('ir', 'vi'):
        pair = {'ir': IR.clone(), 'vi': VI.clone()}
        pair[name][1, 0, 3, 4:6] = value
        with pytest.raises(ValueError, match=rf'{name} holds values .*\(2 of image 1\)'):
            AverageFusor().fuse(**pair)


def test_results_that_are_not_finite_are_refused(tiny_fusor):
    fusor = MODELS.build(tiny_fusor).eval()
    with torch.no_grad():
        next(p for p in fusor.parameters() if p.dim() == 4).fill_(float('nan'))
        with pytest.raises(
            ValueError, match=r'the fused image holds values .*TSJNet are damaged'
        ):
            fusor.fuse(IR, VI)


def test_too_small_for_a_network(tiny_fusor):
    fusor = MODELS.build(tiny_fusor)
    with pytest.raises(ValueError, match='from 16x16 up, got'):
        fusor.fuse(IR[..., :15, :], VI[..., :15, :])


def test_predict_crops_to_each_pair(pair_batch):
    samples = pair_batch['data_samples']
    samples[1].set_metainfo({'img_shape': (50, 96)})
    fusor = AverageFusor()
    fused = fusor(pair_batch['inputs'])
    out = fusor(**pair_batch, mode='predict')
    assert out[0].fused.shape == (64, 96)
    assert out[1].fused.shape == (50, 96)
    torch.testing.assert_close(out[1].fused.data, fused[1, :, :50])


def test_predict_without_samples_makes_them(pair_batch):
    out = AverageFusor()(pair_batch['inputs'], mode='predict')
    assert [sample.img_shape for sample in out] == [(64, 96)] * 2


def test_unknown_mode_and_nothing_to_train(pair_batch):
    with pytest.raises(ValueError, match='train'):
        AverageFusor()(**pair_batch, mode='train')
    with pytest.raises(RuntimeError, match='AverageFusor has nothing to train'):
        AverageFusor()(**pair_batch, mode='loss')
