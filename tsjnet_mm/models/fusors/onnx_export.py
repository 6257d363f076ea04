"""Export a fusor to ONNX and compare the file with PyTorch."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from tsjnet_mm.utils.files import whole_file
from tsjnet_mm.version import __version__

from .base import BaseFusor
from .onnx import METADATA_KEY, MIN_SIZE_KEY, OnnxFusor

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


@torch.no_grad()
def largest_difference(fusor: BaseFusor, exported: BaseFusor, ir: Tensor, vi: Tensor) -> float:
    """Largest absolute difference of two fusors' luma."""
    return (fusor.fuse_luma(ir, vi) - exported.fuse_luma(ir, vi)).abs().max().item()


@torch.no_grad()
def export(
    fusor: BaseFusor,
    path: str | Path,
    name: str,
    opset: int | None = None,
    pairs: Iterable[tuple[Tensor, Tensor]] = (),
) -> float:
    """Write a fusor as ONNX, after comparing it with PyTorch.

    Args:
        fusor (BaseFusor): In eval mode, on the CPU.
        path (str | Path): The file; appears whole and checked, or not at all.
        name (str): Of the model, for the file's metadata.
        opset (int, optional): Version of the operators. Defaults to the exporter's.
        pairs (Iterable[tuple[Tensor, Tensor]]): Infrared and luma, (B, 1, H, W), to compare on
            in addition to images of noise of three sizes.

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
