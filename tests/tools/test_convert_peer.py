import pytest
import torch

from tsjnet_mm.apis import init_fusor
from tsjnet_mm.registry import MODELS

TOOL = 'model_converters/convert_peer.py'
CONFIG = {'type': 'DenseFuse'}
LAYERS = {
    'conv1': 'stem',
    'DB1.denseblock.0.dense_conv': 'dense.0',
    'DB1.denseblock.1.dense_conv': 'dense.1',
    'DB1.denseblock.2.dense_conv': 'dense.2',
    'conv2': 'decoder.0',
    'conv3': 'decoder.1',
    'conv4': 'decoder.2',
    'conv5': 'decoder.3',
}


@pytest.fixture
def published(tmp_path):
    """A random DenseFuse, and a file of its weights under the authors' names."""
    fusor = MODELS.build(CONFIG).eval()
    own = fusor.state_dict()
    state_dict = {
        f'{theirs}.conv2d.{kind}': own[f'{ours}.0.{kind}']
        for theirs, ours in LAYERS.items()
        for kind in ('weight', 'bias')
    }
    path = tmp_path / 'densefuse_gray.model'
    torch.save(state_dict, path)
    return fusor, path


def test_result_loads(published, tmp_path, run_main):
    fusor, source = published
    target = tmp_path / 'new' / 'densefuse.pth'
    status, out, _ = run_main(TOOL, 'densefuse', source, target)
    assert status == 0
    assert out == f'wrote {target}: DenseFuse, 74,193 parameters\n'
    pair = torch.rand(2, 1, 1, 9, 12)
    torch.save(fusor.state_dict(), tmp_path / 'trained.pth')
    for model, weights in [
        (CONFIG, target),
        (CONFIG, source),
        ('densefuse', target),
        ('densefuse', source),
        ('densefuse', tmp_path / 'trained.pth'),
    ]:
        loaded = init_fusor(model, weights)
        assert not loaded.training
        assert torch.equal(loaded.fuse_luma(*pair), fusor.fuse_luma(*pair))


def test_file_of_another_network_is_refused(published, tmp_path, run_main):
    _, source = published
    run_main(TOOL, 'densefuse', source, tmp_path / 'densefuse.pth')
    for path in (source, tmp_path / 'densefuse.pth'):
        with pytest.raises(ValueError, match=f'{path}: not the weights of seafusion'):
            init_fusor('seafusion', path)


def test_without_weights_it_says_so():
    with pytest.warns(UserWarning, match='densefuse has random weights'):
        init_fusor('densefuse')


def test_refusals_are_one_line(published, tmp_path, run_main):
    _, source = published
    target = tmp_path / 'out.pth'
    status, _, err = run_main(TOOL, 'seafusion', source, target)
    assert status == 1
    assert err == (
        f"error: {source}: not the weights of seafusion: unknown entry 'conv1.conv2d.weight'\n"
    )
    assert run_main(TOOL, 'densefuse', tmp_path / 'none.model', target)[::2] == (
        1,
        f'error: no checkpoint at {tmp_path / "none.model"}\n',
    )
    source.write_bytes(b'no checkpoint')
    status, _, err = run_main(TOOL, 'densefuse', source, target)
    assert status == 1
    assert err.startswith(f'error: {source} is refused') and err.count('\n') == 1
    assert not target.exists()
