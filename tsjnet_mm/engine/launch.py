"""Fit a config to the machine and the launcher before the Runner sees it."""

import os

import torch
import torch.distributed as torch_dist
from mmengine.dist import is_distributed
from mmengine.logging import print_log


def fit_to_machine(cfg, launcher='none'):
    """Make a config that asks for CUDA run without it, too.

    Without CUDA, mixed precision becomes single precision, and a distributed run uses gloo
    between CPU processes (mmengine would select a CUDA device). With CUDA nothing changes.

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
        os.environ.setdefault('LOCAL_RANK', '0')
        torch_dist.init_process_group(backend='gloo')
