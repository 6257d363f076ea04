r"""Convert the published weights of a detector or a segmentor to those of a driver.

Get the file from its authors. NAME is the name of the network:

    python tools/model_converters/convert_driver.py yolox-nano yolox_nano.onnx \
        checkpoints/yolox_nano.pth
    python tools/model_converters/convert_driver.py espnetv2 \
        espnetv2_s_2.0_cityscapes.pth checkpoints/espnetv2.pth

configs/_base_/models/detector_yolox-nano.py and segmentor_espnetv2.py look for the results in
the folder `checkpoints`, or in the one that the environment variable TSJNET_DRIVERS names. The
tools of mmdet and mmseg take them, too. An ONNX file needs the package `onnx`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tsjnet_mm.utils.files import whole_file
from tsjnet_mm.utils.words import counted, name_some

from .program import ToolParser, tool

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tsjnet_mm.models.drivers import BaseDriver

#: Name -> config of the driver whose weights are converted.
DRIVERS = {
    'yolox-nano': ('detector_yolox-nano', 'detector'),
    'espnetv2': ('segmentor_espnetv2', 'segmentor'),
}


def _rules(start, target, rules):
    """Rules of :func:`.rename_entries` for names that begin with ``start``."""
    return [
        (rf'{start}{old}(?P<rest>.*)', new and rf'{target}{new}\g<rest>') for old, new in rules
    ]


def _layers(theirs, ours, names=('conv', 'bn', 'act'), first=0):
    """Rules for layers that have names there and numbers here."""
    return [
        (rf'{theirs}{name}\.', f'{ours}{index}.') for index, name in enumerate(names, first)
    ]


#: Of ESPNetv2: rules for the parts of one unit.
_UNIT = (
    *_layers(r'proj_1x1\.', 'reduce.'),
    (r'spp_dw\.(?P<branch>\d)\.conv\.', r'branches.\g<branch>.'),
    *_layers(r'br_after_cat\.', 'merge.', ('bn', 'act')),
    *_layers(r'conv_1x1_exp\.', 'expand.', ('conv', 'bn')),
)


def _espnet_rules():
    """Rules for all entries of the authors' ESPNetv2."""
    base, numbers = r'base_net\.level', ('0', '1', '2')
    rules = _rules(rf'{base}1\.', 'backbone.stem.', _layers('', ''))
    for level in (2, 3, 4):
        start, target = rf'{base}{level}_0\.', f'backbone.down{level}.'
        # The last activation of a unit is not used where the size is halved.
        rules += _rules(rf'{start}eesp\.', f'{target}unit.', [*_UNIT, (r'module_act\.', None)])
        for index in (0, 1):
            image = _layers(rf'inp_reinf\.{index}\.', f'image.{index}.')
            rules += _rules(start, target, image)
        rules += _rules(start, target, [(r'act\.', 'act.')])
        start, target = rf'{base}{level}\.(?P<unit>\d)\.', rf'backbone.stage{level}.\g<unit>.'
        rules += _rules(start, f'{target}unit.', _UNIT)
        rules += _rules(start, target, [(r'module_act\.', 'act.')])
    for step in range(4):
        pooling = [
            *_layers(r'projection_layer\.cbr\.', 'reduce.', numbers),
            (r'stages\.(?P<size>\d)\.', r'filters.\g<size>.'),
            *_layers(r'merge_layer\.0\.br\.', 'norm.', numbers),
            *_layers(r'merge_layer\.2\.cbr\.', 'merge.', numbers),
        ]
        start = rf'bu_dec_l{step + 1}\.'
        rules += _rules(start, f'decode_head.poolings.{step}.', pooling)
        if step == 3:
            rules += _rules(start, 'decode_head.', [(r'merge_layer\.3\.', 'conv_seg.')])
            break
        output = [(r'merge_layer\.3\.', '0.'), *_layers(r'br\.br\.', '', numbers, first=1)]
        rules += _rules(start, f'decode_head.outputs.{step}.', output)
        lateral = [
            (r'wt_layer\.1\.', 'gate.'),
            *_layers(r'expansion_layer\.cbr\.', 'project.', numbers),
        ]
        start = rf'merge_enc_dec_l{step + 2}\.'
        rules += _rules(start, f'decode_head.laterals.{step}.', lateral)
        norms = _layers('', '', numbers)
        rules += _rules(rf'bu_br_l{step + 2}\.', f'decode_head.norms.{step}.', norms)
    return rules


