import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from tsjnet_mm.models.peers.mmdrfuse import MMDRFuse, convert_mmdrfuse
from tsjnet_mm.utils.checkpoints import read_checkpoint


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint."""
    return fabricate(
        {
            'conv1.1.weight': (4, 2, 3, 3),
            'conv1.1.bias': (4,),
            'conv2.1.weight': (1, 4, 3, 3),
            'conv2.1.bias': (1,),
        }
    )


def test_parameters():
    assert sum(weight.numel() for weight in MMDRFuse().parameters()) == 113


def _filter(conv, planes):
    """A convolution with reflected borders, one plane after the other."""
    weight, bias = (value.detach().double().numpy() for value in (conv.weight, conv.bias))
    return [
        sum(correlate(*pair, mode='mirror') for pair in zip(planes, kernels, strict=True)) + by
        for kernels, by in zip(weight, bias, strict=True)
    ]


def test_literal_network(make_pair):
    ir, vi = make_pair(7, 9)
    fusor = MMDRFuse(channels=3).eval()
    features = _filter(fusor.encoder[0], [image[0, 0].double().numpy() for image in (ir, vi)])
    fused = np.tanh(_filter(fusor.decoder[0], [np.maximum(plane, 0) for plane in features])[0])
    np.testing.assert_allclose(fusor.fuse_luma(ir, vi)[0, 0].detach(), fused, atol=1e-6)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_mmdrfuse(published)
    MMDRFuse().load_state_dict(converted)
    assert len(converted) == len(published)
    for source, target in (
        ('conv1.1.weight', 'encoder.0.weight'),
        ('conv1.1.bias', 'encoder.0.bias'),
        ('conv2.1.bias', 'decoder.0.bias'),
    ):
        assert converted[target] is published[source]


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"unknown entry 'conv3\.1\.bias'"):
        convert_mmdrfuse({**published, 'conv3.1.bias': torch.zeros(1)})


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'mmdrfuse_student.model')
    fusor = MMDRFuse().eval()
    fusor.load_state_dict(convert_mmdrfuse(checkpoint))
    fused = fusor.fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code.
    expected = [
        [0.48502, 0.28126, 0.56033, 0.36861],
        [0.28689, 0.56696, 0.32848, 0.32558],
        [0.50328, 0.72665, 0.30392, 0.57013],
        [0.42179, 0.33259, 0.56966, 0.29112],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
    assert fused.mean().item() == pytest.approx(0.463428, abs=2e-6)
