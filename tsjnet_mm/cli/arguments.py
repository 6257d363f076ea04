"""Command line arguments that several tools share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tsjnet_mm.io.ranges import UNITS, check_percentiles, check_range
from tsjnet_mm.utils.model_index import DEFAULT_MODEL, ready_models
from tsjnet_mm.utils.styles import DENOISED, PALETTES, PARALLAX_SOURCES, STYLES, Style

if TYPE_CHECKING:
    from tsjnet_mm.apis.inferencer import FusionInferencer
    from tsjnet_mm.io.preparation import Preparation


def parse_named_path(text: str) -> tuple[str, str]:
    """Name and path of ``NAME=PATH``, for argparse."""
    name, _, path = text.partition('=')
    if not name or not path:
        raise argparse.ArgumentTypeError(f'expected NAME=PATH, got {text!r}')
    return name, path


def add_method_paths(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    option: str,
    words: str,
    metavar: str = 'NAME=DIR',
    required: bool = False,
) -> None:
    """Add an option of a path for each method; ``words`` are its help."""
    parser.add_argument(
        option,
        nargs='+',
        type=parse_named_path,
        required=required,
        default=[],
        metavar=metavar,
        help=words,
    )


def unique_names(kind: str, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Paths by their names, in order; refuses a name of a ``kind`` that comes twice."""
    named = dict(pairs)
    if len(named) != len(pairs):
        raise ValueError(f'each {kind} needs a name of its own, got {[*named]} and more')
    return named


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels of ``WIDTHxHEIGHT``, for argparse."""
    try:
        width, height = (int(part) for part in text.lower().split('x'))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'expected WIDTHxHEIGHT such as 320x240, got {text!r}'
        ) from None
    return width, height


class _LimitsAction(argparse.Action):
    """Two numbers that are refused if they cannot be meant, or come with the other option."""

    def __call__(self, parser, namespace, values, option_string=None):
        """See :class:`argparse.Action`."""
        check = check_percentiles if self.dest == 'ir_percentiles' else check_range
        for other in {'ir_range', 'ir_percentiles', 'ir_celsius'} - {self.dest}:
            if getattr(namespace, other, None):
                option = '--' + other.replace('_', '-')
                parser.error(f'give {option} or {option_string}, not both')
        try:
            setattr(namespace, self.dest, check(values, option_string))
        except ValueError as error:
            parser.error(str(error))


def add_affix_arguments(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--ir-affix`` and ``--vi-affix``: what names of each kind add to a pair's."""
    for kind, words, example in (('ir', 'infrared', '_T'), ('vi', 'visible', '_RGB')):
        parser.add_argument(
            f'--{kind}-affix',
            nargs='+',
            metavar='AFFIX',
            help=f'what names of {words} images begin or end with, or their folder, where it '
            f'is no usual word such as _{kind}; e.g. {example}',
        )


def add_range_arguments(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    percentiles_of: str = 'each infrared image',
) -> None:
    """Add ``--ir-range`` and its alternatives: values that become black and white.

    The help says what the percentiles are of: ``percentiles_of``.
    """
    parser.add_argument(
        '--ir-range',
        nargs=2,
        type=float,
        action=_LimitsAction,
        metavar=('LOW', 'HIGH'),
        help='stored infrared values that become black and white, e.g. 7000 9000',
    )
    parser.add_argument(
        '--ir-percentiles',
        nargs=2,
        type=float,
        action=_LimitsAction,
        metavar=('LOW', 'HIGH'),
        help=f'or percentiles of {percentiles_of}, e.g. 1 99',
    )
    parser.add_argument(
        '--ir-celsius',
        nargs=2,
        type=float,
        action=_LimitsAction,
        metavar=('LOW', 'HIGH'),
        help='or degrees Celsius, e.g. -10 45, of FLIR radiometric JPEGs and of images in '
        '--ir-unit',
    )
    parser.add_argument(
        '--ir-unit',
        choices=UNITS,
        help='what other infrared images hold; centikelvin: 16-bit counts of 0.01 K',
    )