def convert_espnet(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """Weights of ESPNetv2 from the authors' checkpoint of the segmentation network.

    Args:
        path: The file.
        network: Ours, as the driver builds it; names and shapes are compared.

    Returns:
        dict[str, Tensor]: State dict of the network.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds other things than weights, or those of another network.
    """
    from tsjnet_mm.models.peers.renaming import rename_entries
    from tsjnet_mm.utils.checkpoints import read_checkpoint

    checkpoint = read_checkpoint(path)
    if isinstance(checkpoint, dict):
        checkpoint = checkpoint.get('state_dict', checkpoint)
    try:
        state_dict = rename_entries(checkpoint, _espnet_rules())
    except ValueError as error:
        raise ValueError(f'{path}: not the weights of espnetv2: {error}') from error
    counters = {k: v for k, v in network.state_dict().items() if k.endswith('_tracked')}
    state_dict = counters | state_dict  # Older files have none of these.
    expected = {k: v for k, v in network.state_dict().items() if k not in counters}
    missing = sorted(expected.keys() - state_dict.keys())
    if missing:
        raise ValueError(
            f'{path}: not the weights of espnetv2: expected '
            f'{counted(len(expected), "entry", "entries")}, found no {name_some(missing)}'
        )
    for name, value in expected.items():
        if name in state_dict and state_dict[name].shape != value.shape:
            raise ValueError(
                f'{path}: not the weights of espnetv2: expected {tuple(value.shape)} for '
                f'{name}, found {tuple(state_dict[name].shape)}'
            )
    return state_dict


def _yolox_convolutions() -> list[str]:
    """Names in mmdet of YOLOX-nano's convolutions, in the order of the published graph."""

    def separable(name):
        return [f'{name}.depthwise_conv.conv', f'{name}.pointwise_conv.conv']

    def csp(name, blocks):
        # The authors' graph computes the main branch first, mmdet's the short one.
        names = [f'{name}.main_conv.conv', f'{name}.short_conv.conv']
        for block in range(blocks):
            start = f'{name}.blocks.{block}'
            names += [f'{start}.conv1.conv', *separable(f'{start}.conv2')]
        return [*names, f'{name}.final_conv.conv']

    names = ['backbone.stem.conv.conv']
    for stage, blocks in enumerate((1, 3, 3, 1), start=1):
        start = f'backbone.stage{stage}'
        names += separable(f'{start}.0')
        if stage == 4:
            names += [f'{start}.1.conv1.conv', f'{start}.1.conv2.conv']
        names += csp(f'{start}.{2 if stage == 4 else 1}', blocks)
    for level in range(2):
        names += [f'neck.reduce_layers.{level}.conv', *csp(f'neck.top_down_blocks.{level}', 1)]
    for level in range(2):
        names += separable(f'neck.downsamples.{level}')
        names += csp(f'neck.bottom_up_blocks.{level}', 1)
    for level in range(3):
        names.append(f'neck.out_convs.{level}.conv')
        for branch, outputs in (('cls', ['cls']), ('reg', ['reg', 'obj'])):
            for layer in range(2):
                names += separable(f'bbox_head.multi_level_{branch}_convs.{level}.{layer}')
            names += [f'bbox_head.multi_level_conv_{out}.{level}' for out in outputs]
    return names


def convert_yolox(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """Weights of mmdet's YOLOX-nano from the published ONNX file.

    In the file the normalisations are part of the convolutions. Here each normalisation becomes
    the identity, but for the bias of its convolution.

    Args:
        path: The file.
        network: mmdet's, as the driver builds it; its shapes are compared.

    Returns:
        dict[str, Tensor]: State dict of the network.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no ONNX file, or its convolutions are not those of the network.
    """
    import torch

    from tsjnet_mm.utils.optional import require

    require('onnx')
    import onnx

    if not path.is_file():
        raise FileNotFoundError(f'no ONNX file at {path}')
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # Protobuf's, which onnx does not name.
        raise ValueError(f'{path} is no ONNX file, or it is damaged ({error})') from error
    values = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == 'Conv']
    modules, names = dict(network.named_modules()), _yolox_convolutions()
    if len(nodes) != len(names):
        raise ValueError(
            f'{path}: not the weights of yolox-nano: expected {len(names)} convolutions, found '
            f'{len(nodes)}'
        )
    state_dict = network.state_dict()
    for name, node in zip(names, nodes, strict=True):
        missing = [key for key in node.input[1:] if key not in values]
        found = None
        if len(node.input) == 3 and not missing:
            weight, bias = (torch.tensor(values[key]) for key in node.input[1:])
            found = tuple(weight.shape)
        expected = tuple(modules[name].weight.shape)
        if found != expected:
            raise ValueError(
                f'{path}: not the weights of yolox-nano: expected {expected} and a bias for '
                f'{name}, found {found or "no such weights"} in {node.name or "a node"}'
            )
        state_dict[f'{name}.weight'] = weight
        norm = modules.get(f'{name.rpartition(".")[0]}.bn')
        if norm is None:  # The last layers have none.
            state_dict[f'{name}.bias'] = bias
            continue
        start = f'{name.rpartition(".")[0]}.bn'
        state_dict[f'{start}.weight'] = torch.ones_like(bias)
        state_dict[f'{start}.bias'] = bias
        state_dict[f'{start}.running_mean'] = torch.zeros_like(bias)
        state_dict[f'{start}.running_var'] = torch.full_like(bias, 1 - norm.eps)
    return state_dict


def build_driver(name: str) -> BaseDriver:
    """A driver with random weights.

    Args:
        name: One of :data:`DRIVERS`.

    Returns:
        BaseDriver: Its ``model`` is the network of mmdet or mmseg, in evaluation mode.

    Raises:
        ImportError: The library is missing; says what brings it.
    """
    from mmengine.config import Config

    from tsjnet_mm.registry import MODELS
    from tsjnet_mm.utils.model_index import config_dir

    file, key = DRIVERS[name]
    config = Config.fromfile(config_dir() / '_base_' / 'models' / f'{file}.py')[key]
    return MODELS.build({**config, 'weights': None})


def _class_names(driver: BaseDriver) -> list[str]:
    """Names of the network's classes: its config's, or those of ESPNetv2 for Cityscapes."""
    if driver.classes:
        return list(driver.classes)
    from mmseg.datasets import CityscapesDataset

    return [*CityscapesDataset.METAINFO['classes'], 'background']


@tool()
def main() -> None:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        'name', metavar='NAME', choices=DRIVERS, help=f'the network: {", ".join(DRIVERS)}'
    )
    parser.add_argument('source', metavar='SOURCE', type=Path, help='the published file')
    parser.add_argument('out', metavar='OUT', type=Path, help='the checkpoint to write')
    parser.add_argument('--overwrite', action='store_true', help='overwrite an existing file')
    args = parser.parse_args()

    import torch

    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.utils.checkpoints import add_digest

    check_outputs([args.out], [args.source], args.overwrite)
    driver = build_driver(args.name)
    network = driver.model
    convert = {'yolox-nano': convert_yolox, 'espnetv2': convert_espnet}[args.name]
    network.load_state_dict(convert(args.source, network))
    meta = {'source': args.source.name, 'dataset_meta': {'classes': _class_names(driver)}}
    checkpoint = {'meta': meta, 'state_dict': network.state_dict()}
    add_digest(checkpoint)
    with whole_file(args.out) as partial:
        torch.save(checkpoint, partial)
    parameters = sum(value.numel() for value in network.parameters())
    print(f'wrote {args.out}: {args.name}, {parameters:,} parameters')
