"""Command line arguments of a benchmark's protocol, and the run that they name."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsjnet_mm.io.text import expect, read_json
from tsjnet_mm.utils.files import write_whole

from .arguments import add_method_paths, parse_named_path, unique_names

if TYPE_CHECKING:
    from tsjnet_mm.apis.task_networks import TaskNetwork
    from tsjnet_mm.protocols.benchmark_protocol import BenchmarkProtocol

#: File in the folder of results that says where protocol and data are.
RUN = 'run.json'
#: Options that a protocol decides.
_FIXED = (
    *('ir', 'vi', 'metrics', 'convention', 'pairs', 'size', 'repeats', 'threads', 'highlight'),
    *('ir_range', 'ir_percentiles', 'ir_celsius', 'ir_unit', 'resize', 'warp'),
    *('ir_affix', 'vi_affix', 'boxes', 'masks', 'classes', 'seg_classes', 'night', 'config'),
    *('weights', 'network_classes', 'map'),
)


def add_protocol_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--protocol``, ``--data``, ``--datasets``, ``--add`` and their like."""
    group = parser.add_argument_group('protocol')
    group.add_argument(
        '--protocol',
        metavar='FILE',
        help='do what this file says instead, such as ivif-1.json of the package',
    )
    group.add_argument(
        '--data', metavar='DIR', help='folder of the data sets (default: data, or as before)'
    )
    group.add_argument(
        '--datasets', nargs='+', metavar='NAME', help="some of the protocol's (default: all)"
    )
    group.add_argument(
        '--machine',
        nargs='+',
        type=parse_named_path,
        default=[],
        metavar='COLUMN=WEIGHTS',
        help="checkpoints of the networks of the protocol's machine columns",
    )
    words = (
        'more rows: folder of images that a method fused elsewhere; under a protocol it holds '
        'a folder for each data set'
    )
    add_method_paths(group, '--add', words)
    group.add_argument(
        '--trained-on',
        nargs='+',
        type=parse_named_path,
        default=[],
        metavar='NAME=METRICS',
        help='metrics in the training loss of an added method, and machine columns whose '
        'network drove it, parted by commas: ranks leave them out',
    )


def is_protocol_run(args: argparse.Namespace) -> bool:
    """Whether the arguments name a protocol, or results of one to add rows to."""
    return bool(args.protocol) or (not args.ir and (args.out / RUN).is_file())


def check_protocol_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message where options do not go together."""
    if not is_protocol_run(args):
        for name in ('data', 'datasets', 'machine', 'trained_on'):
            if getattr(args, name):
                parser.error(f'--{name.replace("_", "-")} needs --protocol')
        if not (args.ir and args.vi):
            parser.error('expected --ir and --vi, or --protocol')
        if not (args.models or args.add):
            parser.error('expected --models or --add')
        return
    for name in _FIXED:
        if getattr(args, name) != parser.get_default(name):
            parser.error(f'--{name.replace("_", "-")} is what the protocol decides')


def run_protocol(args: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Do what the protocol of the arguments says.

    Returns the results and where they are. Raises what :class:`.ProtocolRun` does.
    """
    from tsjnet_mm.io.outputs import check_outputs, list_read
    from tsjnet_mm.protocols.benchmark_protocol import find_protocol, read_protocol
    from tsjnet_mm.protocols.protocol_run import RESULTS, ProtocolRun
    from tsjnet_mm.protocols.protocol_tables import protocol_tables

    earlier = _read_run(args.out / RUN)
    path = find_protocol(args.protocol or earlier['protocol'])
    data = args.data or earlier.get('data', 'data')
    protocol = read_protocol(path)
    models, images = unique_names('row', args.models), unique_names('row', args.add)
    files = [args.out / name for name in (RESULTS, RUN, 'costs.json', 'table.md')]
    weights = [file for _, file in models.values()]
    check_outputs(files, list_read(path, *weights, *images.values()), args.overwrite)
    trained = {
        row: [name.strip() for name in names.split(',')]
        for row, names in unique_names('row', args.trained_on).items()
    }
    run = ProtocolRun(
        protocol, data, args.out, models, images, trained, args.datasets, args.overwrite
    )
    networks = build_machines(protocol, unique_names('column', args.machine), args.device)
    content = run.run(args.device, args.workers, networks, not args.skip_costs)
    where = {'protocol': str(path.absolute()), 'data': str(Path(data).absolute())}
    write_whole(args.out / RUN, json.dumps(where, indent=1) + '\n')
    write_whole(args.out / 'table.md', protocol_tables(content, 'markdown') + '\n')
    print(protocol_tables(content))
    return content, str(args.out / RESULTS)


def _read_run(path):
    if not path.is_file():
        return {}
    content = read_json(path, expected='paths of a protocol and its data')
    with expect(path, 'paths of a protocol and its data'):
        return {key: str(content[key]) for key in ('protocol', 'data')}


def build_machines(
    protocol: BenchmarkProtocol, weights: dict[str, str], device: str | None
) -> dict[str, TaskNetwork]:
    """Networks of a protocol's machine columns, by column; refuses weights of others."""
    if not weights:
        return {}
    from tsjnet_mm.apis.task_networks import ViewDetector, ViewSegmentor
    from tsjnet_mm.utils.tensors import digest_tensors

    networks = {}
    for column, path in weights.items():
        if column not in protocol.machines:
            known = ', '.join(protocol.machines) or 'none'
            raise ValueError(f'{column!r} is no machine column of {protocol.name}: {known}')
        machine = protocol.machines[column]
        kind = ViewDetector if machine.task == 'detection' else ViewSegmentor
        network = networks[column] = kind(machine.config, path, None, device)
        found = digest_tensors(network.model.state_dict())
        if machine.weights_sha256 not in (None, found):
            raise ValueError(
                f'{path}: expected the weights of {column} ({machine.weights_sha256}), found '
                f'others ({found})'
            )
    return networks
