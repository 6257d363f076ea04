"""From a name, or a config, to a fusor that is ready to fuse."""

import warnings
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

import tsjnet_mm
from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.utils.checkpoints import load_weights

#: Fusors without weights.
CLASSICAL_FUSORS = {
    'average': 'AverageFusor',
    'max': 'MaxFusor',
    'laplacian': 'LaplacianPyramidFusor',
}
#: Networks, and the config in ``configs/`` that describes each.
PRESETS = {
    'tsjnet-official': '_base_/models/tsjnet_official.py',
    'tsjnet-light': '_base_/models/tsjnet_light.py',
}


def config_dir():
    """The folder of configs: the source tree's, or the copy that an installation carries.

    Returns:
        Path: An existing folder.

    Raises:
        FileNotFoundError: There is neither.
    """
    package = Path(tsjnet_mm.__file__).resolve().parent
    candidates = [package.parent / 'configs', package / '.mim' / 'configs']
    for candidate in candidates:
        if (candidate / 'tsjnet').is_dir():
            return candidate
    raise FileNotFoundError(f'no configs in {" or ".join(map(str, candidates))}')


def _model_config(name_or_config):
    if isinstance(name_or_config, str) and name_or_config in CLASSICAL_FUSORS:
        return {'type': CLASSICAL_FUSORS[name_or_config]}
    if isinstance(name_or_config, str) and name_or_config in PRESETS:
        return Config.fromfile(config_dir() / PRESETS[name_or_config]).fusor
    if isinstance(name_or_config, (str, Path)) and Path(name_or_config).suffix == '.onnx':
        return {'type': 'OnnxFusor', 'path': str(name_or_config)}
    if isinstance(name_or_config, dict):
        config = name_or_config
    elif Path(name_or_config).is_file():
        config = Config.fromfile(name_or_config)
    else:
        names = ', '.join([*PRESETS, *CLASSICAL_FUSORS])
        raise ValueError(
            f'{name_or_config!r} is neither a config file nor one of the names {names}'
        )
    model = config.get('model', config)
    return model['fusor'] if model['type'] == 'JointFusor' else model


def init_fusor(name_or_config, weights=None, device='cpu'):
    """Build a fusor in eval mode.

    Args:
        name_or_config (str | Path | Config | dict): ``'tsjnet-official'``,
            ``'tsjnet-light'``, ``'average'``, ``'max'``, ``'laplacian'``; an ``.onnx``
            file of ``tools/deployment/export_onnx.py``; a config file; a config; or a model
            config. Of a joint model only the fusor is built.
        weights (str | Path, optional): Checkpoint, of the fusor or of a joint model.
        device (str | torch.device): Where it runs. Defaults to ``'cpu'``.

    Returns:
        BaseFusor: With ``fuse(ir, vi)``: (B, 1, H, W) and (B, 1 or 3, H, W) in [0, 1] to
        luma (B, 1, H, W) in [0, 1].

    Raises:
        ValueError: The name is unknown, weights do not fit, or they are unsafe to load.
        FileNotFoundError: There is no such checkpoint.
    """
    model = _model_config(name_or_config)
    with DefaultScope.overwrite_default_scope(SCOPE):
        fusor = MODELS.build(model)
    if weights is not None:
        load_weights(fusor, weights)
    elif any(True for _ in fusor.parameters()):
        name = name_or_config if isinstance(name_or_config, str) else type(fusor).__name__
        warnings.warn(f'{name} has random weights: give it a checkpoint', stacklevel=2)
    return fusor.to(torch.device(device)).eval()
