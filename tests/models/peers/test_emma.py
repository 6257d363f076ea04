import pytest
import torch

from tsjnet_mm.models.peers import convert_peer
from tsjnet_mm.models.peers.emma import EMMA, GlobalLocalBlock, convert_emma

CHANNELS = (8, 16, 32, 32)


def _block(name, channels, in_channels):
    square = (channels, channels)
    shapes = {f'{name}.embed.weight': (channels, in_channels, 3, 3)}
    attending = f'{name}.GlobalFeature'
    for index in (1, 2):
        shapes |= {
            f'{attending}.norm{index}.body.{entry}': (channels,) for entry in ('weight', 'bias')
        }
        if index == 1:
            shapes |= {
                f'{attending}.attn.scale': (8, 1, 1),
                f'{attending}.attn.qkv1.weight': (3 * channels, channels, 1, 1),
                f'{attending}.attn.qkv2.weight': (3 * channels, 3 * channels, 3, 3),
                f'{attending}.attn.proj.weight': (*square, 1, 1),
            }
    shapes |= {
        f'{attending}.mlp.project_in.weight': (2 * channels, channels, 1, 1),
        f'{attending}.mlp.dwconv.weight': (2 * channels, 2, 3, 3),
        f'{attending}.mlp.project_out.weight': (*square, 1, 1),
    }
    for index in (0, 1):
        for layer in (0, 2):
            conv = f'{name}.LocalFeature.Extraction.{index}.conv.{layer}'
            shapes |= {f'{conv}.weight': (*square, 3, 3), f'{conv}.bias': (channels,)}
    return shapes | {f'{name}.FFN.weight': (channels, 2 * channels, 3, 3)}


def _shapes():
    shapes = {}
    for image in 'VI':
        for scale, channels in enumerate(CHANNELS):
            before = CHANNELS[scale - 1] if scale else 1
            shapes |= _block(f'{image}_en_{scale + 1}', channels, before)
    for scale, channels in enumerate(CHANNELS):
        shapes |= _block(f'f_{scale + 1}', channels, 2 * channels)
    for image in 'VI':
        for scale, channels in enumerate(CHANNELS[:3]):
            shapes[f'{image}_down{scale + 1}.weight'] = (channels, channels, 3, 3)
    for scale in (4, 3, 2):
        shapes[f'up{scale}.0.weight'] = (CHANNELS[scale - 1], CHANNELS[scale - 2], 4, 4)
    for scale, channels in enumerate(CHANNELS):
        shapes |= _block(f'de_{scale + 1}', channels, channels if scale == 3 else 2 * channels)
    return shapes | {'last.0.weight': (1, 8, 3, 3), 'last.0.bias': (1,)}


@pytest.fixture
def published(fabricate):
    """Names and shapes of what the authors' code saves."""
    return fabricate(_shapes())


def test_parameters(published):
    own = sum(weight.numel() for weight in EMMA().parameters())
    assert own == sum(value.numel() for value in published.values()) == 1517657


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_emma(published)
    EMMA().load_state_dict(converted)
    assert len(converted) == len(published) == 347
    for source, target in (
        ('V_en_1.embed.weight', 'vi_encoder.blocks.0.embed.weight'),
        ('I_en_4.FFN.weight', 'ir_encoder.blocks.3.join.weight'),
        ('f_3.GlobalFeature.norm2.body.bias', 'fuse_scales.2.attending.norm2.bias'),
        ('de_2.GlobalFeature.attn.scale', 'decoder.1.attending.attention.temperature'),
        ('de_4.GlobalFeature.attn.qkv2.weight', 'decoder.3.attending.attention.qkv.1.weight'),
        ('f_1.LocalFeature.Extraction.1.conv.2.bias', 'fuse_scales.0.local.1.convs.2.bias'),
        ('I_down2.weight', 'ir_encoder.down.1.weight'),
        ('V_down3.weight', 'vi_encoder.down.2.weight'),
        ('up2.0.weight', 'up.0.0.weight'),
        ('up4.0.weight', 'up.2.0.weight'),
        ('last.0.bias', 'head.bias'),
    ):
        assert converted[target] is published[source], target


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of emma: .*'V_en_5\.embed\.weight'"):
        convert_peer('emma', {**published, 'V_en_5.embed.weight': torch.zeros(1)})
    del published['up3.0.weight']
    with pytest.raises(ValueError, match=r'1 are missing \(up\.1\.0\.weight\)'):
        convert_peer('emma', published)


def test_both_halves_of_a_block_have_the_same_input():
    block = GlobalLocalBlock(1, 4, heads=2)
    embedded = block.embed(torch.rand(1, 1, 6, 8))
    block.embed = torch.nn.Identity()
    with torch.no_grad():
        block.join.weight.zero_()
        # The first channel of attention, and the last of the convolutions.
        block.join.weight[0, 0, 1, 1] = block.join.weight[1, 7, 1, 1] = 1
    found = block(embedded)
    torch.testing.assert_close(found[:, 0], block.attending(embedded)[:, 0])
    torch.testing.assert_close(found[:, 1], block.local(embedded)[:, 3])


@pytest.mark.parametrize(
    ('size', 'inside'), [((64, 32), (64, 32)), ((37, 70), (32, 64)), ((64, 45), (64, 32))]
)
def test_windows_at_the_corners(size, inside, make_pair):
    """As in the authors' script: the upper left window counts, the others fill the rest."""
    fusor = EMMA(channels=(2, 2, 2, 2), heads=1).eval()
    ir, vi = make_pair(*size)
    (height, width), (rows, columns) = size, inside
    expected = torch.full((1, 1, *size), torch.nan)
    # Later windows lie over earlier ones.
    for down in (slice(height - rows, height), slice(0, rows)):
        for across in (slice(width - columns, width), slice(0, columns)):
            window = fusor.fuse_window(ir[..., down, across], vi[..., down, across])
            expected[..., down, across] = window
    torch.testing.assert_close(fusor.fuse_luma(ir, vi), expected)


def test_too_small():
    fusor = EMMA(channels=(2, 2, 2, 2), heads=1).eval()
    assert fusor.fuse(torch.rand(1, 1, 31, 16), torch.rand(1, 1, 31, 16)).shape[2:] == (31, 16)
    with pytest.raises(ValueError, match='EMMA fuses images from 16x16 up'):
        fusor.fuse(torch.rand(1, 1, 15, 40), torch.rand(1, 1, 15, 40))


def _spread(published):
    """Convolutions around 0, so that the network's values have some range."""
    for name, value in published.items():
        if value.dim() == 4:
            published[name] = (value - 1 / 16) * 24 / value[0].numel() ** 0.5
        elif name.endswith(('norm1.body.weight', 'norm2.body.weight', 'scale')):
            published[name] = value + 1
    return published


def test_output_of_the_authors_code(published, synthetic_pair):
    """37x53, so in four windows."""
    fused = convert_peer('emma', _spread(published)).fuse_luma(*synthetic_pair).detach()
    # Recorded from the authors' code, with these weights.
    expected = [
        [0.57513, 0.52717, 0.50739, 0.56543],
        [0.54647, 0.54772, 0.46201, 0.54595],
        [0.58014, 0.53507, 0.50759, 0.50243],
        [0.57978, 0.40579, 0.37973, 0.46060],
    ]
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(expected), rtol=0, atol=1e-4
    )
