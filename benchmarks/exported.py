r"""Time an exported fusor: the same ONNX file by onnxruntime and OpenVINO, beside PyTorch.

    python tools/deployment/export_onnx.py --model tsjnet-light --out light.onnx
    python benchmarks/exported.py light.onnx --model tsjnet-light
    python benchmarks/exported.py light.onnx --model tsjnet-light --sizes 640x480 1280x1024

OpenVINO is left out where it is not installed (``pip install openvino``). Each has its own
process; they take turns. Times are medians of the network alone, for one pair of luma. The
difference is the largest from PyTorch in fp32, in grey levels of 255.
"""

import argparse
import warnings
from pathlib import Path

import torch
from torch import nn

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.protocols.timing import SideBySideTimer, add_arguments


def build_ours(model, precision):
    """A model of the toolbox, or an ONNX file, through the inferencer."""
    warnings.filterwarnings('ignore', message='.*random weights')
    inferencer = FusionInferencer(str(model), precision=precision, tile=0)
    return inferencer.fusor, lambda ir, vi: inferencer.fuse(ir, vi, grey=True)


def build_openvino(path):
    """The ONNX file in OpenVINO, in single precision."""
    import openvino

    options = {
        'INFERENCE_NUM_THREADS': torch.get_num_threads(),
        'INFERENCE_PRECISION_HINT': 'f32',
        'PERFORMANCE_HINT': 'LATENCY',
    }
    network = openvino.Core().compile_model(str(path), 'CPU', options)

    def fuse(ir, vi):
        output = network({'ir': ir.numpy(), 'vi': vi.numpy()})[0]
        return torch.from_numpy(output).clamp(0, 1)

    return nn.Identity(), fuse


def main() -> None:
    """Print times for each size and number of threads."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('onnx', type=Path, help='file of tools/deployment/export_onnx.py')
    parser.add_argument('--model', default='tsjnet-light', help='which it has')
    add_arguments(parser, repeats=9)
    args = parser.parse_args()
    path = args.onnx.resolve(strict=True)
    candidates = {
        'PyTorch': (build_ours, args.model, 'fp32'),
        'PyTorch, bf16': (build_ours, args.model, 'bf16'),
        'onnxruntime': (build_ours, path, 'fp32'),
        'OpenVINO': (build_openvino, path),
    }
    for threads in range(1, args.threads + 1):
        timer = SideBySideTimer(candidates, args.device, threads, args.flush_denormal)
        for name, reason in timer.absent.items():
            print(f'{name} is left out: {reason}')
        for size in args.sizes:
            results = timer.run(size, args.repeats)
            unit = results['PyTorch']
            print(f'{size[0]}x{size[1]}, {threads} threads, medians of {args.repeats}')
            print(f'{"":<16}{"ms":>9}{"ratio":>7}{"difference":>12}{"GB":>7}')
            for name, result in results.items():
                difference = 255 * (result.output - unit.output).abs().max()
                print(
                    f'{name:<16}{1000 * result.seconds:>9.1f}'
                    f'{result.seconds / unit.seconds:>7.2f}{difference:>12.4f}'
                    f'{result.gigabytes:>7.2f}'
                )
        timer.close()


if __name__ == '__main__':
    main()
