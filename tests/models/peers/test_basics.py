import pytest
import torch

from tsjnet_mm.registry import MODELS

ORDERED = [
    {'type': 'TarDAL', 'channels': 4},
    {'type': 'ReCoNet', 'channels': 4},
    {'type': 'DATFuse'},
    {'type': 'SeAFusion'},
    {'type': 'SHIP', 'channels': 4},
    {'type': 'CDDFuse', 'channels': 8, 'heads': 2, 'depth': 1},
    {'type': 'SwinFusion', 'channels': 8, 'heads': 2, 'depth': 2, 'stages': 1},
    {'type': 'MMDRFuse'},
    {'type': 'LUTFuse', 'channels': 4},
    {'type': 'U2Fusion', 'channels': 4, 'decoder_channels': (8, 6)},
    {
        'type': 'IGNet',
        'channels': (8, 8, 12, 16),
        'reduction': 2,
        'decoder_channels': (6, 4, 2),
    },
    {'type': 'SuperFusion', 'channels': (4, 8)},
    {'type': 'DIVFusion', 'channels': 16},
    {'type': 'PIAFusion', 'channels': 4},
    {'type': 'LRRNet'},
    {'type': 'LRRNet', 'normalised': False},
    {'type': 'SAGE', 'channels': 4},
    {'type': 'GIFNet', 'channels': 4, 'decoder_channels': (8, 6)},
    {'type': 'EMMA', 'channels': (2, 4, 4, 6), 'heads': 2},
]
#: To these both images are the same.
SYMMETRIC = [
    {'type': 'DenseFuse'},
    {'type': 'IFCNN', 'rule': 'max'},
    {'type': 'IFCNN', 'rule': 'mean', 'imagenet_normalised': True},
    {'type': 'IFCNN', 'rule': 'sum'},
    {'type': 'DCEvo', 'channels': 8, 'heads': 2, 'depth': 1},
]


def case(config):
    """Name of a config in tests."""
    return '-'.join(map(str, config.values()))


#: How the networks lean, see :func:`lean`, since they agreed with their authors' code.
RECORDED = {
    'TarDAL-4': 0.7285,
    'ReCoNet-4': 0.7715,
    'DATFuse': -0.0195,
    'SeAFusion': -0.5315,
    'SHIP-4': 0.1454,
    'CDDFuse-8-2-1': -0.1740,
    'SwinFusion-8-2-2-1': -0.1425,
    'MMDRFuse': -0.6804,
    'LUTFuse-4': 0.0470,
    'U2Fusion-4-(8, 6)': 0.3691,
    'IGNet-(8, 8, 12, 16)-2-(6, 4, 2)': 0.3122,
    'SuperFusion-(4, 8)': 0.2839,
    'DIVFusion-16': -0.2512,
    'PIAFusion-4': -0.6691,
    'LRRNet': -0.3792,
    'LRRNet-False': -0.1098,
    'SAGE-4': 0.0685,
    'GIFNet-4-(8, 6)': 0.2184,
    'EMMA-(2, 4, 4, 6)-2': -0.1184,
}
FUSORS = pytest.mark.parametrize('config', ORDERED + SYMMETRIC, ids=case)


@FUSORS
@pytest.mark.parametrize('size', [(1, 1), (17, 31), (32, 40)])
@pytest.mark.parametrize('channels', [1, 3])
def test_any_size(config, size, channels, make_pair):
    fusor = MODELS.build(config).eval()
    size = [max(side, fusor.min_size) for side in size]
    ir, vi = make_pair(*size, batch=2)
    fused = fusor.fuse(ir, vi.expand(-1, channels, -1, -1))
    assert fused.shape == (2, 1, *size)
    assert fused.min() >= 0 and fused.max() <= 1


@FUSORS
def test_batch_equals_single_images(config, make_pair):
    ir, vi = make_pair(23, 29, batch=3)
    fusor = MODELS.build(config).eval()
    singles = [fusor.fuse_luma(ir[i : i + 1], vi[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(fusor.fuse_luma(ir, vi), torch.cat(singles))


@FUSORS
def test_every_parameter_has_a_gradient(config, make_pair):
    fusor = MODELS.build(config)
    fusor.fuse_luma(*make_pair(16, 16, batch=2)).square().mean().backward()
    assert all(weight.grad is not None for weight in fusor.parameters())


@FUSORS
def test_state_dict_round_trip(config, make_pair):
    ir, vi = make_pair(16, 20)
    fusor, other = (MODELS.build(config).eval() for _ in range(2))
    assert not torch.equal(fusor.fuse_luma(ir, vi), other.fuse_luma(ir, vi))
    other.load_state_dict(fusor.state_dict())
    assert torch.equal(fusor.fuse_luma(ir, vi), other.fuse_luma(ir, vi))


@FUSORS
def test_inference_form(config, make_pair):
    fusor = MODELS.build(config)
    # One step of training moves the statistics away from 0 and 1.
    fusor.fuse_luma(*make_pair(24, 24, batch=2))
    fusor.eval()
    ir, vi = make_pair(21, 27, batch=2)
    torch.testing.assert_close(
        fusor.for_inference().fuse_luma(ir, vi), fusor.fuse_luma(ir, vi), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize('config', ORDERED)
def test_images_are_not_interchangeable(config, make_pair):
    ir, vi = make_pair(16, 20)
    fusor = MODELS.build(config).eval()
    assert not torch.equal(fusor.fuse_luma(ir, vi), fusor.fuse_luma(vi, ir))


@pytest.mark.parametrize('config', SYMMETRIC)
def test_images_are_interchangeable(config, make_pair):
    ir, vi = make_pair(16, 20)
    fusor = MODELS.build(config).eval()
    assert torch.equal(fusor.fuse_luma(ir, vi), fusor.fuse_luma(vi, ir))


def weights_of_no_generator(fusor):
    """Give a fusor the same weights on every machine and in every version of torch."""
    for index, (name, weight) in enumerate(fusor.named_parameters()):
        steps = torch.arange(weight.numel(), dtype=torch.float64)
        noise = (torch.sin(12.9898 * steps + index) * 43758.5453) % 1 - 0.5
        if weight.dim() > 1:
            noise = noise * (12 * len(weight) / weight.numel()) ** 0.5
        else:
            noise = 0.1 * noise + name.endswith('weight')
        weight.data.copy_(noise.reshape(weight.shape))
    return fusor.eval()


def lean(fused, ir, vi):
    """How much nearer a fused image is to the infrared than to the visible one."""
    ir, vi, fused = (
        (image - image.mean()) / image.std()
        for image in (ir.double(), vi.double(), fused.double())
    )
    return (fused * (ir - vi)).mean().item()


@pytest.mark.parametrize('config', ORDERED, ids=case)
def test_infrared_and_visible_keep_their_places(config, synthetic_pair):
    """As when these networks were compared with their authors' code."""
    fusor = weights_of_no_generator(MODELS.build(config))
    ir, vi = synthetic_pair
    with torch.no_grad():
        found = lean(fusor.fuse_luma(ir, vi), ir, vi)
        swapped = lean(fusor.fuse_luma(vi, ir), ir, vi)
    assert found == pytest.approx(RECORDED[case(config)], abs=1e-3)
    assert abs(swapped - RECORDED[case(config)]) > 5e-3
