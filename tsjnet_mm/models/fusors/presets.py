"""Configs of fusors by name."""

from pathlib import Path

from mmengine.config import Config

from tsjnet_mm.utils.model_index import config_dir, known_models, model_index, names_of
from tsjnet_mm.utils.moved import moved_names


def fusor_config(name_or_config: str | Path | Config | dict) -> dict:
    """The model config of a fusor.

    Args:
        name_or_config (str | Path | Config | dict): One of
            :func:`~tsjnet_mm.apis.list_models`; an ``.onnx`` file; a config file; a config; or
            a model config. Of a joint model it is the fusor's.

    Returns:
        dict: For the registry.

    Raises:
        ValueError: The name is unknown.
    """
    entry = model_index().get(name_or_config) if isinstance(name_or_config, str) else None
    if entry is not None:
        fusor = entry.fusor
        return dict(fusor) if isinstance(fusor, dict) else Config.fromfile(fusor).fusor
    if isinstance(name_or_config, (str, Path)) and Path(name_or_config).suffix == '.onnx':
        return {'type': 'OnnxFusor', 'path': str(name_or_config)}
    if isinstance(name_or_config, dict):
        config = name_or_config
    elif Path(name_or_config).is_file():
        config = Config.fromfile(name_or_config)
    else:
        raise ValueError(
            f'{str(name_or_config)!r} is neither a config file nor a model'
            f'{known_models(name_or_config)}'
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


def type_name(config: Config | dict) -> str | None:
    """Name of the class of a config, without the scope of its registry.

    Args:
        config (Config | dict): Config of a model.

    Returns:
        str | None: None where the config says no type.
    """
    found = config.get('type')
    if found is None or isinstance(found, str):
        return found and found.rpartition('.')[2]
    return found.__name__


def _former_classical():
    return {name: dict(model_index()[name].fusor) for name in names_of('classical')}


def _former_presets():
    configs = {name: model_index()[name].fusor for name in names_of('tsjnet')}
    return {name: str(path.relative_to(config_dir())) for name, path in configs.items()}


#: Dictionaries that the metafiles replaced, see :func:`.moved_names`.
FORMER = {
    'CLASSICAL_FUSORS': ('tsjnet_mm.apis.list_models()', _former_classical),
    'PRESETS': ('tsjnet_mm.apis.list_models()', _former_presets),
}
__getattr__ = moved_names(__name__, FORMER)