def add_source_arguments(parser: argparse.ArgumentParser, percentiles_of: str) -> None:
    """Add what makes sources fit that do not fit as they are.

    These are the options of :func:`add_range_arguments`, ``--resize``, ``--warp``,
    ``--ir-affix`` and ``--vi-affix``.
    """
    sources = parser.add_argument_group('infrared images of another range, size or viewpoint')
    add_range_arguments(sources, percentiles_of)
    sources.add_argument(
        '--resize',
        action='store_true',
        help='resize infrared images of another size, if the fields of view are the same',
    )
    sources.add_argument(
        '--warp', metavar='FILE', help='homography from infrared to visible pixels (JSON)'
    )
    add_affix_arguments(sources)


def add_calibration_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--ir-calibration`` and ``--vi-calibration``: distortion that is taken out."""
    for kind, words in (('ir', 'infrared'), ('vi', 'visible')):
        parser.add_argument(
            f'--{kind}-calibration',
            metavar='FILE',
            help=f'OpenCV calibration (YAML, XML or JSON) of the {words} camera, whose '
            'distortion is taken out first',
        )


def add_register_argument(parser: argparse.ArgumentParser, words: str) -> None:
    """Add ``--register``; ``words`` say of what the mapping is found."""
    parser.add_argument(
        '--register',
        choices=['auto'],
        help=f'find the mapping from infrared to visible pixels {words}; refuses what it is '
        'not sure of (see tools/register.py)',
    )


def add_pair_folders(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add ``--ir`` and ``--vi``, the folders of the pairs."""
    for kind, words in (('ir', 'infrared'), ('vi', 'visible')):
        parser.add_argument(
            f'--{kind}', required=required, metavar='DIR', help=f'folder of {words} images'
        )


