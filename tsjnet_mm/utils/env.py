"""The environment: versions of packages, and changes to mmengine and torch."""

import functools
import importlib
import importlib.metadata
import sys
import warnings
from pickle import UnpicklingError
from types import ModuleType

import numpy as np
import torch

from .after_import import change_imported
from .optional import require

#: Import name -> versions whose combination the tests run on: the maintained fork's and,
#: second, upstream's. The distribution that provides the import does not matter.
TESTED_VERSIONS = {
    'mmengine': ('0.10.12', '0.10.7'),
    'mmcv': ('2.3.6', '2.1.0'),
    'mmdet': ('3.5.1', '3.3.0'),
    'mmseg': ('1.4.2', '1.2.2'),
}


def prepare_mmengine() -> None:
    """Prepare mmengine and torch of this process for the package, once.

    It is called where building, loading or training begins. Afterwards

    - mmengine's Runner and models read checkpoints safely, or not at all, see
      :func:`tsjnet_mm.utils.checkpoints.guard`;
    - configs find ``mmdet::``, ``mmseg::`` and ``tsjnet_mm::`` ones, see :func:`find_configs`;
    - ``torch.load`` reads what the Runner stores, see :func:`allow_mmengine_checkpoints`.
    """
    change_imported()
    allow_mmengine_checkpoints()


def check_versions(*names: str, tested: dict | None = None) -> dict[str, str]:
    """Warn, once, of OpenMMLab packages whose version is not a tested one.

    Args:
        names: Import names of those that are needed. Defaults to all of ``tested``.
        tested: Import name to tested versions. Defaults to :data:`TESTED_VERSIONS`.

    Returns:
        dict[str, str]: Import name to imported version, for those that differ.

    Raises:
        ImportError: A package is missing; says which, and how to install it.
    """
    tested = TESTED_VERSIONS if tested is None else tested
    names = names or tuple(tested)
    require(*names)
    found = {name: sys.modules[name].__version__ for name in names}
    untested = {name: version for name, version in found.items() if version not in tested[name]}
    if untested:
        found = ', '.join(f'{name} {version}' for name, version in untested.items())
        wanted = ', '.join(f'{name} {" or ".join(tested[name])}' for name in untested)
        warnings.warn(f'tsjnet_mm is not tested with {found}; tested: {wanted}.', stacklevel=2)
    return untested


def usable_device(device: str | torch.device) -> torch.device:
    """Check that torch can compute on a device.

    Args:
        device (str | torch.device): ``'cpu'``, ``'cuda'``, ``'cuda:1'`` and so on.

    Returns:
        torch.device: The device.

    Raises:
        ValueError: There is no such device, or torch cannot use it.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found).cpu()
    except Exception as error:  # Each type of device has its own.
        gpus = torch.cuda.device_count()
        there = f'cuda:0 to cuda:{gpus - 1}' if gpus else 'no CUDA device'
        raise ValueError(
            f'cannot compute on the device {str(device)!r}: torch finds cpu and {there} here'
        ) from error
    return found


def find_configs(config_utils: ModuleType) -> None:
    """Let mmengine find ``mmseg::`` and ``tsjnet_mm::`` configs by import name.

    mmengine looks for the distribution ``mmsegmentation``, which the maintained fork does not
    have, and does not find this package. For this package it gets the name of a module, which
    it imports: upstream's mmengine looks for the folder of an editable installation next to its
    metadata, which is the wrong place. mmengine also warns of each model in a metafile without
    a training config, such as a classical fusor; this warning is suppressed.

    Args:
        config_utils: ``mmengine.config.utils``.
    """
    packages = config_utils.MODULE2PACKAGE
    packages.setdefault('tsjnet_mm', 'tsjnet_mm.version')
    try:
        importlib.metadata.version('mmsegmentation')
    except importlib.metadata.PackageNotFoundError:
        packages['mmseg'] = 'mmseg'
    look_up = config_utils._get_cfg_metainfo
    if hasattr(look_up, '__wrapped__'):
        return

    @functools.wraps(look_up)
    def look_up_quietly(*args):
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'There is not `Config`')
            return look_up(*args)

    config_utils._get_cfg_metainfo = look_up_quietly


_SCHEDULERS = 'mmengine.optim.scheduler.param_scheduler'


class _OneCycle:
    """Stands in for mmengine's scheduler, whose module takes seconds to import."""


def _stored_function(owner, name):
    """Stand in for ``getattr``, as which pickle stores functions of mmengine's classes."""
    from mmengine.logging import HistoryBuffer

    if owner is _OneCycle and name in ('_annealing_cos', '_annealing_linear'):
        from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler as owner
    elif owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise UnpicklingError(f'refusing getattr({owner!r}, {name!r}) in a checkpoint')
    return getattr(owner, name)


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load`` read the objects that mmengine's Runner stores with the weights.

    From torch 2.6 on it refuses all classes that were not allowed, and mmengine 0.10.7 does not
    allow its own: the log history (:class:`mmengine.logging.HistoryBuffer`), made of
    numpy arrays, scalars and its own statistic functions, and the curve of a one-cycle
    schedule. Anything else stays refused.
    """
    if tuple(map(int, torch.__version__.split('.')[:2])) < (2, 6):
        return
    from mmengine.logging import HistoryBuffer

    kinds = ('bool', 'int32', 'int64', 'float32', 'float64')
    # What numpy pickles an array and a scalar as, under its name in numpy 1 and in numpy 2.
    functions = [np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0]]
    torch.serialization.add_safe_globals(
        [HistoryBuffer, np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in kinds)]
        + [(_stored_function, 'builtins.getattr')]
        + [(_OneCycle, f'{_SCHEDULERS}.OneCycleParamScheduler')]
        + [
            (function, f'numpy.{core}.multiarray.{function.__name__}')
            for function in functions
            for core in ('core', '_core')
        ]
    )
