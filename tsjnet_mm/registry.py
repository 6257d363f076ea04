"""Registries of the package: scope ``tsjnet_mm``, children of mmengine's roots.

Each names the packages whose import fills it, so that building by config works without an
import by hand, also from another library's scope (``type='tsjnet_mm.TSJNet'``). There is a
child of every root, filled or not: mmengine warns of a default scope that lacks one.
"""

from mmengine import registry as root
from mmengine.registry import Registry

SCOPE = 'tsjnet_mm'


def _child(parent, *locations):
    locations = [f'{SCOPE}.{location}' for location in locations]
    return Registry(parent.name, parent=parent, scope=SCOPE, locations=locations)


MODELS = _child(
    root.MODELS,
    *(
        f'models.{room}'
        for room in (
            'data_preprocessor',
            'layers',
            'encoders',
            'fusion_layers',
            'decoders',
            'losses',
            'drivers',
            'fusors',
            'peers',
            'downstream',
        )
    ),
)
DATASETS = _child(root.DATASETS, 'datasets')
TRANSFORMS = _child(root.TRANSFORMS, 'datasets.transforms')
METRICS = _child(root.METRICS, 'evaluation')
VISUALIZERS = _child(root.VISUALIZERS, 'visualization')
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
INFERENCERS = _child(root.INFERENCERS, 'apis')
