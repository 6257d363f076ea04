import json
import sys
import zlib
from pathlib import Path

import pytest
import torch

from tsjnet_mm.apis import init_fusor

NAMES = json.loads(
    (Path(__file__).parents[1] / 'data' / 'tsjnet_release_names.json').read_text()
)
# Recorded from the authors' network (their code, its neighbourhood attention replaced by a
# literal gather) with the weights and the images made below: its output at [::32, ::37].
RECORDED = [
    0.482108, 0.487486, 0.507475, 0.511315, 0.503975, 0.489384, 0.503907, 0.343526, 0.361537,
    0.379169, 0.340128, 0.357652, 0.388788, 0.35665, 0.355318, 0.352664, 0.387091, 0.351257,
    0.348722, 0.365221, 0.363182, 0.348639, 0.350272, 0.366923, 0.345514, 0.371615, 0.355688,
    0.3465, 0.353132, 0.371184, 0.378146, 0.330101, 0.357748, 0.366698, 0.362974, 0.362451,
    0.367242, 0.363774, 0.355467, 0.34232,
]  # fmt: skip
RECORDED_MEAN = 0.3630090


def made_up(name, shape):
    """Random weights that depend on the entry's name alone."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    value = torch.randn(shape, generator=generator)
    if name.endswith('num_batches_tracked'):
        return torch.tensor(0)
    if name.endswith('running_var'):
        return 1 + 0.2 * value.abs()
    if name.endswith(('running_mean', 'bias')):
        return 0.1 * value
    if len(shape) < 2:
        return 1 + 0.1 * value
    return value * (1.5 / value[0].numel()) ** 0.5


@pytest.fixture(scope='module')
def release():
    """A checkpoint with the release's names and shapes."""
    return {
        part: {name: made_up(f'{part}.{name}', shape) for name, shape in entries.items()}
        for part, entries in NAMES.items()
    }


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('model_converters/tsjnet_release.py')


@pytest.mark.slow
def test_converted_network_equals_the_authors(release, tool, tmp_path, monkeypatch, capsys):
    source, target = tmp_path / 'TSJNet.pth', tmp_path / 'out' / 'converted.pth'
    torch.save(release, source)
    monkeypatch.setattr(sys, 'argv', ['tsjnet_release.py', str(source), str(target)])
    tool.main()
    assert 'wrote' in capsys.readouterr().out
    assert [path.name for path in target.parent.iterdir()] == ['converted.pth']

    fusor = init_fusor('tsjnet-official', weights=target)
    y, x = torch.meshgrid(torch.arange(224), torch.arange(256), indexing='ij')
    ir = 0.5 + 0.5 * torch.sin(0.13 * x + 0.07 * y)
    vi = 0.5 + 0.5 * torch.cos(0.05 * x - 0.21 * y) * torch.sin(0.4 * x)
    with torch.no_grad():
        fused = fusor.fuse(ir[None, None], vi[None, None])[0, 0]
    sample = fused[::32, ::37].flatten()[: len(RECORDED)]
    torch.testing.assert_close(sample, torch.tensor(RECORDED), rtol=0, atol=1e-4)
    assert fused.mean().item() == pytest.approx(RECORDED_MEAN, abs=1e-5)


def test_every_entry_that_is_read_is_converted(release, tool):
    state_dict = tool.convert(release)
    unread = ('attn.norm.', 'attn.avgpool.', 'attn.conv_head.', 'etailFeature.spa.')
    kept = sum(
        value.numel()
        for part, entries in release.items()
        for name, value in entries.items()
        if not any(word in f'{part}.{name}' for word in unread)
        and not (part == 'DetailFuseLayer' and name.startswith('spa.'))
    )
    assert sum(value.numel() for value in state_dict.values()) == kept


def test_data_parallel_prefix_and_position_bias(release, tool):
    wrapped = {
        part: {f'module.{name}': value for name, value in entries.items()}
        for part, entries in release.items()
    }
    bias = torch.zeros(2, 13, 13)
    wrapped['BaseFuseLayer']['module.attn.levels.0.blocks.1.attn.rpb'] = bias
    state_dict = tool.convert(wrapped)
    assert state_dict['fusion_layer.local.levels.0.1.attention.position_bias'] is bias


def test_wrong_checkpoints_are_named(release, tool):
    with pytest.raises(ValueError, match='DIDF_Decoder'):
        tool.convert({name: part for name, part in release.items() if name != 'DIDF_Decoder'})
    strange = {**release, 'DIDF_Encoder': {**release['DIDF_Encoder'], 'head.weight': 0}}
    with pytest.raises(ValueError, match=r'head\.weight'):
        tool.convert(strange)
