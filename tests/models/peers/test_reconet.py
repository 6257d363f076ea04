import pytest
import torch

from tsjnet_mm.models.peers import ReCoNet, convert_peer
from tsjnet_mm.models.peers.reconet import convert_reconet
from tsjnet_mm.utils.checkpoints import read_checkpoint


@pytest.fixture
def published(fabricate, conv_norm_shapes):
    """Names and shapes of the authors' checkpoint."""
    return fabricate(
        {
            'att_a_conv.weight': (1, 2, 3, 3),
            'att_b_conv.weight': (1, 2, 3, 3),
            **conv_norm_shapes('dil_conv_1', 3, 64),
            **conv_norm_shapes('dil_conv_2', 3, 64),
            **conv_norm_shapes('dil_conv_3', 3, 64),
            **conv_norm_shapes('fus_conv', 192, 1),
        }
    )


def test_parameters():
    assert sum(weight.numel() for weight in ReCoNet().parameters()) == 7527


def test_without_a_step_the_brighter_image_comes_out(make_pair):
    ir, vi = make_pair(9, 12)
    assert torch.equal(ReCoNet(steps=0).fuse(ir, vi), torch.maximum(ir, vi))


def test_steps_repeat_one_network(make_pair):
    ir, vi = make_pair(19, 22)
    long, short = ReCoNet(channels=4, steps=3).eval(), ReCoNet(channels=4, steps=1).eval()
    short.load_state_dict(long.state_dict())
    assert not torch.equal(short.fuse_luma(ir, vi), long.fuse_luma(ir, vi))
    assert len(long.state_dict()) == len(short.state_dict())


def test_reach_of_the_dilations():
    fusor = ReCoNet(channels=4, steps=1).eval()
    vi = torch.full((1, 1, 21, 21), 0.3)
    ir = vi.clone()
    ir[..., 10, 10] = 1
    changed = fusor.fuse_luma(ir, vi) != fusor.fuse_luma(vi, vi)
    # Attention reaches 1 pixel, the widest dilation 3, the last convolution 1.
    rows = changed[0, 0].any(1).nonzero()
    assert (rows.min(), rows.max()) == (5, 15)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_reconet(published)
    ReCoNet().load_state_dict(converted)
    assert len(converted) == len(published)
    for source, target in (
        ('att_a_conv.weight', 'ir_attention.weight'),
        ('att_b_conv.weight', 'vi_attention.weight'),
        ('dil_conv_1.0.weight', 'branches.0.0.weight'),
        ('dil_conv_2.1.running_mean', 'branches.1.1.running_mean'),
        ('dil_conv_3.1.bias', 'branches.2.1.bias'),
        ('fus_conv.0.bias', 'project.0.bias'),
    ):
        assert converted[target] is published[source]


def test_other_weights(published):
    with pytest.raises(
        ValueError, match=r"not the weights of reconet: .*'dil_conv_4\.0\.bias'"
    ):
        convert_peer('reconet', {**published, 'dil_conv_4.0.bias': torch.zeros(1)})


def test_published_weights(real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / 'reconet.pth')
    fused = convert_peer('reconet', checkpoint).fuse_luma(*synthetic_pair).detach()
    expected = [
        [0.33276, 0.19498, 0.43134, 0.24695],
        [0.19021, 0.42469, 0.17830, 0.21107],
        [0.44691, 0.63136, 0.15764, 0.46858],
        [0.38996, 0.27689, 0.47525, 0.32976],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
