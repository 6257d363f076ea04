"""The models that ``metafile.yml`` files describe: names, configs, weights and checksums.

``model-index.yml`` lists the files, for mim as for this module. It imports neither torch nor
mmengine, so that command lines know the names before those are imported.
"""

import fnmatch
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml

PACKAGE = Path(__file__).resolve().parents[1]
#: Model of every command and class that is given none.
DEFAULT_MODEL = 'tsjnet-driven'


class ModelEntry(NamedTuple):
    """Entry of one model in a metafile.

    Attributes:
        name (str): Of the model, for people: ``get_fusor(name)``.
        family (str): Folder of the metafile: ``'tsjnet'``, ``'classical'`` or ``'peers'``.
        fusor (dict | Path): Model config of the fusor, or the config file that has it.
        parameters (int): Number of its weights; 0 for a classical method.
        config (Path | None): The config that trains it.
        weights (str): Name of the file of published weights; or ''.
        sha256 (str): Checksum of that file.
        url (str): Where it is fetched from; '' for a file in ``tsjnet_mm/weights``.
        paper (str): Address of the paper; or ''.
        authors_page (str): Where the authors of a published network offer their weights.
        training_metrics (tuple[str, ...]): Metrics that its training loss contains, where its
            metafile says so.
    """

    name: str
    family: str
    fusor: dict | Path
    parameters: int
    config: Path | None = None
    weights: str = ''
    sha256: str = ''
    url: str = ''
    paper: str = ''
    authors_page: str = ''
    training_metrics: tuple[str, ...] = ()

    @property
    def needs_weights(self) -> bool:
        """Whether it fuses only if it is given a checkpoint."""
        return self.parameters > 0 and not self.weights


class UnknownModelError(ValueError):
    """No model has this name."""


def config_dir() -> Path:
    """The folder of configs: the source tree's, or the copy that an installation carries.

    Returns:
        Path: An existing folder.

    Raises:
        FileNotFoundError: There is neither.
    """
    candidates = [PACKAGE.parent / 'configs', PACKAGE / '.mim' / 'configs']
    for candidate in candidates:
        if (candidate / 'tsjnet').is_dir():
            return candidate
    raise FileNotFoundError(f'no configs in {" or ".join(map(str, candidates))}')


def find_config(name: str | Path) -> Path:
    """A config file, by its path or as a config of this package.

    Args:
        name (str | Path): A path, or ``tsjnet_mm::`` and the path in the folder of configs,
            as in ``_base_``.

    Returns:
        Path: An existing file.

    Raises:
        FileNotFoundError: It does not exist; says where the package has one of its name.
    """
    path, (scope, _, own) = Path(name), str(name).partition('::')
    if own and scope == 'tsjnet_mm':
        path = config_dir() / own
    if path.is_file():
        return path
    there = sorted(config_dir().rglob(path.name)) if path.suffix == '.py' else ()
    known = [f'tsjnet_mm::{file.relative_to(config_dir()).as_posix()}' for file in there]
    hint = f'; this package has {", ".join(known)}' if known else ''
    raise FileNotFoundError(f'{name}: No such file or directory{hint}')


def _read_yaml(path: Path) -> dict:
    # The loader in C is ten times as fast; not every PyYAML has it.
    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    return yaml.load(path.read_text(encoding='utf-8'), loader)


def _entry(model: dict, collection: dict, family: str, root: Path) -> ModelEntry:
    fusor, weights = model['Fusor'], model.get('Weights', '')
    shared = collection.get('Metadata', {})
    paper = model.get('Paper') or collection.get('Paper') or ''
    return ModelEntry(
        name=model['Name'],
        family=family,
        fusor=fusor if isinstance(fusor, dict) else root / fusor,
        parameters=model['Metadata']['Parameters'],
        config=root / model['Config'] if 'Config' in model else None,
        weights=weights.rpartition('/')[2],
        sha256=model.get('SHA256', ''),
        url=weights if '://' in weights else '',
        paper=paper if isinstance(paper, str) else paper['URL'],
        authors_page=shared.get('Weights From', ''),
        training_metrics=tuple(
            model['Metadata'].get('Training Metrics', shared.get('Training Metrics', ()))
        ),
    )


@lru_cache(maxsize=1)
def model_index() -> dict[str, ModelEntry]:
    """All models by their names, in the order of the metafiles.

    Returns:
        dict[str, ModelEntry]: Read once; the same object at each call.

    Raises:
        FileNotFoundError: The installation has no configs, see :func:`config_dir`.
    """
    root = config_dir().parent
    index = {}
    for file in _read_yaml(root / 'model-index.yml')['Import']:
        metafile = _read_yaml(root / file)
        collections = {each['Name']: each for each in metafile['Collections']}
        for model in metafile['Models']:
            collection = collections[model['In Collection']]
            entry = _entry(model, collection, (root / file).parent.name, root)
            index[entry.name] = entry
    return index


def list_models(pattern: str | None = None, pretrained: bool | None = None) -> list[str]:
    """Names of the models that :func:`~tsjnet_mm.apis.get_fusor` builds.

    Args:
        pattern (str, optional): Shell pattern of whole names, in any case. Defaults to all.
        pretrained (bool, optional): Only those with published weights, or only those without,
            classical methods among them. Defaults to both.

    Returns:
        list[str]: In the order of the alphabet.

    Example:
        >>> list_models('tsjnet*')
        ['tsjnet-driven', 'tsjnet-light', 'tsjnet-official', 'tsjnet-small', 'tsjnet-tiny']
    """
    return sorted(
        name
        for name, entry in model_index().items()
        if fnmatch.fnmatchcase(name, (pattern or '*').lower())
        and pretrained in (None, bool(entry.weights))
    )


def names_of(family: str) -> list[str]:
    """Names of one family of models, in the order of its metafile.

    Args:
        family (str): See :class:`ModelEntry`.

    Returns:
        list[str]: For instance of ``'peers'``: ``['seafusion', 'densefuse', ...]``.
    """
    return [name for name, entry in model_index().items() if entry.family == family]


def ready_models() -> list[str]:
    """Names of the models that fuse with no file of yours: shipped weights, or none needed.

    Returns:
        list[str]: In the order of the metafiles, :data:`DEFAULT_MODEL` first.
    """
    return [name for name, entry in model_index().items() if not entry.needs_weights]


def find_model(name: str) -> ModelEntry:
    """The entry of a model.

    Args:
        name (str): One of :func:`list_models`.

    Returns:
        ModelEntry: Of that name.

    Raises:
        UnknownModelError: The name is unknown; the message has the nearest name, and all.
    """
    index = model_index()
    if name not in index:
        raise UnknownModelError(f'{name!r} is no model{known_models(name)}')
    return index[name]


def known_models(name: str, among: list[str] | None = None) -> str:
    """The end of an error about an unknown name: the nearest name, and all.

    Args:
        name (str): What was asked for.
        among (list[str], optional): The names to choose from. Defaults to all models.

    Returns:
        str: From a blank or a colon on, without a full stop.
    """
    among = list(model_index()) if among is None else among
    close = get_close_matches(str(name).lower().replace('_', '-'), among, n=1)
    meant = f' (did you mean {close[0]!r}?)' if close else ''
    return f'{meant}: the names are {", ".join(among)}'
