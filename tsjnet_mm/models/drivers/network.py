"""The task network of a driver, taken from a config of mmdet or mmseg.

Such a config describes a whole experiment. A driver uses its network and the normalisation of
images. It ignores data sets, pipelines, schedules and crop sizes.
"""

from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config, ConfigDict
from mmengine.hub import get_config
from mmengine.utils import get_installed_path

from tsjnet_mm.registry import DATASETS
from tsjnet_mm.utils.optional import require

#: Parts of a network whose ``num_classes`` is not the number of the data set's classes.
_CLASSLESS = ('backbone', 'neck', 'rpn_head', 'semantic_head', 'train_cfg', 'test_cfg')
#: Segmentors compare features of several strides: their images are padded to multiples of it.
_DIVISOR = 32


class Network(NamedTuple):
    """A task network, ready to be built.

    Attributes:
        model (ConfigDict): For the registry, ``data_preprocessor`` included.
        classes (tuple[str, ...] | None): The names of its classes, where its config says.
    """

    model: ConfigDict
    classes: tuple[str, ...] | None


def read_experiment(name: str, scope: str) -> Config:
    """Read the config of an experiment.

    Args:
        name: ``library::folder/name.py``, or a path.
        scope: The library that it must be of.

    Returns:
        Config: The whole config.

    Raises:
        FileNotFoundError: There is no such config.
        ImportError: The library is not installed.
        ValueError: It is of another library.
    """
    if '::' not in name:
        if not Path(name).is_file():
            raise FileNotFoundError(
                f'{name}: no such config; expected a path, or a config of {scope}, '
                f"such as '{scope}::folder/name.py'"
            )
        return Config.fromfile(name)
    library = name.split('::')[0]
    if library != scope:
        raise ValueError(f'{name}: expected a config of {scope}, found one of {library}')
    require(library)  # mmengine would install what is missing.
    name = name if name.endswith('.py') else f'{name}.py'
    folder = Path(get_installed_path(library)) / '.mim' / 'configs'
    path = folder / name.removeprefix(f'{library}::')
    if not path.is_file():
        raise FileNotFoundError(f'{name}: {library} has no such config')
    return Config.fromfile(path)


def published_weights(name: str) -> str:
    """Address of the weights that a library names for one of its configs.

    Args:
        name: ``library::folder/name.py``.

    Returns:
        str: The address.

    Raises:
        ValueError: It is none of a library, or the library names no weights.
    """
    if '::' not in name:
        raise ValueError(
            f'{name}: only configs of a library, such as mmdet::folder/name.py, have published '
            'weights; give a path or an address'
        )
    name = name if name.endswith('.py') else f'{name}.py'
    try:
        address = get_config(name, pretrained=True).get('model_path')
    except AssertionError:  # It lists the config, without weights.
        address = None
    if address is None:
        raise ValueError(
            f'{name}: no published weights are known; write a path or an address instead of '
            '"published"'
        )
    return address


def class_names(config: Config, scope: str) -> tuple[str, ...] | None:
    """Names of the classes that a config trains on.

    Args:
        config: An experiment's.
        scope: Its library.

    Returns:
        tuple[str, ...] | None: None where it does not say.
    """
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset['dataset'] if 'dataset' in dataset else dataset['datasets'][0]
    names = (dataset.get('metainfo') or {}).get('classes')
    if names is None and isinstance(dataset.get('type'), str):
        kind = DATASETS.get(f'{scope}.{dataset["type"].split(".")[-1]}')
        names = getattr(kind, 'METAINFO', {}).get('classes')
    return None if names is None or isinstance(names, str) else tuple(names)


def _set_classes(node, count: int, old: int | None = None) -> None:
    """Set the number of classes of all heads in a model config, in place.

    Weights of classes: those of a background or "nothing" class are kept, those of classes that
    are no longer there dropped.
    """
    if isinstance(node, (list, tuple)):
        for item in node:
            _set_classes(item, count, old)
        return
    if not isinstance(node, dict):
        return
    if 'num_things_classes' in node:
        old = node['num_things_classes'] + node.get('num_stuff_classes', 0)
        node.update(num_things_classes=count, num_stuff_classes=0)
    if isinstance(node.get('num_classes'), int):
        old = node['num_classes']
        if node.get('out_channels') == old:
            node['out_channels'] = count
        node['num_classes'] = count
    weights = node.get('class_weight')
    if isinstance(weights, (list, tuple)) and old != count:
        if len(weights) == (old or 0) + 1:
            node['class_weight'] = [weights[0]] * count + [weights[-1]]
        else:
            node['class_weight'] = None
    for key, value in node.items():
        if key not in _CLASSLESS:
            _set_classes(value, count, old)


def _without_crops(model: ConfigDict, scope: str) -> None:
    """Take the sizes of training crops and batch augmentations out of the preprocessor."""
    preprocessor = model['data_preprocessor']
    preprocessor.pop('batch_augments', None)
    if scope == 'mmseg':
        preprocessor.pop('size', None)
        preprocessor.pop('test_cfg', None)
        preprocessor.setdefault('size_divisor', _DIVISOR)
    elif (
        str(preprocessor.get('type')).endswith('DetDataPreprocessor')
        and preprocessor.get('pad_size_divisor', 1) == 1
    ):
        # Detectors whose pipelines pad, as RTMDet's do, name none, and need one here.
        preprocessor['pad_size_divisor'] = _DIVISOR


def read_network(
    scope: str,
    config: str | None = None,
    model: dict | None = None,
    weights: str | None = None,
    num_classes: int | None = None,
) -> Network:
    """Read the task network of a driver.

    Args:
        scope: ``'mmdet'`` or ``'mmseg'``.
        config: An experiment of that library, ``'mmdet::folder/name.py'``, or a path. Of it
            the network and its data preprocessor are taken.
        model: The network's config if ``config`` is None; else merged into that config, as
            configs merge over their ``_base_``.
        weights: Path or address of the network's checkpoint; ``'published'``: the one that the
            library names for ``config``.
        num_classes: Number of classes of all heads.

    Returns:
        Network: The model config and, where known, the names of its classes.

    Raises:
        FileNotFoundError: There is no such config.
        ImportError: The library is not installed.
        ValueError: Neither config nor model is given, the config has no model, or there are no
            published weights.
    """
    if config is None and model is None:
        raise ValueError("a driver needs `config` (such as 'mmdet::...') or `model`")
    published = weights == 'published'
    if published and (config is None or '::' not in config):
        raise ValueError(
            f"weights='published' needs a config of the library, '{scope}::folder/name.py'"
        )
    names = None
    if config is None:
        merged = Config({'model': model}).model
    else:
        experiment = read_experiment(config, scope)
        if 'model' not in experiment:
            raise ValueError(f'{config} has no `model`: it is no config of an experiment')
        merged = experiment.model
        if 'data_preprocessor' in experiment:
            merged.setdefault('data_preprocessor', experiment.data_preprocessor)
        if 'data_preprocessor' not in merged:
            raise ValueError(f'{config}: its model has no data_preprocessor')
        _without_crops(merged, scope)
        names = class_names(experiment, scope)
        weights = published_weights(config) if published else weights
    if num_classes is not None:
        _set_classes(merged, num_classes)
        names = None
    if weights is not None:
        merged['init_cfg'] = {'type': 'Pretrained', 'checkpoint': weights}
    if config is not None and model:
        whole = Config({'model': merged})
        whole.merge_from_dict({'model': model})
        merged = whole.model
    return Network(merged, names)
