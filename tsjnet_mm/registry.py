"""Registries of the package: scope ``tsjnet_mm``, children of mmengine's roots.

Each registry has a list of packages that register its classes. It imports them on demand, so
that building by config needs no explicit import, also from another library's scope
(``type='tsjnet_mm.TSJNet'``). Every root has a child, because mmengine warns of missing ones.
"""

import importlib
from collections.abc import Callable

from mmengine import registry as root
from mmengine.registry import Registry, build_from_cfg, build_model_from_cfg

from tsjnet_mm.utils.after_import import after_import
from tsjnet_mm.utils.env import prepare_mmengine
from tsjnet_mm.utils.optional import optional_imports

SCOPE = 'tsjnet_mm'


class RoomRegistry(Registry):
    """Imports its locations one after the other, until one has the requested name.

    So fusing imports nothing that only training needs.
    """

    def get(self, key: str | type) -> type | Callable | None:
        """See mmengine's ``Registry``."""
        scope, name = self.split_scope_key(key) if isinstance(key, str) else (SCOPE, None)
        if scope in (None, SCOPE) and name:
            for location in self._locations:
                if name in self._module_dict:
                    break
                with optional_imports():
                    importlib.import_module(location)
            if name in self._module_dict:
                return self._module_dict[name]
        return super().get(key)


def _child(parent, *locations, build_func=None):
    locations = [f'{SCOPE}.{location}' for location in locations]
    return RoomRegistry(
        parent.name, build_func, parent=parent, scope=SCOPE, locations=locations
    )


def _build_model(cfg, registry, default_args=None):
    # mmengine's function imports for any config what only a list of them needs.
    build = build_model_from_cfg if isinstance(cfg, list) else build_from_cfg
    return build(cfg, registry, default_args)


def _add_scheme(loader):
    # mmengine logs the end of the name: "Loads checkpoint by published backend".
    def load_from_published(filename, map_location=None):
        hub = importlib.import_module(f'{SCOPE}.models.fusors.hub')
        return hub.load_from_published(filename, map_location)

    loader.CheckpointLoader.register_scheme(f'{SCOPE}://', load_from_published, force=True)


prepare_mmengine()
# ``load_from`` and ``init_cfg`` of configs find published weights by it.
after_import('mmengine.runner.checkpoint', _add_scheme)


MODELS = _child(
    root.MODELS,
    *(
        f'models.{room}'
        for room in (
            # In the order in which they are searched: what only training needs comes last.
            'data_preprocessor',
            'layers',
            'encoders',
            'fusion_layers',
            'decoders',
            'fusors',
            'peers',
            'losses',
            'drivers',
            'downstream',
        )
    ),
    build_func=_build_model,
)
DATASETS = _child(
    root.DATASETS,
    *(
        f'datasets.{module}'
        for module in ('folder', 'msrs', 'm3fd', 'llvip', 'fmb', 'roadscene')
    ),
)
TRANSFORMS = _child(root.TRANSFORMS, 'datasets.transforms')
METRICS = _child(root.METRICS, 'evaluation.fusion_metric', 'evaluation.driver_metric')
VISUALIZERS = _child(root.VISUALIZERS, 'visualization.fusion_visualizer')
HOOKS = _child(root.HOOKS, 'engine')
FUNCTIONS = _child(root.FUNCTIONS, 'engine')
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS, 'engine')

RUNNERS = _child(root.RUNNERS, 'engine')
RUNNER_CONSTRUCTORS = _child(root.RUNNER_CONSTRUCTORS, 'engine')
LOOPS = _child(root.LOOPS, 'engine')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'datasets')
MODEL_WRAPPERS = _child(root.MODEL_WRAPPERS, 'models')
WEIGHT_INITIALIZERS = _child(root.WEIGHT_INITIALIZERS, 'models')
OPTIMIZERS = _child(root.OPTIMIZERS, 'engine')
OPTIM_WRAPPERS = _child(root.OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
EVALUATOR = _child(root.EVALUATOR, 'evaluation')
TASK_UTILS = _child(root.TASK_UTILS, 'models')
VISBACKENDS = _child(root.VISBACKENDS, 'visualization')
LOG_PROCESSORS = _child(root.LOG_PROCESSORS, 'engine')
INFERENCERS = _child(root.INFERENCERS, 'apis.inferencer', 'apis.detector')
