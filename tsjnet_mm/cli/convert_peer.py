r"""Convert the published weights of another fusion network to this toolbox's fusor.

Get the file from its authors. NAME is the name of the network:

    python tools/model_converters/convert_peer.py seafusion fusionmodel_final.pth seafusion.pth
    python tools/model_converters/convert_peer.py ifcnn-max IFCNN-MAX.pth ifcnn_max.pth

Every tool takes the authors' unchanged file (--model seafusion --weights
fusionmodel_final.pth); a config needs the converted one:

    fusor = dict(type='SeAFusion', init_cfg=dict(type='Pretrained', checkpoint='seafusion.pth'))
"""

from pathlib import Path

from tsjnet_mm.utils.files import whole_file
from tsjnet_mm.utils.model_index import find_model, names_of

from .program import ToolParser, tool


@tool()
def main() -> None:
    """Command line."""
    parser, peers = ToolParser(__doc__), names_of('peers')
    parser.add_argument(
        'name', metavar='NAME', choices=peers, help=f'the network: {", ".join(peers)}'
    )
    parser.add_argument('source', metavar='SOURCE', type=Path, help="the authors' checkpoint")
    parser.add_argument('out', metavar='OUT', type=Path, help='the checkpoint to write')
    parser.add_argument('--overwrite', action='store_true', help='overwrite an existing file')
    args = parser.parse_args()

    import torch

    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.models.peers import load_peer
    from tsjnet_mm.utils.checkpoints import add_digest

    check_outputs([args.out], [args.source], args.overwrite)
    fusor = load_peer(args.name, args.source)
    meta = {'source': args.source.name, 'model': find_model(args.name).fusor}
    checkpoint = {'meta': meta, 'state_dict': fusor.state_dict()}
    add_digest(checkpoint)
    with whole_file(args.out) as partial:
        torch.save(checkpoint, partial)
    parameters = sum(value.numel() for value in fusor.parameters())
    print(f'wrote {args.out}: {type(fusor).__name__}, {parameters:,} parameters')
