"""Fusors by name, and the configs that describe them."""

from pathlib import Path

from mmengine.config import Config

from tsjnet_mm.models.peers import PEERS
from tsjnet_mm.utils.model_index import config_dir

#: Fusors without weights, and the model config of each.
CLASSICAL_FUSORS = {
    'average': {'type': 'AverageFusor'},
    'max': {'type': 'MaxFusor'},
    'laplacian': {'type': 'LaplacianPyramidFusor'},
    'wavelet': {'type': 'WaveletFusor'},
    'guided-filter': {'type': 'GuidedFilterFusor'},
}
#: Networks, and the config in ``configs/`` that describes each.
PRESETS = {
    'tsjnet-official': '_base_/models/tsjnet_official.py',
    'tsjnet-light': '_base_/models/tsjnet_light.py',
}


def fusor_config(name_or_config):
    """The model config of a fusor.

    Args:
        name_or_config (str | Path | Config | dict): ``'tsjnet-official'``,
            ``'tsjnet-light'``; a name of :data:`CLASSICAL_FUSORS` or of
            :data:`~tsjnet_mm.models.peers.PEERS`; an ``.onnx`` file; a config file; a
            config; or a model config. Of a joint model it is the fusor's.

    Returns:
        dict: For the registry.

    Raises:
        ValueError: The name is unknown.
    """
    if isinstance(name_or_config, str) and name_or_config in CLASSICAL_FUSORS:
        return dict(CLASSICAL_FUSORS[name_or_config])
    if isinstance(name_or_config, str) and name_or_config in PEERS:
        return dict(PEERS[name_or_config].fusor)
    if isinstance(name_or_config, str) and name_or_config in PRESETS:
        return Config.fromfile(config_dir() / PRESETS[name_or_config]).fusor
    if isinstance(name_or_config, (str, Path)) and Path(name_or_config).suffix == '.onnx':
        return {'type': 'OnnxFusor', 'path': str(name_or_config)}
    if isinstance(name_or_config, dict):
        config = name_or_config
    elif Path(name_or_config).is_file():
        config = Config.fromfile(name_or_config)
    else:
        names = ', '.join([*PRESETS, *CLASSICAL_FUSORS, *PEERS])
        raise ValueError(
            f'{name_or_config!r} is neither a config file nor one of the names {names}'
        )
    model = config.get('model', config)
    # A part of configs/_base_/models describes a fusor for configs that inherit it.
    if type_name(model) in ('JointFusor', None) and 'fusor' in model:
        model = model['fusor']
    if type_name(model) is None:
        raise ValueError(
            f'{_describe(name_or_config)} describes no fusor: expected a config with `model` '
            f'or `fusor`, or a dict with a type, found {", ".join(config) or "nothing"}'
        )
    return model


def _describe(name_or_config):
    return name_or_config if isinstance(name_or_config, str | Path) else 'the config'


def type_name(config: dict) -> str | None:
    """Name of the class that a config is of, without the scope of its registry.

    Args:
        config (dict): Config of a model.

    Returns:
        str | None: None where the config says no type.
    """
    found = config.get('type')
    if found is None or isinstance(found, str):
        return found and found.rpartition('.')[2]
    return found.__name__
