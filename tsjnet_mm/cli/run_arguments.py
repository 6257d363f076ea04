"""Command line arguments of commands that run a config."""

import argparse
from typing import Any


def add_config_options(parser: argparse.ArgumentParser, example: str) -> None:
    """Add ``--cfg-options``, a list of strings; ``example`` ends its help."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help=f'override config entries, {example}',
    )


def config_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> dict[str, Any]:
    """The values of ``--cfg-options`` by keys such as ``'train_cfg.max_epochs'``.

    Ends with a message where one cannot be read.
    """
    from tsjnet_mm.engine.launch import parse_options

    try:
        return parse_options(args.cfg_options)
    except ValueError as error:
        parser.error(f'argument --cfg-options: {error}')


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share.

    These are ``--work-dir``, ``--cfg-options``, ``--launcher`` and the ``--local-rank`` that
    launchers pass.
    """
    parser.add_argument(
        '--work-dir', help='folder of logs and checkpoints (default: work_dirs/<config name>)'
    )
    add_config_options(parser, "e.g. train_dataloader.batch_size=4; lists as 'a,b'")
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='launcher of the processes (default: none, one process)',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
