import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.peers import LRRNet, convert_peer
from tsjnet_mm.models.peers.lrrnet import LowRankSparseEncoder, convert_lrrnet
from tsjnet_mm.utils.checkpoints import read_checkpoint


def _conv(name, out_channels, in_channels):
    return {
        f'{name}.conv2d.weight': (out_channels, in_channels, 3, 3),
        f'{name}.conv2d.bias': (out_channels,),
    }


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint."""
    shapes = {}
    for stream in ('get_ls1', 'get_ls2'):
        shapes[f'{stream}.lamj'] = (1, 256)
        shapes[f'{stream}.lamz'] = (1, 1)
        shapes |= _conv(f'{stream}.conv_W00', 256, 1)
        for index in range(4):
            shapes |= _conv(f'{stream}.lrrblock{index}.conv_Wdz', 1, 256)
            shapes |= _conv(f'{stream}.lrrblock{index}.conv_Wdtz', 256, 1)
    for name in ('ReZx', 'ReUx', 'ReZy', 'ReUy'):
        shapes |= _conv(f'decoder.conv_{name}', 1, 128)
    shapes |= _conv('decoder.conv_ReL', 1, 2)
    shapes |= _conv('decoder.conv_ReH', 1, 2)
    return fabricate(shapes)


def _reflect(conv, image):
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode='reflect'), conv.weight, conv.bias)


def _shrink(value, threshold):
    """Soft thresholding of a positive threshold, by cases."""
    shrunk = torch.where(value > threshold, value - threshold, torch.zeros_like(value))
    return torch.where(value < -threshold, value + threshold, shrunk)


def test_literal_encoder():
    encoder = LowRankSparseEncoder(channels=3, iterations=2).double()
    with torch.no_grad():
        encoder.threshold.mul_(0.2)
    image = torch.rand(2, 1, 6, 8).double()
    code = _shrink(_reflect(encoder.first, image), encoder.threshold)
    for step in encoder.iterations:
        residual = image - _reflect(step.synthesis, code)
        code = encoder.decay * code + _reflect(step.analysis, residual)
        code = _shrink(code, encoder.threshold)
    low_rank, salient = encoder(image)
    assert 0 < (code == 0).sum() < code.numel()
    torch.testing.assert_close(torch.cat((low_rank, salient), dim=1), code)


def test_gradients_through_code_that_is_written_in_place():
    encoder = LowRankSparseEncoder(channels=1, iterations=2).double()
    with torch.no_grad():
        encoder.threshold.mul_(0.1)
    image = torch.rand(1, 1, 3, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(encoder, image)


def test_images_are_stretched_in_and_out(make_pair):
    ir, vi = make_pair(12, 10)
    fusor = LRRNet().eval()
    raw = fusor.fuse_raw(
        *((image - image.min()) / (image.max() - image.min()) for image in (ir, vi))
    )
    expected = (raw - raw.min()) / (raw.max() - raw.min() + 1e-5)
    torch.testing.assert_close(fusor.fuse_luma(ir, vi), expected, rtol=0, atol=1e-4)
    alone = LRRNet(normalised=False).eval()
    alone.load_state_dict(fusor.state_dict())
    assert torch.equal(alone.fuse_luma(ir, vi), fusor.fuse_raw(ir, vi))


def test_constant_images():
    fused = LRRNet().fuse(torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8))
    assert torch.isfinite(fused).all()


def test_parameters():
    assert sum(weight.numel() for weight in LRRNet().parameters()) == 49204


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_lrrnet(published)
    LRRNet().load_state_dict(converted)
    assert len(converted) == len(published)
    for source, target in (
        ('get_ls1.lamj', 'ir_encoder.threshold'),
        ('get_ls2.lamz', 'vi_encoder.decay'),
        ('get_ls1.conv_W00.conv2d.weight', 'ir_encoder.first.weight'),
        ('get_ls2.lrrblock3.conv_Wdz.conv2d.bias', 'vi_encoder.iterations.3.synthesis.bias'),
        ('get_ls2.lrrblock0.conv_Wdtz.conv2d.bias', 'vi_encoder.iterations.0.analysis.bias'),
        ('decoder.conv_ReZx.conv2d.bias', 'ir_low_rank.bias'),
        ('decoder.conv_ReUx.conv2d.bias', 'ir_salient.bias'),
        ('decoder.conv_ReUy.conv2d.bias', 'vi_salient.bias'),
        ('decoder.conv_ReL.conv2d.weight', 'low_rank.weight'),
    ):
        assert torch.equal(converted[target].flatten(), published[source].flatten())


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of lrrnet: .*'lrrblock4\.bias'"):
        convert_peer('lrrnet', {**published, 'lrrblock4.bias': torch.zeros(1)})
    del published['get_ls1.lamz']
    with pytest.raises(ValueError, match=r'1 are missing \(ir_encoder\.decay\)'):
        convert_peer('lrrnet', published)


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'lrrnet.model')
    fused = convert_peer('lrrnet', checkpoint).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code, images stretched as it does.
    expected = [
        [0.42126, 0.16612, 0.51452, 0.28427],
        [0.24275, 0.71268, 0.25989, 0.25581],
        [0.47709, 0.68267, 0.24621, 0.59892],
        [0.37363, 0.21666, 0.55109, 0.20161],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=5e-4
    )
    assert fused.mean().item() == pytest.approx(0.412611, abs=1e-5)