def add_device_arguments(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--device`` and ``--precision``."""
    parser.add_argument(
        '--device', help='where to compute, such as cpu or cuda:1 (default: cuda, else cpu)'
    )
    parser.add_argument(
        '--precision',
        default='auto',
        choices=['auto', 'fp32', 'bf16', 'fp16'],
        help='auto: fp16 on a GPU, bf16 on a CPU with AMX, else fp32',
    )


def add_machine_arguments(
    parser: argparse.ArgumentParser, batched: str
) -> argparse._ArgumentGroup:
    """Add ``--device``, ``--precision``, ``--compile`` and ``--batch-size``.

    Returns their group, for more of the kind. A batch is of ``batched``, as the help says.
    """
    machine = parser.add_argument_group('machine')
    add_device_arguments(machine)
    machine.add_argument(
        '--compile',
        action='store_true',
        help='by torch.compile: minutes for each image size; not every network gains by it',
    )
    machine.add_argument(
        '--batch-size', type=int, default=1, help=f'{batched} at once (default: %(default)s)'
    )
    return machine


def make_inferencer(args: argparse.Namespace, **options: Any) -> FusionInferencer:
    """The inferencer that ``--model``, ``--weights`` and the options of the machine ask for.

    ``options`` are others of :class:`.FusionInferencer`, whose errors it raises.
    """
    from tsjnet_mm.apis import FusionInferencer

    options['keep_hue'] = getattr(args, 'keep_hue', False)
    options['denoise'] = getattr(args, 'denoise', 'off')
    options['style'] = getattr(args, 'shown_as', 'luma')
    options['parallax'] = getattr(args, 'parallax', 'both')
    return FusionInferencer(
        args.model, args.weights, args.device, args.precision, compile=args.compile, **options
    )


def add_fusing_arguments(
    parser: argparse.ArgumentParser, percentiles_of: str, batched: str
) -> argparse._ArgumentGroup:
    """Add ``--model``, ``--weights``, how sources are prepared, and on which machine.

    Returns the group of :func:`add_machine_arguments`, to which ``batched`` goes.
    """
    parser.add_argument(
        '--model',
        default=DEFAULT_MODEL,
        help='name, or config file (Python code, which is run; default: %(default)s)',
    )
    parser.add_argument(
        '--weights', help='checkpoint of the model (default: the published one)'
    )
    parser.add_argument(
        '--keep-hue',
        action='store_true',
        help='keep the hue of colours that do not fit into 8 bits, instead of clipping',
    )
    parser.add_argument(
        '--denoise',
        choices=DENOISED,
        default='off',
        help='noise of dark visible images to damp; '
        + '; '.join(f'{name}: {words}' for name, words in DENOISED.items()),
    )
    parser.add_argument(
        '--parallax',
        choices=PARALLAX_SOURCES,
        default='both',
        help='what regions are fused from where the images stay misaligned: both (default), '
        'or one source, which draws no ghosts; stronger: the one with more contrast there',
    )
    add_overwrite_argument(parser)
    add_source_arguments(parser, percentiles_of)
    add_calibration_arguments(parser)
    return add_machine_arguments(parser, batched)


def add_style_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--style`` and its options, for :func:`check_style`."""
    group = parser.add_argument_group('thermal colours')
    group.add_argument(
        '--style',
        choices=STYLES,
        default='luma',
        help='; '.join(f'{name}: {words}' for name, words in STYLES.items())
        + ' (default: %(default)s)',
    )
    group.add_argument(
        '--palette', choices=PALETTES, help='of the thermal colours (default: ironbow)'
    )
    group.add_argument(
        '--isotherm',
        type=float,
        metavar='VALUE',
        help='what is hotter is coloured: degrees Celsius with --ir-celsius or --ir-unit, '
        'otherwise a stored infrared value',
    )
    group.add_argument(
        '--opacity',
        type=float,
        help='of the colours of overlay (default: 0.5) and isotherm (default: 0.8)',
    )
    group.add_argument('--legend', action='store_true', help='draw the palette with its values')


def add_temperatures_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--temperatures``."""
    parser.add_argument(
        '--temperatures',
        metavar='DIR',
        help='folder for a TIFF of each pair: degrees Celsius as 32-bit floats, on the pixels '
        'of the visible image',
    )


def check_style(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Make ``args.shown_as`` of the style's options; end with a message if they conflict."""
    if args.palette is not None and args.style == 'luma':
        parser.error('--palette is for --style overlay, msx and isotherm')
    options = {'palette': args.palette} if args.palette else {}
    try:
        args.shown_as = Style(
            args.style,
            isotherm=args.isotherm,
            opacity=args.opacity,
            legend=args.legend,
            **options,
        )
        args.shown_as.check(args.grey, getattr(args, 'stretch', False))
    except ValueError as error:
        parser.error(str(error))


def check_weights(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where a network has no weights."""
    if args.weights is not None or args.model in ready_models():
        return

    from tsjnet_mm.models.fusors.hub import needs_weights

    if needs_weights(args.model):
        parser.error(f'--model {args.model} needs --weights CHECKPOINT')


def check_device(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Choose a device where none is given; end with a message where torch cannot use one."""
    import torch

    from tsjnet_mm.utils.env import usable_device

    if args.device is None:
        args.device = 'cuda' if torch.cuda.is_available() else 'cpu'
        return
    try:
        usable_device(args.device)
    except ValueError as error:
        parser.error(f'argument --device: {error}')


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check the weights and the device, what takes longer last."""
    check_weights(parser, args)
    check_device(parser, args)


def source_preparation(args: argparse.Namespace) -> Preparation:
    """The preparation that the arguments of :func:`add_source_arguments` stand for.

    ``--resize`` and ``--warp`` may be missing. Raises what :class:`.Preparation` raises.
    """
    from tsjnet_mm.io.preparation import Preparation

    return Preparation(
        ir_range=args.ir_range,
        ir_percentiles=args.ir_percentiles,
        resize=getattr(args, 'resize', False),
        homography=getattr(args, 'warp', None),
        ir_celsius=args.ir_celsius,
        ir_unit=args.ir_unit,
        ir_calibration=getattr(args, 'ir_calibration', None),
        vi_calibration=getattr(args, 'vi_calibration', None),
    )


def source_options(args: argparse.Namespace) -> dict:
    """Options of :func:`.iterate_pairs` that :func:`add_source_arguments` stands for."""
    return {
        'preparation': source_preparation(args),
        'ir_affix': args.ir_affix,
        'vi_affix': args.vi_affix,
    }


def add_overwrite_argument(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--overwrite``."""
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='overwrite files that this package did not make; sources are never overwritten',
    )


def add_out_files(parser: argparse.ArgumentParser, words: str, required: bool = False) -> None:
    """Add ``--out``, one file or several, with ``words`` as help, and ``--overwrite``."""
    parser.add_argument(
        '--out', nargs='+', required=required, default=[], metavar='FILE', help=words
    )
    add_overwrite_argument(parser)
