import pytest
import torch

from tsjnet_mm.models.fusors.zoo import PEERS, convert_peer
from tsjnet_mm.registry import MODELS


@pytest.mark.parametrize('name', PEERS)
def test_every_peer(name):
    peer = PEERS[name]
    assert any(True for _ in MODELS.build(peer.fusor).parameters())
    for strange in ([1], {'epoch': 3}, {'head.weight': torch.zeros(1)}, {}):
        with pytest.raises(ValueError, match=f'not the weights of {name}: '):
            convert_peer(name, strange)


def test_unknown_name():
    with pytest.raises(ValueError, match="'vgg' is none of seafusion, densefuse, "):
        convert_peer('vgg', {})
