"""Renamed modules and names: the old names work for one version, and warn."""

import functools
import importlib
import importlib.machinery
import sys
import warnings
from collections.abc import Callable, Mapping

_PACKAGE = 'tsjnet_mm.'
#: Old name of a module, or of a package with all that is in it, and the new one.
MOVED_MODULES = {
    'apis.align': 'registration.align',
    'apis.arguments': 'cli.arguments',
    'apis.contest': 'protocols.timing',
    'apis.dataset_arguments': 'cli.dataset_arguments',
    'apis.demo': 'demo.upload_fusion',
    'apis.demo_guard': 'demo.guard',
    'apis.demo_html': 'demo.html',
    'apis.demo_models': 'demo.fusor_choice',
    'apis.demo_page': 'demo.page',
    'apis.demo_store': 'demo.store',
    'apis.demo_uploads': 'demo.uploads',
    'apis.downstream': 'protocols.downstream_protocol',
    'apis.downstream_config': 'protocols.downstream_config',
    'apis.downstream_scores': 'protocols.downstream_scores',
    'apis.evaluate': 'evaluation.image_folders',
    'apis.export_dataset': 'protocols.export_dataset',
    'apis.export_images': 'protocols.export_images',
    'apis.export_layouts': 'protocols.export_layouts',
    'apis.figure_scenes': 'cli.figure_scenes',
    'apis.flicker': 'video.flicker',
    'apis.folder': 'apis.folder_fusion',
    'apis.frame_sources': 'video.frame_sources',
    'apis.fuse_pair': 'datasets.transforms.fuse_pair',
    'apis.fusion_files': 'evaluation.image_files',
    'apis.init': 'models.fusors.init',
    'apis.labels': 'labels',
    'apis.pairs': 'io.pairs',
    'apis.register': 'registration.homography',
    'apis.video': 'video.fusing',
    'apis.video_files': 'video.video_files',
    'apis.zoo': 'protocols.benchmark',
    'datasets.errors': 'io.errors',
    'datasets.image_io': 'io.images',
    'datasets.lists': 'datasets.split_lists',
    'evaluation.folders': 'io.names',
    'evaluation.functional': 'metrics',
    'evaluation.metrics': 'evaluation',
    'labels.sheet': 'labels.review_sheets',
    'labels.structures': 'labels.object_mask',
    'models.downstream.base': 'models.downstream.fused_models',
    'models.downstream.detection': 'models.downstream.fused_models',
    'models.downstream.fused_detector': 'models.downstream.fused_models',
    'models.downstream.fused_segmentor': 'models.downstream.fused_models',
    'models.downstream.segmentation': 'models.downstream.fused_models',
    'models.drivers.detection': 'models.drivers.detection_driver',
    'models.drivers.segmentation': 'models.drivers.segmentation_driver',
    'models.fusors.weights': 'models.fusors.hub',
    'models.fusors.zoo': 'models.peers',
    'models.losses.ssim': 'models.losses.structural_similarity',
    'protocols.downstream': 'protocols.downstream_protocol',
    'protocols.side_by_side': 'protocols.timing',
    'utils.program': 'cli.program',
    'utils.ssim': 'utils.ssim_terms',
}


_IMPORTLIB = 'importlib._bootstrap'
#: Modules between who uses an old name and the warning.
_BETWEEN = (__name__, 'tsjnet_mm.utils.lazy', _IMPORTLIB)


def _warn(old, new):
    """Warn once at each place that uses an old name."""
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get('__name__') in _BETWEEN:
        frame = frame.f_back
        # The warnings module itself does not count importlib's.
        stacklevel += frame.f_globals.get('__name__') != _IMPORTLIB
    warnings.warn(
        f'{old} is now {new}; the old name will be removed in version 0.2',
        DeprecationWarning,
        stacklevel=stacklevel,
    )


def moved_names(module: str, table: Mapping[str, str | tuple]) -> Callable:
    """``__getattr__`` of a module for names that were moved or renamed.

    Args:
        module (str): Name of the module.
        table (Mapping[str, str | tuple]): Name in it to the module that has it now; or to what
            took its place, for the warning, and a function that returns the old value.

    Returns:
        Callable: Looks a name up there, and warns once at each place.
    """

    def look_up(name):
        if name not in table:
            raise AttributeError(f'module {module!r} has no attribute {name!r}')
        target = table[name]
        if isinstance(target, tuple):
            replacement, old_value = target
            _warn(f'{module}.{name}', replacement)
            return old_value()
        _warn(f'{module}.{name}', f'{target}.{name}')
        return getattr(importlib.import_module(target), name)

    return look_up


def renamed_arguments(**names: str) -> Callable:
    """Decorator: a function takes its keyword arguments by their old names, too.

    Args:
        **names (str): Old name of an argument to the new one.

    Returns:
        Callable: The decorator. The function warns where it is called with an old name, and
        raises a TypeError where it is called with both.
    """

    def decorate(function):
        @functools.wraps(function)
        def call(*args, **options):
            for old in options.keys() & names.keys():
                new = names[old]
                if new in options:
                    raise TypeError(f'both {old} and {new} are given; give {new} alone')
                _warn(f'{function.__qualname__}: {old}', new)
                options[new] = options.pop(old)
            return function(*args, **options)

        return call

    return decorate


def _new_name(name):
    """The module that a name is of now, or None where it is not an old one."""
    parts = name.removeprefix(_PACKAGE).split('.')
    for count in range(len(parts), 0, -1):
        new = MOVED_MODULES.get('.'.join(parts[:count]))
        if new:
            found = _PACKAGE + '.'.join([new, *parts[count:]])
            # A package can have moved before one of its modules did.
            return _new_name(found) or found
    return None


class _MovedModules:
    """Finds modules by old names; they look up all names in the new module."""

    def find_spec(self, name, path=None, target=None):
        if not name.startswith(_PACKAGE) or _new_name(name) is None:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        old, new = module.__name__, _new_name(module.__name__)

        def look_up(name):
            if name.startswith('__'):
                raise AttributeError(f'module {old!r} has no attribute {name!r}')
            _warn(old, new)
            return getattr(importlib.import_module(new), name)

        module.__doc__ = f'Moved to {new}.'
        module.__getattr__ = look_up


def find_moved_modules() -> None:
    """Let ``import`` find modules by the names that they had before."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.append(_MovedModules())
