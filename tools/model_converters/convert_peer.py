r"""Convert the published weights of another fusion network to this toolbox's fusor.

Get the file from its authors; NAME says which network it is of:

    python tools/model_converters/convert_peer.py seafusion fusionmodel_final.pth seafusion.pth
    python tools/model_converters/convert_peer.py ifcnn-max IFCNN-MAX.pth ifcnn_max.pth

The result loads into the fusor:

    from tsjnet_mm.apis import FusionInferencer
    fuse = FusionInferencer({'type': 'SeAFusion'}, weights='seafusion.pth')
"""

import argparse
from pathlib import Path

import torch

from tsjnet_mm.models.fusors.zoo import PEERS, convert_peer
from tsjnet_mm.utils import whole_file
from tsjnet_mm.utils.checkpoints import read_checkpoint


def main():
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'name', metavar='NAME', choices=PEERS, help=f'the network: {", ".join(PEERS)}'
    )
    parser.add_argument('source', metavar='SOURCE', type=Path, help="the authors' checkpoint")
    parser.add_argument('out', metavar='OUT', type=Path, help='the checkpoint to write')
    args = parser.parse_args()
    try:
        fusor = convert_peer(args.name, read_checkpoint(args.source))
        with whole_file(args.out) as partial:
            meta = {'source': args.source.name, 'model': PEERS[args.name].fusor}
            torch.save({'meta': meta, 'state_dict': fusor.state_dict()}, partial)
    except (OSError, ValueError) as error:
        message = str(error)
        if str(args.source) not in message and isinstance(error, ValueError):
            message = f'{args.source}: {message}'
        parser.exit(1, f'error: {message}\n')
    parameters = sum(value.numel() for value in fusor.parameters())
    print(f'wrote {args.out}: {type(fusor).__name__}, {parameters:,} parameters')


if __name__ == '__main__':
    main()
