import pytest
import torch

from tsjnet_mm.models.peers import PEERS, convert_peer
from tsjnet_mm.registry import MODELS


@pytest.mark.parametrize('name', PEERS)
def test_every_peer(name):
    peer = PEERS[name]
    assert any(True for _ in MODELS.build(peer.fusor).parameters())
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
    peer = PEERS[name]
    fusor = MODELS.build(peer.fusor)
    with pytest.raises(ValueError):
        peer.convert(fusor.state_dict())
    loaded = convert_peer(name, {'state_dict': fusor.state_dict(), 'meta': {'epoch': 3}})
    torch.testing.assert_close(loaded.state_dict(), fusor.state_dict(), rtol=0, atol=0)


def test_unknown_name():
    with pytest.raises(ValueError, match="'vgg' is none of seafusion, densefuse, "):
        convert_peer('vgg', {})
