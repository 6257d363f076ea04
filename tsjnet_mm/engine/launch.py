"""Read a config with the options of a command line, and fit it to the machine."""

import argparse
import gc
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as torch_dist
from mmengine.config import Config, DictAction
from mmengine.dist import is_distributed
from mmengine.logging import print_log

from tsjnet_mm.utils.env import check_versions, prepare_mmengine
from tsjnet_mm.utils.model_index import find_config
from tsjnet_mm.utils.parallel import local_rank

_RANK = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}


def parse_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Read entries of a config from a command line.

    Args:
        pairs (Sequence[str]): ``'KEY=VALUE'`` each, the value written as mmengine reads it.

    Returns:
        dict[str, Any]: Values by their keys; of one key the last counts.

    Raises:
        ValueError: Something is no pair, or its value cannot be read.
    """
    action = DictAction('--cfg-options', 'options')
    found = argparse.Namespace(options={})
    for pair in pairs:
        key, equals, _ = pair.partition('=')
        if not equals or not all(key.split('.')):
            raise ValueError(f'expected KEY=VALUE such as train_cfg.max_epochs=5, got {pair!r}')
        try:
            action(None, found, [pair])
        except AssertionError:
            raise ValueError(
                f'expected as many opening as closing brackets in {pair!r}'
            ) from None
    return found.options


def merge_options(cfg: Config, options: dict | None) -> None:
    """Change entries of a config.

    Args:
        cfg (Config): Gets the values.
        options (dict | None): Values by keys such as ``'train_cfg.max_epochs'``.

    Raises:
        ValueError: The config has no place for a key.
    """
    try:
        cfg.merge_from_dict(options or {})
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f'--cfg-options {" ".join(options)}: no such entry in the config: '
            f'{error.args[0] if error.args else error}'
        ) from error


def read_config(args: argparse.Namespace) -> Config:
    """Config file with the options of the command line put in.

    Args:
        args (argparse.Namespace): ``config`` and what
            :func:`~tsjnet_mm.cli.run_arguments.add_run_arguments` adds.

    Returns:
        Config: With ``launcher`` and ``work_dir`` set.

    Raises:
        ImportError: A package that training needs is missing; says what brings it.
        FileNotFoundError: See :func:`.find_config`.
    """
    check_versions('mmengine', 'mmcv')
    prepare_mmengine()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if args.launcher == 'slurm':  # mmengine takes this number for that of the GPU.
        os.environ.pop('LOCAL_RANK')
        os.environ['SLURM_LOCALID'] = os.environ['LOCAL_RANK'] = str(local_rank())
    args.config = str(find_config(args.config))
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    merge_options(cfg, args.cfg_options)
    if args.work_dir:
        cfg.work_dir = args.work_dir
    cfg.setdefault('work_dir', str(Path('work_dirs') / Path(args.config).stem))
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if loader and not loader.get('num_workers'):
            loader.persistent_workers = False  # torch refuses to keep what is not there.
    return cfg


def check_training(cfg: Config, path: str) -> None:
    """Refuse a config that cannot be trained.

    Args:
        cfg (Config): The Runner's config.
        path (str): Its file, for messages.

    Raises:
        ValueError: It has no training data, or a :class:`ReduceOnTrainLossLR` that would never
            see the loss.
    """
    if not cfg.get('train_dataloader') or not cfg.get('train_cfg'):
        raise ValueError(
            f'{path} has no train_dataloader or no train_cfg, it only tests: use tools/test.py'
        )
    schedulers = cfg.get('param_scheduler') or []
    schedulers = [schedulers] if isinstance(schedulers, dict) else schedulers
    types = [
        [str(item.get('type', '')).rpartition('.')[2] for item in items]
        for items in (schedulers, cfg.get('custom_hooks') or [])
    ]
    if 'ReduceOnTrainLossLR' in types[0] and 'TrainLossPlateauHook' not in types[1]:
        raise ValueError(
            f'{path}: ReduceOnTrainLossLR never sees the training loss: add '
            "custom_hooks=[dict(type='TrainLossPlateauHook')]"
        )


def is_first_process(launcher: str) -> bool:
    """Whether this process is the main one, before there is a process group.

    Args:
        launcher (str): ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
    """
    return launcher == 'none' or os.environ.get(_RANK[launcher], '0') == '0'


def fit_to_machine(cfg: Config, launcher: str = 'none') -> None:
    """Make a config that asks for CUDA run without it, too.

    Without CUDA, mixed precision becomes single precision, ``sync_bn`` is left out, and a
    distributed run uses gloo between CPU processes (mmengine would select a CUDA device). With
    CUDA nothing changes.

    Args:
        cfg (Config): The Runner's config, changed in place.
        launcher (str): ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        ValueError: A launcher other than ``'pytorch'`` without CUDA.
    """
    if torch.cuda.is_available():
        return
    wrapper = cfg.get('optim_wrapper') or {}
    if wrapper.get('type') == 'AmpOptimWrapper':
        print_log('no CUDA device: training in single precision instead of mixed', 'current')
        wrapper['type'] = 'OptimWrapper'
        for key in ('dtype', 'loss_scale', 'use_fp64'):
            wrapper.pop(key, None)
    if cfg.pop('sync_bn', None):
        print_log('no CUDA device: each process keeps its own BN statistics', 'current')
    if launcher == 'none':
        return
    if launcher != 'pytorch':
        raise ValueError(
            f"launcher {launcher!r} needs CUDA devices; without them use 'pytorch' (torchrun)"
        )
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    cfg.model_wrapper_cfg = {
        'type': 'MMDistributedDataParallel',
        'device_ids': None,
        'broadcast_buffers': False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    if not is_distributed():
        torch_dist.init_process_group(backend='gloo')


def end_distributed() -> None:
    """Leave the process group, if there is one, at the end of a distributed program.

    Call it where the Runner is out of reach. Only then do gloo's threads end here; one that
    still drops a tensor while the interpreter ends aborts the process ("terminate called
    without an active exception"), which happened to one training in ten.
    """
    if is_distributed():
        torch_dist.destroy_process_group()
        gc.collect()  # The model's wrapper, which is part of a cycle, holds the group, too.
