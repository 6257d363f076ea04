import pytest
import torch
import torch.nn.functional as F

from tsjnet_mm.models.peers import IFCNN, convert_peer
from tsjnet_mm.models.peers.ifcnn import convert_ifcnn
from tsjnet_mm.utils.checkpoints import read_checkpoint

RULES = pytest.mark.parametrize('rule', ['max', 'mean', 'sum'])


@pytest.fixture
def published(fabricate):
    """Names and shapes of the authors' checkpoints, which count no batches."""
    shapes = {
        'conv4.weight': (3, 64, 1, 1),
        'conv4.bias': (3,),
        'conv1.weight': (64, 3, 7, 7),
    }
    for name in ('conv2', 'conv3'):
        shapes[f'{name}.conv.weight'] = (64, 64, 3, 3)
        for entry in ('weight', 'bias', 'running_mean', 'running_var'):
            shapes[f'{name}.bn.{entry}'] = (64,)
    return fabricate(shapes)


def _literal_block(published, name, features):
    features = F.pad(features, (1, 1, 1, 1), mode='replicate')
    features = F.conv2d(features, published[f'{name}.conv.weight'])
    norm = {
        entry: published[f'{name}.bn.{entry}'][:, None, None]
        for entry in ('weight', 'bias', 'running_mean', 'running_var')
    }
    scale = norm['weight'] / (norm['running_var'] + 1e-5).sqrt()
    return ((features - norm['running_mean']) * scale + norm['bias']).clamp(min=0)


@RULES
def test_literal_network(rule, published, make_pair):
    published = {name: value.double() for name, value in published.items()}
    for name in published:
        if name.endswith(('conv.weight', 'conv1.weight', 'conv4.weight')):
            published[name] = (published[name] - 1 / 16) / 4
    ir, vi = (image.double().repeat(1, 3, 1, 1) for image in make_pair(9, 11))
    codes = []
    for image in (ir, vi):
        padded = F.pad(image, (3, 3, 3, 3), mode='replicate')
        features = F.conv2d(padded, published['conv1.weight'])
        codes.append(_literal_block(published, 'conv2', features))
    stacked = torch.stack(codes)
    joined = {'max': stacked.amax(0), 'mean': stacked.mean(0), 'sum': stacked.sum(0)}[rule]
    features = _literal_block(published, 'conv3', joined)
    expected = torch.einsum('oc,bchw->bohw', published['conv4.weight'][..., 0, 0], features)
    expected = expected + published['conv4.bias'][:, None, None]
    fused = convert_peer(f'ifcnn-{rule}', published).double().fuse_rgb(ir, vi)
    torch.testing.assert_close(fused.detach(), expected)


def test_luma_of_clipped_channels(make_pair):
    fusor = IFCNN()
    with torch.no_grad():
        fusor.decoder[-1].weight.zero_()
        fusor.decoder[-1].bias.copy_(torch.tensor([2.0, 0.5, -1.0]))
    fused = fusor.fuse_luma(*make_pair(4, 5))
    torch.testing.assert_close(fused, torch.full((1, 1, 4, 5), 0.299 + 0.587 / 2))


def test_imagenet_normalisation(make_pair):
    ir, vi = make_pair(12, 10)
    fusor = IFCNN(imagenet_normalised=True).eval()
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    red, green, blue = (
        fusor.fuse_rgb((ir - mean) / deviation, (vi - mean) / deviation) * deviation + mean
    ).clamp(0, 1)[0]
    torch.testing.assert_close(
        fusor.fuse_luma(ir, vi)[0, 0], 0.299 * red + 0.587 * green + 0.114 * blue
    )


def test_parameters():
    assert sum(weight.numel() for weight in IFCNN().parameters()) == 83587


def test_unknown_rule():
    with pytest.raises(ValueError, match="rule must be one of max, mean, sum, got 'min'"):
        IFCNN(rule='min')


def test_converter_takes_every_entry_to_its_place(published):
    converted = convert_ifcnn(published)
    assert len(converted) == len(published)
    for source, target in (
        ('conv1.weight', 'encoder.0.weight'),
        ('conv2.conv.weight', 'encoder.1.weight'),
        ('conv2.bn.running_mean', 'encoder.2.running_mean'),
        ('conv3.conv.weight', 'decoder.0.weight'),
        ('conv3.bn.bias', 'decoder.1.bias'),
        ('conv4.bias', 'decoder.3.bias'),
    ):
        assert converted[target] is published[source]


def test_other_weights(published):
    with pytest.raises(ValueError, match=r"not the weights of ifcnn-sum: .*'fc\.weight'"):
        convert_peer('ifcnn-sum', {**published, 'fc.weight': torch.zeros(1)})


# Each is the BT.601 luma of what the authors' code gave, clipped.
RECORDED = {
    'max': [
        [0.35317, 0.17290, 0.49542, 0.24005],
        [0.16766, 0.44582, 0.22745, 0.25353],
        [0.50085, 0.69652, 0.17119, 0.53110],
        [0.35924, 0.18513, 0.50369, 0.22980],
    ],
    'mean': [
        [0.32034, 0.20645, 0.45087, 0.24314],
        [0.19662, 0.43039, 0.25965, 0.25792],
        [0.42497, 0.60611, 0.22578, 0.43994],
        [0.31747, 0.20692, 0.44881, 0.23803],
    ],
    'sum': [
        [0.32412, 0.19463, 0.44289, 0.22531],
        [0.18039, 0.43268, 0.21095, 0.23751],
        [0.42326, 0.56649, 0.17987, 0.45306],
        [0.30276, 0.17793, 0.42175, 0.19827],
    ],
}


@RULES
def test_published_weights(rule, real_data, synthetic_pair):
    checkpoint = read_checkpoint(real_data / 'weights' / f'ifcnn-{rule}.pth')
    fused = convert_peer(f'ifcnn-{rule}', checkpoint).fuse_luma(*synthetic_pair).detach()
    torch.testing.assert_close(
        fused[0, 0, ::12, ::17], torch.tensor(RECORDED[rule]), rtol=0, atol=2e-5
    )
    mean = {'max': 0.393666, 'mean': 0.369479, 'sum': 0.357170}[rule]
    assert fused.mean().item() == pytest.approx(mean, abs=2e-6)
