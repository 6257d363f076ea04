import pytest
import torch

from tsjnet_mm.models.peers.renaming import rename_entries

RULES = ((r'conv([12])\.(.*)', r'layers.\1.\2'), (r'unused\..*', None), (r'conv.*', 'late'))


def test_rules():
    values = [torch.zeros(1) for _ in range(4)]
    names = ['conv1.weight', 'module.conv2.bias', 'unused.weight', 'conv3']
    renamed = rename_entries(dict(zip(names, values, strict=True)), RULES)
    assert list(renamed) == ['layers.1.weight', 'layers.2.bias', 'late']
    assert renamed['layers.2.bias'] is values[1]


@pytest.mark.parametrize(
    ('state_dict', 'message'),
    [
        ([1], 'expected a state dict, found list'),
        ({'epoch': 3}, "found 'epoch', which is no tensor"),
        ({'my.conv1.weight': torch.zeros(1)}, "unknown entry 'my.conv1.weight'"),
    ],
)
def test_refused(state_dict, message):
    with pytest.raises(ValueError, match=message):
        rename_entries(state_dict, RULES)
