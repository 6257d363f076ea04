r"""Export a fusor to ONNX, for images and batches of any size.

The model takes `ir` and `vi` (luma), float32 (B, 1, H, W) in [0, 1], and gives `fused` of the
same shape, to be clipped to [0, 1]. The file appears only if onnxruntime agrees with PyTorch.

Examples:
    python tools/deployment/export_onnx.py --model tsjnet-light --out net.onnx
    python tools/deployment/export_onnx.py --model tsjnet-light --weights W.pth --out my.onnx \
        --check ir.png vi.png     # compare on this pair too
    python tools/fuse.py --ir IR --vi VI --out OUT --model net.onnx

Needs the extra `onnx`: pip install -r requirements/onnx.txt
"""

from pathlib import Path

import torch
from torch import nn

from tsjnet_mm import __version__
from tsjnet_mm.apis import init_fusor, iterate_pairs
from tsjnet_mm.io.outputs import check_outputs
from tsjnet_mm.models.fusors.onnx import METADATA_KEY, MIN_SIZE_KEY, OnnxFusor
from tsjnet_mm.utils import rgb_to_luma, whole_file

from .arguments import add_overwrite_argument, check_weights
from .program import ToolParser, tool

TOLERANCE = 1e-4
#: Height and width of the images of noise to compare on, (smallest side) times these.
CHECKED_SIZES = ((1, 1), (4.2, 5.7), (6, 4))
PREPROCESSING = (
    'ir, vi: float32 (B, 1, H, W), 8-bit levels / 255; of a colour image the BT.601 luma '
    '0.299 R + 0.587 G + 0.114 B'
)


class _FuseLuma(nn.Module):
    def __init__(self, fusor):
        super().__init__()
        self.fusor = fusor

    def forward(self, ir, vi):
        return self.fusor.fuse_luma(ir, vi)


def _random_pair(batch, height, width):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, batch, 1, height, width, generator=generator).unbind()


def read_pair(ir, vi):
    """A pair of files as float32 (1, 1, H, W) infrared and luma."""
    (pair,) = iterate_pairs(ir, vi)
    visible = torch.from_numpy(pair.vi).permute(2, 0, 1)[None]
    return torch.from_numpy(pair.ir)[None, None], rgb_to_luma(visible)


@torch.no_grad()
def largest_difference(fusor, exported, ir, vi):
    """Largest absolute difference of two fusors' luma."""
    return (fusor.fuse_luma(ir, vi) - exported.fuse_luma(ir, vi)).abs().max().item()


@torch.no_grad()
def export(fusor, path, name, opset=None, pairs=()):
    """Write a fusor as ONNX, after comparing it with PyTorch.

    Args:
        fusor (BaseFusor): In eval mode, on the CPU.
        path (str | Path): The file; appears whole and checked, or not at all.
        name (str): Of the model, for the file's metadata.
        opset (int, optional): Version of the operators. Defaults to the exporter's.
        pairs (Iterable[tuple[Tensor, Tensor]]): Infrared and luma, (B, 1, H, W), to compare on
            beside images of noise of three sizes.

    Returns:
        float: The largest difference.

    Raises:
        ValueError: The model does something that ONNX cannot express, or the exported one
            differs by more than 1e-4.
    """
    dim = torch.export.Dim
    sides = max(16, fusor.min_size)
    shape = {0: dim('batch'), 2: dim('height', min=sides), 3: dim('width', min=sides)}
    try:
        program = torch.onnx.export(
            _FuseLuma(fusor).eval(),
            _random_pair(2, 4 * sides + 3, 5 * sides + 13),
            dynamo=True,
            dynamic_shapes=(shape, shape),
            input_names=['ir', 'vi'],
            output_names=['fused'],
            opset_version=opset,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        cause = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = str(cause).partition('\n')[0]
        raise ValueError(f'{name} cannot be exported: {reason}') from error
    program.model.metadata_props.update(
        {
            METADATA_KEY: name,
            MIN_SIZE_KEY: str(fusor.min_size),
            'tsjnet_mm.version': __version__,
            'tsjnet_mm.preprocessing': PREPROCESSING,
        }
    )
    with whole_file(path) as partial:
        program.save(partial, external_data=False)
        exported = OnnxFusor(partial)
        noise = [
            _random_pair(1 + index, int(height * sides), int(width * sides))
            for index, (height, width) in enumerate(CHECKED_SIZES)
        ]
        differences = []
        for ir, vi in [*noise, *pairs]:
            difference = largest_difference(fusor, exported, ir, vi)
            differences.append(difference)
            if not difference <= TOLERANCE:
                raise ValueError(
                    f'{path} is not written: at {tuple(ir.shape)} onnxruntime and PyTorch '
                    f'differ by {difference:.2g}, allowed is {TOLERANCE}'
                )
    return max(differences)


@tool()
def main():
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
    if args.out.suffix != '.onnx':
        parser.error(f'--out must end in .onnx, got {args.out}')
    check_weights(parser, args)
    read = [args.model, args.weights, *(args.check or ())]
    check_outputs([args.out], [path for path in read if path], args.overwrite)
    pairs = [read_pair(*args.check)] if args.check else []
    fusor = init_fusor(args.model, args.weights)
    difference = export(fusor, args.out, args.model, args.opset, pairs)
    print(f'wrote {args.out}; it differs from PyTorch by {difference:.1e} at most')
