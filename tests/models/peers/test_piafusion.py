import pytest
import torch

from tsjnet_mm.models.peers.piafusion import PIAFusion, convert_piafusion


def _conv(name, size, in_channels, out_channels):
    return {
        f'PIAFusion/{name}/kernel': (size, size, in_channels, out_channels),
        f'PIAFusion/{name}/bias': (out_channels,),
    }


def _published_shapes():
    shapes = _conv('encoder/conv5x5_ir', 1, 1, 16) | _conv('encoder/conv5x5_vi', 1, 1, 16)
    for index, widths in enumerate(((16, 16), (16, 32), (32, 64), (64, 128)), start=1):
        shapes |= _conv(f'encoder/Conv{index}/conv3x3', 3, *widths)
    for index, widths in enumerate(((256, 256), (256, 128), (128, 64), (64, 32)), start=1):
        shapes |= _conv(f'decoder/conv{index}', 3, *widths)
    shapes |= _conv('decoder/conv1x1', 1, 32, 1)
    return shapes | {'classifier/Classifier/conv1/kernel': (4, 4, 3, 16)}


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoint, with one of the classifier's."""
    weights = fabricate(_published_shapes())
    return {
        name: (value - 1 / 16) * (2 if value.dim() == 4 else 0.5)
        for name, value in weights.items()
    }


def test_parameters(published):
    own = sum(weight.numel() for weight in PIAFusion().parameters())
    in_all = sum(value.numel() for name, value in published.items() if 'class' not in name)
    assert own == in_all == 1076785


def test_streams_exchange_their_difference():
    fusor = PIAFusion(channels=4).eval()
    seen = []
    fusor.encoder[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    outputs = []
    fusor.encoder[0].register_forward_hook(lambda _, inputs, output: outputs.append(output))
    fusor.fuse_luma(*torch.rand(2, 1, 1, 9, 11))
    ir, vi = outputs
    of_ir = torch.sigmoid((vi - ir).mean((2, 3), keepdim=True))
    of_vi = torch.sigmoid((ir - vi).mean((2, 3), keepdim=True))
    torch.testing.assert_close(seen[0], ir + of_ir * (ir - vi))
    torch.testing.assert_close(seen[1], vi + of_vi * (vi - ir))


def test_colour_becomes_grey_by_the_published_weights(make_pair):
    fusor = PIAFusion(channels=4).eval()
    seen = []
    fusor.vi_stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    ir, _ = make_pair(12, 14)
    colour = torch.rand(1, 3, 12, 14)
    fusor.fuse(ir, colour)
    red, green, blue = colour.unbind(1)
    expected = 0.257 * red + 0.564 * green + 0.098 * blue + 16 / 255
    torch.testing.assert_close(seen[0][:, 0], expected)


@pytest.mark.parametrize(
    ('visible', 'error'),
    [
        (torch.zeros(1, 3, 12, 14, dtype=torch.uint8), TypeError),
        (torch.zeros(3, 12, 14), ValueError),
        (None, TypeError),
    ],
)
def test_bad_visible_image(visible, error):
    with pytest.raises(error, match='vi must'):
        PIAFusion(channels=4).fuse(torch.zeros(1, 1, 12, 14), visible)


def test_black_and_white_of_the_limited_range():
    fusor = PIAFusion(channels=4).eval()
    seen = []
    fusor.vi_stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    fusor.decoder.forward = lambda _: torch.tensor([-50.0, 50.0])
    image = torch.tensor([0.0, 1.0]).expand(1, 1, 4, 2)
    fused = fusor.fuse_luma(image, image)
    # As in the published formula, white is brighter than the standard's 235.
    assert seen[0][0, 0, 0].tolist() == pytest.approx([16 / 255, 0.919 + 16 / 255])
    assert fused.tolist() == pytest.approx([-1.164 * 16 / 255, 1.164 * 239 / 255])


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_piafusion(published)
    PIAFusion().load_state_dict(converted)
    for source, target in (
        ('encoder/conv5x5_ir', 'ir_stem.0'),
        ('encoder/conv5x5_vi', 'vi_stem.0'),
        ('encoder/Conv3/conv3x3', 'encoder.2.0'),
        ('decoder/conv4', 'decoder.3.0'),
        ('decoder/conv1x1', 'decoder.4'),
    ):
        kernel = published[f'PIAFusion/{source}/kernel']
        assert torch.equal(converted[f'{target}.weight'].permute(2, 3, 1, 0), kernel)
        assert converted[f'{target}.bias'] is published[f'PIAFusion/{source}/bias']


@pytest.mark.parametrize(
    'strange',
    [
        {'PIAFusion/decoder/conv5/kernel': torch.zeros(3, 3, 1, 1)},
        {'PIAFusion/decoder/conv4/kernel': torch.zeros(3)},
    ],
)
def test_other_weights(published, strange):
    with pytest.raises(ValueError, match=r"unknown entry 'PIAF|expected a kernel of 4"):
        convert_piafusion({**published, **strange})


def test_output_of_the_published_code(published, synthetic_pair):
    fusor = PIAFusion().eval()
    fusor.load_state_dict(convert_piafusion(published))
    fused = fusor.fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code with these weights.
    expected = [
        [0.32609, 0.31415, 0.30640, 0.28475],
        [0.26626, 0.31028, 0.26856, 0.34244],
        [0.30549, 0.26066, 0.29215, 0.32531],
        [0.33670, 0.31700, 0.31338, 0.31397],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=2e-5
    )
