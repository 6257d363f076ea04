import pytest
import torch

from tsjnet_mm.models.peers import TarDAL, convert_peer
from tsjnet_mm.models.peers.tardal import convert_tardal
from tsjnet_mm.utils.checkpoints import read_checkpoint


@pytest.fixture
def published(fabricate, conv_norm_shapes):
    """Names and shapes of the authors' checkpoints."""
    return fabricate(
        {
            **conv_norm_shapes('encoder', 2, 32),
            **conv_norm_shapes('dense.0', 32, 32),
            **conv_norm_shapes('dense.1', 64, 32),
            **conv_norm_shapes('dense.2', 96, 32),
            'fuse.0.0.weight': (128, 128, 3, 3),
            'fuse.0.0.bias': (128,),
            **conv_norm_shapes('fuse.1', 128, 64),
            **conv_norm_shapes('fuse.2', 64, 32),
            'fuse.3.0.weight': (1, 32, 3, 3),
            'fuse.3.0.bias': (1,),
        }
    )


def test_parameters():
    fusor = TarDAL()
    assert sum(weight.numel() for weight in fusor.parameters()) == 296577
    assert sum(value.numel() for value in fusor.state_dict().values()) == 297031


def test_depth(make_pair):
    assert TarDAL(channels=4, depth=1).eval().fuse(*make_pair(8, 8)).shape == (1, 1, 8, 8)


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_tardal(published)
    TarDAL().load_state_dict(converted)
    assert len(converted) == len(published)
    for source, target in (
        ('encoder.0.weight', 'stem.0.weight'),
        ('dense.2.1.running_var', 'dense.2.1.running_var'),
        ('fuse.0.0.bias', 'decoder.0.0.bias'),
        ('fuse.1.1.weight', 'decoder.1.1.weight'),
        ('fuse.2.0.weight', 'decoder.2.0.weight'),
        ('fuse.3.0.bias', 'decoder.3.bias'),
    ):
        assert converted[target] is published[source]


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of tardal: .*'fuse\.4\.weight'"):
        convert_peer('tardal', {**published, 'fuse.4.weight': torch.zeros(1)})
    del published['fuse.3.0.bias']
    with pytest.raises(ValueError, match=r'1 are missing \(decoder\.3\.bias\)'):
        convert_peer('tardal', published)


@pytest.mark.parametrize(
    ('file', 'expected'),
    [
        (
            'tardal.pt',
            [
                [0.55285, 0.17359, 0.36290, 0.52074],
                [0.21162, 0.33469, 0.26744, 0.25681],
                [0.34837, 0.81866, 0.25153, 0.33945],
                [0.41307, 0.19977, 0.36436, 0.34534],
            ],
        ),
        (
            'tardal+.pt',
            [
                [0.28602, 0.03098, 0.33374, 0.07715],
                [0.16639, 0.72288, 0.64134, 0.07844],
                [0.05284, -0.56474, 0.29359, 0.13302],
                [0.19162, 0.27181, 0.05351, 0.41500],
            ],
        ),
        (
            'tardal++.pt',
            [
                [0.61962, 0.49471, 0.69680, 0.56564],
                [0.24615, 0.19996, 0.04151, 0.02757],
                [0.32787, 0.65360, 0.04835, 0.27150],
                [-0.00575, -0.07505, 0.12975, 0.10720],
            ],
        ),
    ],
)
def test_published_weights(real_data, synthetic_pair, file, expected):
    checkpoint = read_checkpoint(real_data / 'weights' / file)
    fused = convert_peer('tardal', checkpoint).fuse_luma(*synthetic_pair).detach()
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
