import pytest
import torch

from tsjnet_mm.models.fusors import BaseFusor
from tsjnet_mm.models.peers import convert_peer
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.model_index import model_index, names_of

PEERS = names_of('peers')


@pytest.mark.parametrize('name', PEERS)
def test_every_peer(name):
    assert any(True for _ in MODELS.build(model_index()[name].fusor).parameters())
    for strange in (
        [1],
        {'epoch': 3},
        {'head.weight': torch.zeros(1)},
        {},
        {'state_dict': 3, 'meta': None},
    ):
        with pytest.raises(ValueError, match=f'not the weights of {name}: '):
            convert_peer(name, strange)


@pytest.mark.parametrize('name', PEERS)
def test_own_names_are_no_authors(name):
    """So a file with our names cannot be one that needs converting."""
    fusor = MODELS.build(model_index()[name].fusor)
    with pytest.raises(ValueError):
        fusor.convert(fusor.state_dict())
    loaded = convert_peer(name, {'state_dict': fusor.state_dict(), 'meta': {'epoch': 3}})
    torch.testing.assert_close(loaded.state_dict(), fusor.state_dict(), rtol=0, atol=0)


def test_unknown_name():
    with pytest.raises(
        ValueError, match="'vgg' is no network: the names are seafusion, densefuse, "
    ):
        convert_peer('vgg', {})
    with pytest.raises(ValueError, match=r"'SeaFusion' .*did you mean 'seafusion'"):
        convert_peer('SeaFusion', {})
    with pytest.raises(ValueError, match="'tsjnet-light' is no network"):
        convert_peer('tsjnet-light', {})


def test_every_class_of_the_room_is_in_the_index():
    """And has its converter: a file that is dropped in is not forgotten."""
    import tsjnet_mm.models.peers as room

    there = {
        name
        for name, found in ((name, getattr(room, name)) for name in room.__all__)
        if isinstance(found, type) and issubclass(found, BaseFusor)
    }
    assert there == {model_index()[name].fusor['type'] for name in PEERS}
    assert all(callable(getattr(room, name).convert) for name in there)
