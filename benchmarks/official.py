r"""Time the ``official`` preset beside the network of TSJNet's authors, with the same weights.

Get the authors' code (XylonXu01/TSJNet) and ``pip install einops``, which it imports.

Examples:
    python benchmarks/official.py --authors ~/TSJNet
    python benchmarks/official.py --authors ~/TSJNet --sizes 320x256 640x480 --repeats 3
    python benchmarks/official.py --authors ~/TSJNet --device cuda

Weights are random and converted by ``tools/model_converters/tsjnet_release.py``. The authors'
neighbourhood attention (natten's module) is replaced by this toolbox's, which runs everywhere;
all else is theirs. Each candidate runs in a process of its own; they take turns; times are
medians. Memory is the peak of the whole process. Sides must be multiples of 32: the authors'
network takes no others. PSNR is for a peak of 1; SNR compares with the output's own deviation,
which is small with random weights.
"""

import argparse
import sys
import types
import warnings
from pathlib import Path

import torch
from torch import nn

from tsjnet_mm.models.fusors.init import init_fusor
from tsjnet_mm.models.layers import NeighborhoodAttention
from tsjnet_mm.protocols.timing import SideBySideTimer, add_arguments

ROOT = Path(__file__).resolve().parents[1]
#: What is timed beside the authors' network: as it trains, and as it fuses.
OURS = {'as trained': None, 'fp32': torch.float32, 'bf16': torch.bfloat16}


class _AuthorsAttention(nn.Module):
    """natten's module, as far as the authors use it, computed by ours."""

    def __init__(self, dim, kernel_size, num_heads, qkv_bias=True, **_):
        super().__init__()
        attention = NeighborhoodAttention(dim, num_heads, kernel_size, qkv_bias)
        self.qkv, self.proj = attention.qkv, attention.proj
        self._attend = [attention]

    def forward(self, x):
        return self._attend[0](x)


def _randomise(state_dict, generator):
    """Weights of the size that keeps features in range, normalisations that do something."""
    for name, value in state_dict.items():
        if not value.is_floating_point():
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith('running_var'):
            value.copy_(1 + 0.2 * noise.abs())
        elif name.endswith(('running_mean', 'bias')):
            value.copy_(0.1 * noise)
        elif value.dim() < 2:
            value.copy_(1 + 0.1 * noise)
        else:
            value.copy_(noise * (1.5 / value[0].numel()) ** 0.5)


def authors_parts(folder):
    """The authors' four networks, by their names in a checkpoint, with random weights."""
    warnings.filterwarnings('ignore')
    natten = types.ModuleType('natten')
    natten.NeighborhoodAttention2D = _AuthorsAttention
    sys.modules['natten'] = natten
    sys.path.insert(0, str(folder))
    import net

    parts = {
        'DIDF_Encoder': net.Restormer_Encoder(),
        'DIDF_Decoder': net.Restormer_Decoder(128, 512, 32),
        'BaseFuseLayer': net.BaseFeatureExtraction(dim=64, num_heads=8),
        'DetailFuseLayer': net.DetailFeatureExtraction(n_feat=64),
    }
    generator = torch.Generator().manual_seed(0)
    for part in parts.values():
        _randomise(part.eval().state_dict(), generator)
    return parts


def build_authors(folder, device):
    """The authors' network as their inference script runs it, up to the decoder's output."""
    parts = nn.ModuleDict(authors_parts(folder)).to(device)
    encoder, decoder, base, detail = parts.values()

    def fuse(ir, vi):
        vi_base, vi_detail, _ = encoder(vi)
        ir_base, ir_detail, _ = encoder(ir)
        return decoder(base(ir_base + vi_base), detail(ir_detail + vi_detail))[0]

    return parts, fuse


def build_ours(folder, device, dtype):
    """The preset with the authors' weights."""
    sys.path.insert(0, str(ROOT / 'tools' / 'model_converters'))
    from tsjnet_release import convert

    parts = authors_parts(folder)
    fusor = init_fusor('tsjnet-official')
    fusor.load_state_dict(convert({name: part.state_dict() for name, part in parts.items()}))
    if dtype is not None:
        fusor = fusor.for_inference(dtype)
    return fusor.to(device), fusor.fuse


def main():
    """Print time, memory and the difference to the authors' output for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--authors', type=Path, required=True, help='folder of their net.py')
    add_arguments(parser, repeats=3)
    args = parser.parse_args()
    if not (args.authors / 'net.py').is_file():
        parser.error(f'there is no net.py in {args.authors}')
    candidates = {'authors': (build_authors, args.authors, args.device)}
    for name, dtype in OURS.items():
        candidates[f'official, {name}'] = (build_ours, args.authors, args.device, dtype)
    timer = SideBySideTimer(candidates, args.device, args.threads, args.flush_denormal)
    for name, reason in timer.absent.items():
        print(f'{name} is left out: {reason}')
    if 'authors' not in timer.pipes:
        parser.exit(1)
    for size in args.sizes:
        results = timer.run(size, args.repeats)
        authors = results['authors']
        print(
            f'{size[0]}x{size[1]}, {args.device}, {args.threads} threads, medians of '
            f'{args.repeats}; the output spreads by {authors.output.std():.3f}'
        )
        print(
            f'{"network":<22}{"parameters":>12}{"GMACs":>9}{"GB":>7}{"s":>8}{"faster":>8}'
            f'{"largest difference":>20}{"PSNR, dB":>10}{"SNR, dB":>9}'
        )
        for name, result in results.items():
            difference = (result.output - authors.output).double()
            psnr = -10 * torch.log10(difference.square().mean())
            snr = psnr + 20 * torch.log10(authors.output.double().std())
            print(
                f'{name:<22}{result.parameters:>12,}{result.gmacs:>9.1f}'
                f'{result.gigabytes:>7.2f}{result.seconds:>8.2f}'
                f'{authors.seconds / result.seconds:>8.2f}'
                f'{difference.abs().max():>20.1e}{psnr:>10.1f}{snr:>9.1f}'
            )
    timer.close()


if __name__ == '__main__':
    main()
