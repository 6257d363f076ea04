import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from tsjnet_mm.cli.convert_driver import build_driver
from tsjnet_mm.utils.model_index import config_dir

TOOL = 'model_converters/convert_driver.py'
#: Entries of ESPNetv2 that a mixed up rule would exchange with others of the same shape.
PICKED = {
    'base_net.level2_0.eesp.spp_dw.3.conv.weight': 'backbone.down2.unit.branches.3.weight',
    'base_net.level3_0.inp_reinf.1.bn.bias': 'backbone.down3.image.1.1.bias',
    'base_net.level3.1.br_after_cat.bn.running_mean': (
        'backbone.stage3.1.unit.merge.0.running_mean'
    ),
    'base_net.level4.6.module_act.weight': 'backbone.stage4.6.act.weight',
    'base_net.level4_0.act.weight': 'backbone.down4.act.weight',
    'bu_dec_l3.stages.1.weight': 'decode_head.poolings.2.filters.1.weight',
    'bu_dec_l2.br.br.1.weight': 'decode_head.outputs.1.2.weight',
    'bu_dec_l4.merge_layer.3.bias': 'decode_head.conv_seg.bias',
    'merge_enc_dec_l4.wt_layer.1.weight': 'decode_head.laterals.2.gate.weight',
    'bu_br_l3.0.running_var': 'decode_head.norms.1.0.running_var',
}


@pytest.fixture(scope='module')
def published_names():
    path = Path(__file__).resolve().parents[1] / 'data' / 'driver_names.json'
    return json.loads(path.read_text())


def write_onnx(path, shapes):
    """A graph of convolutions alone, with random weights; returns these."""
    onnx = pytest.importorskip('onnx')
    rng = np.random.default_rng(0)
    weights = [
        (
            rng.normal(size=shape).astype(np.float32),
            rng.normal(size=shape[0]).astype(np.float32),
        )
        for shape in shapes
    ]
    values = {
        f'{kind}{index}': value
        for index, pair in enumerate(weights)
        for kind, value in zip('wb', pair, strict=True)
    }
    nodes = [
        onnx.helper.make_node('Conv', [f'x{i}', f'w{i}', f'b{i}'], [f'x{i + 1}'], f'Conv_{i}')
        for i in range(len(shapes))
    ]
    # Stored in another order than they are used, as an exporter may.
    stored = [onnx.numpy_helper.from_array(values[name], name) for name in sorted(values)]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, 'g', [], [], stored)), path)
    return weights


def test_yolox_nano(published_names, tmp_path, run_main):
    source, target = tmp_path / 'nano.onnx', tmp_path / 'new' / 'nano.pth'
    weights = write_onnx(source, published_names['yolox-nano'])
    status, out, _ = run_main(TOOL, 'yolox-nano', source, target)
    assert status == 0
    assert out.endswith(f'wrote {target}: yolox-nano, 912,159 parameters\n')
    checkpoint = torch.load(target, weights_only=True)
    state = checkpoint['state_dict']
    assert checkpoint['meta']['dataset_meta']['classes'][:3] == ['person', 'bicycle', 'car']
    # In the file, a main branch comes before the short one, which has the same shape.
    for index, start in {
        0: 'backbone.stem.conv',
        21: 'backbone.stage2.1.blocks.2.conv2.pointwise_conv',
        11: 'backbone.stage2.1.main_conv',
        12: 'backbone.stage2.1.short_conv',
        47: 'neck.reduce_layers.0',
        49: 'neck.top_down_blocks.0.short_conv',
        71: 'neck.bottom_up_blocks.1.main_conv',
        84: 'bbox_head.multi_level_reg_convs.0.0.pointwise_conv',
    }.items():
        weight, bias = weights[index]
        assert np.array_equal(state[f'{start}.conv.weight'], weight), start
        assert np.array_equal(state[f'{start}.bn.bias'], bias), start
    for index, name in {87: 'reg.0', 88: 'obj.0', 112: 'obj.2'}.items():
        for kind, value in zip(('weight', 'bias'), weights[index], strict=True):
            found = state[f'bbox_head.multi_level_conv_{name}.{kind}']
            assert np.array_equal(found, value), name
    # A normalisation adds its convolution's bias, and does nothing else.
    network = build_driver('yolox-nano').model
    network.load_state_dict(state)
    norm = network.eval().backbone.stage1[0].depthwise_conv.bn
    x = torch.rand(1, 16, 4, 4)
    expected = x + torch.tensor(weights[1][1]).view(1, -1, 1, 1)
    torch.testing.assert_close(norm(x), expected, rtol=0, atol=1e-5)


