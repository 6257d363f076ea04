r"""Time fusors beside published networks.

For the networks as their authors wrote them, clone these into one folder, under these names;
those that are not there are left out:

    DATFuse    tthinking/DATFuse                 DenseFuse  hli1221/densefuse-pytorch
    IFCNN      uzeful/IFCNN                      ReCoNet    dlut-dimt/ReCoNet
    SeAFusion  Linfeng-Tang/SeAFusion            TarDAL     JinyuanLiu-CV/TarDAL (v0)

Examples:
    python benchmarks/peers.py --models tsjnet-light seafusion laplacian
    python benchmarks/peers.py --peers ~/peers
    python benchmarks/peers.py --peers ~/peers --precision bf16 --sizes 320x240 640x480
    python benchmarks/peers.py --peers ~/peers --weights tsjnet_light.pth --flush-denormal
    python benchmarks/peers.py --peers ~/peers --device cuda --precision fp16
    python benchmarks/peers.py --compile                # ours alone, and by torch.compile

Each runs in a process of its own; they take turns. Times are medians of the network alone,
without reading, colour or writing; only the row marked so includes colour. The networks'
weights are random: they change the work only where they make denormal numbers, which
``--flush-denormal`` counts as zero. Memory is the peak of the whole process, Python and
libraries included.
"""

import argparse
import importlib
import sys
import types
import warnings
from pathlib import Path

import torch

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.protocols.timing import SideBySideTimer, add_arguments


def _import(folder, module):
    """A module of a checkout."""
    sys.path.insert(0, str(folder))
    return importlib.import_module(module)


def _datfuse(folder):
    network = _import(folder, 'Networks.network').MODEL(in_channel=2)
    return network, lambda ir, vi: network(torch.cat((vi, ir), 1))


def _densefuse(folder):
    network = _import(folder, 'net').DenseFuse_net(1, 1)

    def fuse(ir, vi):
        features = network.encoder(ir), network.encoder(vi)
        return network.decoder(network.fusion(*features, strategy_type='addition'))[0]

    return network, fuse


def _ifcnn(folder):
    from torchvision.models import resnet101

    network = _import(folder / 'Code', 'model').IFCNN(resnet101(weights=None), fuse_scheme=0)
    return network, lambda ir, vi: network(*(x.expand(-1, 3, -1, -1) for x in (vi, ir)))


def _reconet(folder):
    network = _import(folder, 'archive.model').Fuser(loop_num=3, feather_num=64)
    return network, lambda ir, vi: network([ir, vi])[0][-1]


def _seafusion(folder):
    network = _import(folder, 'FusionNet').FusionNet(output=1)
    return network, lambda ir, vi: network(vi, ir)


def _tardal(folder):
    network = _import(folder, 'modules.generator').Generator(dim=32, depth=3)
    return network, network


PEERS = {
    'DATFuse': _datfuse,
    'DenseFuse': _densefuse,
    'IFCNN': _ifcnn,
    'ReCoNet': _reconet,
    'SeAFusion': _seafusion,
    'TarDAL': _tardal,
}


def build_peer(name, folder, device):
    """A published network with random weights."""
    torch.manual_seed(0)
    warnings.filterwarnings('ignore')
    if device == 'cpu':
        # Some call .cuda() on features; on a CPU these stay where they are.
        torch.Tensor.cuda = lambda self, *_, **__: self
    sys.modules.setdefault('seaborn', types.ModuleType('seaborn'))  # imported, never used
    network, fuse = PEERS[name](folder)
    network.eval().to(device)
    return network, fuse


def build_ours(model, weights, device, precision, colour=False, compile=False):
    """A fusor of this toolbox, through the inferencer."""
    warnings.filterwarnings('ignore', message='.*random weights')
    inferencer = FusionInferencer(model, weights, device, precision, tile=0, compile=compile)
    if colour:
        return inferencer.fusor, lambda ir, vi: inferencer.fuse(ir, vi.expand(-1, 3, -1, -1))
    return inferencer.fusor, lambda ir, vi: inferencer.fuse(ir, vi, grey=True)


def main():
    """Print parameters, MACs, memory and time for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--peers', type=Path, help='folder of checkouts (default: ours alone)')
    parser.add_argument(
        '--models',
        nargs='+',
        default=['tsjnet-light'],
        help='ours; times are relative to the last (default: tsjnet-light)',
    )
    parser.add_argument(
        '--weights', help='checkpoint of the first (default: published, or random)'
    )
    parser.add_argument('--precision', default='fp32', help='of ours (default: %(default)s)')
    parser.add_argument(
        '--compile', action='store_true', help='time ours by torch.compile, too (minutes)'
    )
    add_arguments(parser, repeats=7)
    args = parser.parse_args()

    first, weights = args.models[0], args.weights
    candidates = {}
    for model in args.models:
        candidates[model] = (build_ours, model, weights, args.device, args.precision)
        weights = None
    given = candidates[first]
    candidates[f'{first}, colour'] = (*given, True)
    if args.compile:
        candidates[f'{first}, compiled'] = (*given, False, True)
    for name in PEERS if args.peers else ():
        if (args.peers / name).is_dir():
            candidates[name] = (build_peer, name, args.peers / name, args.device)
        else:
            print(f'{name} is left out: there is no {args.peers / name}')
    timer = SideBySideTimer(candidates, args.device, args.threads, args.flush_denormal)
    for name, reason in timer.absent.items():
        print(f'{name} is left out: {reason}')
    for size in args.sizes:
        results = timer.run(size, args.repeats)
        print(
            f'{size[0]}x{size[1]}, {args.device}, {args.threads} threads, ours in '
            f'{args.precision}, flush denormal {args.flush_denormal}, medians of {args.repeats}'
        )
        print(f'{"network":<26}{"parameters":>12}{"GMACs":>9}{"GB":>7}{"ms":>9}{"ratio":>7}')
        unit = results[args.models[-1]].seconds
        for name, result in sorted(results.items(), key=lambda item: item[1].seconds):
            print(
                f'{name:<26}{result.parameters:>12,}{result.gmacs:>9.1f}'
                f'{result.gigabytes:>7.2f}{1000 * result.seconds:>9.1f}'
                f'{result.seconds / unit:>7.2f}'
            )
    timer.close()


if __name__ == '__main__':
    main()
