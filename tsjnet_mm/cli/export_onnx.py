r"""Export a fusor to ONNX, for images and batches of any size.

The inputs `ir` and `vi` (luma) are float32 (B, 1, H, W) in [0, 1]. The output `fused` has the
same shape; clip it to [0, 1]. The file is saved only if onnxruntime and PyTorch agree.

Examples:
    python tools/deployment/export_onnx.py --model tsjnet-light --out net.onnx
    python tools/deployment/export_onnx.py --model tsjnet-light --weights W.pth --out my.onnx \
        --check ir.png vi.png     # compare on this pair too
    python tools/fuse.py --ir IR --vi VI --out OUT --model net.onnx

Needs the extra `onnx`: pip install 'tsjnet_mm[onnx]'
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import add_overwrite_argument, check_weights
from .program import ToolParser, tool

if TYPE_CHECKING:
    from torch import Tensor


def read_pair(ir: str, vi: str) -> tuple[Tensor, Tensor]:
    """A pair of files as float32 (1, 1, H, W) infrared and luma."""
    import torch

    from tsjnet_mm.apis import iterate_pairs
    from tsjnet_mm.utils import rgb_to_luma

    (pair,) = iterate_pairs(ir, vi)
    visible = torch.from_numpy(pair.vi).permute(2, 0, 1)[None]
    return torch.from_numpy(pair.ir)[None, None], rgb_to_luma(visible)


@tool()
def main() -> None:
    """Command line."""
    parser = ToolParser(__doc__)
    parser.add_argument(
        '--model',
        required=True,
        help='name, or config file (Python code, which is run), see fuse.py',
    )
    parser.add_argument('--weights', help='checkpoint of the model (default: published)')
    parser.add_argument('--out', required=True, type=Path, help='the .onnx file to write')
    parser.add_argument('--opset', type=int, help="default: the exporter's")
    parser.add_argument(
        '--check', nargs=2, metavar=('IR', 'VI'), help='compare on this pair of files too'
    )
    add_overwrite_argument(parser)
    args = parser.parse_args()

    from tsjnet_mm.apis import init_fusor
    from tsjnet_mm.io.outputs import check_outputs
    from tsjnet_mm.models.fusors.onnx_export import export

    if args.out.suffix != '.onnx':
        parser.error(f'--out must end in .onnx, got {args.out}')
    check_weights(parser, args)
    read = [args.model, args.weights, *(args.check or ())]
    check_outputs([args.out], [path for path in read if path], args.overwrite)
    pairs = [read_pair(*args.check)] if args.check else []
    fusor = init_fusor(args.model, args.weights)
    difference = export(fusor, args.out, args.model, args.opset, pairs)
    print(f'wrote {args.out}; it differs from PyTorch by {difference:.1e} at most')
