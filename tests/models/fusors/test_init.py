import pickle
import warnings

import pytest
import torch

from tsjnet_mm.apis import config_dir, get_fusor, init_fusor, load_state_dict
from tsjnet_mm.models.fusors import JointFusor, TSJNet
from tsjnet_mm.models.fusors.hub import needs_weights
from tsjnet_mm.utils.model_index import names_of


@pytest.mark.parametrize('name', names_of('classical'))
@pytest.mark.parametrize('build', [init_fusor, get_fusor])
def test_classical_names(name, build):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        fusor = build(name)
    fused = fusor.fuse(torch.rand(2, 1, 32, 40), torch.rand(2, 3, 32, 40))
    assert fused.shape == (2, 1, 32, 40)
    assert not fusor.training


def test_config_file_of_a_joint_model_gives_its_fusor():
    path = config_dir() / 'tsjnet' / 'tsjnet_light_joint_4e_toy.py'
    with pytest.warns(UserWarning, match='random weights'):
        fusor = init_fusor(path)
    assert isinstance(fusor, TSJNet)


def test_config_that_others_inherit():
    path = config_dir() / '_base_' / 'models' / 'tsjnet_light.py'
    with pytest.warns(UserWarning, match='random weights'):
        assert isinstance(init_fusor(path), TSJNet)
    assert needs_weights(path)


@pytest.mark.parametrize('scope', ['', 'tsjnet_mm.'])
def test_types_with_a_scope(scope, tmp_path):
    classical = {'type': f'{scope}LaplacianPyramidFusor', 'levels': 2}
    joint = {'type': f'{scope}JointFusor', 'fusor': classical}
    for config in (
        classical,
        joint,
        {'model': joint},
        {'type': JointFusor, 'fusor': classical},
    ):
        fusor = init_fusor(config)
        assert type(fusor).__name__ == 'LaplacianPyramidFusor' and fusor.levels == 2
    path = tmp_path / 'config.py'
    path.write_text(f'model = {joint!r}')
    assert not needs_weights(path) and init_fusor(path).levels == 2
    assert needs_weights(config_dir() / 'tsjnet' / 'tsjnet_light_joint_4e_toy.py')


def test_configs_that_describe_no_fusor():
    path = config_dir() / '_base_' / 'datasets' / 'msrs.py'
    for function in (init_fusor, needs_weights):
        with pytest.raises(ValueError, match=r'msrs\.py describes no fusor: .* found .*train'):
            function(path)


def test_weights_are_loaded(tiny_fusor, tmp_path):
    with pytest.warns(UserWarning, match='random weights'):
        source = init_fusor(tiny_fusor)
    torch.save({'state_dict': source.state_dict(), 'meta': {'epoch': 3}}, tmp_path / 'w.pth')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        fusor = init_fusor(tiny_fusor, tmp_path / 'w.pth')
    torch.testing.assert_close(fusor.state_dict(), source.state_dict())


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"'vgg' is neither .* tsjnet-light.* densefuse"):
        init_fusor('vgg')
    with pytest.raises(ValueError, match=r"'tsjnet_light' .* mean 'tsjnet-light'\?\): "):
        init_fusor('tsjnet_light')
    with pytest.raises(ValueError, match=r"'tsjnet_light' .* mean 'tsjnet-light'\?\): "):
        get_fusor('tsjnet_light')


def test_get_fusor_loads_the_published_weights():
    fusor = get_fusor('tsjnet-light')
    assert not fusor.training
    expected = init_fusor('tsjnet-light').state_dict()
    torch.testing.assert_close(fusor.state_dict(), expected, rtol=0, atol=0)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        other = get_fusor('tsjnet-light', pretrained=False)
    assert type(other) is type(fusor) and not other.training
    name = 'encoder.embed.weight'
    assert not torch.equal(other.state_dict()[name], fusor.state_dict()[name])


def test_get_fusor_takes_a_checkpoint(tmp_path):
    weights = get_fusor('reconet', pretrained=False).state_dict()
    torch.save(weights, tmp_path / 'mine.pth')
    for path in (tmp_path / 'mine.pth', str(tmp_path / 'mine.pth')):
        found = get_fusor('reconet', path).state_dict()
        torch.testing.assert_close(found, weights, rtol=0, atol=0)
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        get_fusor('reconet', tmp_path / 'none.pth')


def test_get_fusor_refuses_what_has_no_weights():
    page = r'seafusion come .* offer them at https://github\.com/.*; give pretrained=FILE'
    with pytest.raises(ValueError, match=page):
        get_fusor('seafusion')
    with pytest.raises(ValueError, match='of tsjnet-official come with the package: give'):
        get_fusor('tsjnet-official')


def test_weights_that_do_not_fit(tiny_fusor, tmp_path):
    with pytest.warns(UserWarning, match='random weights'):
        weights = init_fusor(tiny_fusor).state_dict()
    torch.save(weights, tmp_path / 'tiny.pth')
    with pytest.raises(ValueError, match=r'tiny\.pth does not fit TSJNet'):
        init_fusor('tsjnet-light', tmp_path / 'tiny.pth')
    del weights['encoder.embed.weight']
    torch.save(weights, tmp_path / 'less.pth')
    with pytest.raises(ValueError, match=r'1 weight is missing \(encoder\.embed\.weight\)'):
        init_fusor(tiny_fusor, tmp_path / 'less.pth')


def test_pickle_that_would_run_code_is_refused(hostile, trap):
    with pytest.raises(ValueError, match=r'bad\.pth is refused'):
        load_state_dict(hostile)
    assert not trap.exists()


def test_files_that_are_no_checkpoints(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        load_state_dict(tmp_path / 'none.pth')
    (tmp_path / 'torn.pth').write_bytes(b'PK\x03\x04 torn')
    with pytest.raises(ValueError, match=r'torn\.pth is refused'):
        load_state_dict(tmp_path / 'torn.pth')
    (tmp_path / 'plain.pth').write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(ValueError, match=r'plain\.pth'):
        load_state_dict(tmp_path / 'plain.pth')
    torch.save({'DIDF_Encoder': {'w': torch.ones(1)}}, tmp_path / 'release.pth')
    with pytest.raises(ValueError, match='tsjnet_release'):
        load_state_dict(tmp_path / 'release.pth')