def test_espnetv2(published_names, tmp_path, run_main):
    source, target = tmp_path / 'espnet.pth', tmp_path / 'espnetv2.pth'
    published = {name: torch.rand(shape) for name, shape in published_names['espnetv2'].items()}
    torch.save({f'module.{name}': value for name, value in published.items()}, source)
    status, out, _ = run_main(TOOL, 'espnetv2', source, target)
    assert status == 0
    assert out.endswith(f'wrote {target}: espnetv2, 788,762 parameters\n')
    checkpoint = torch.load(target, weights_only=True)
    names = checkpoint['meta']['dataset_meta']['classes']
    assert (names[0], names[13], names[19], len(names)) == ('road', 'car', 'background', 20)
    # MSRS's car, person and bike in the config that looks for this file.
    path = config_dir() / '_base_' / 'models' / 'segmentor_espnetv2.py'
    label_map = Config.fromfile(path).segmentor.label_map
    assert [[names[index] for index in group] for group in label_map[1:4]] == [
        ['car', 'truck', 'bus'],
        ['person', 'rider'],
        ['motorcycle', 'bicycle'],
    ]
    assert sorted(index for group in label_map[:4] for index in group) == [*range(20)]
    for theirs, ours in PICKED.items():
        assert torch.equal(checkpoint['state_dict'][ours], published[theirs]), ours
    # Each entry is used once, but for the activation of the three units that have none.
    found = {value.flatten()[0].item() for value in checkpoint['state_dict'].values()}
    unused = [name for name, v in published.items() if v.flatten()[0].item() not in found]
    assert unused == [f'base_net.level{n}_0.eesp.module_act.weight' for n in (2, 3, 4)]


def test_other_files_are_refused(published_names, tmp_path, run_main):
    shapes = published_names['yolox-nano']
    wider = [*shapes[:5], [32, *shapes[5][1:]], *shapes[6:]]
    for name, content, told in (
        ('short.onnx', shapes[:73], 'expected 113 convolutions, found 73'),
        (
            'wide.onnx',
            wider,
            'expected (16, 16, 1, 1) and a bias for backbone.stage1.1.blocks.',
        ),
    ):
        write_onnx(tmp_path / name, content)
        status, _, err = run_main(TOOL, 'yolox-nano', tmp_path / name, tmp_path / 'out.pth')
        assert status == 1 and err.count('\n') == 1
        assert err.startswith(
            f'error: {tmp_path / name}: not the weights of yolox-nano: {told}'
        )
    published = {name: torch.rand(shape) for name, shape in published_names['espnetv2'].items()}
    first = 'base_net.level1.conv.weight'
    for change, told in (
        ({'head.weight': torch.ones(1)}, "unknown entry 'head.weight'"),
        (
            {first: torch.rand(16, 3, 3, 3)},
            'expected (32, 3, 3, 3) for backbone.stem.0.weight, ',
        ),
        ({first: None}, 'expected 456 entries, found no backbone.stem.0.weight'),
    ):
        changed = {**published, **change}
        path = tmp_path / 'other.pth'
        torch.save({name: v for name, v in changed.items() if v is not None}, path)
        status, _, err = run_main(TOOL, 'espnetv2', path, tmp_path / 'out.pth')
        assert status == 1
        assert err.startswith(f'error: {path}: not the weights of espnetv2: {told}')
    (tmp_path / 'text.onnx').write_text('nothing')
    for name, told in (('none.onnx', 'no ONNX file at'), ('text.onnx', 'is no ONNX file')):
        status, _, err = run_main(TOOL, 'yolox-nano', tmp_path / name, tmp_path / 'out.pth')
        assert status == 1 and told in err
    assert not (tmp_path / 'out.pth').exists()
