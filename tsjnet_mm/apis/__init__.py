"""The functions and classes for programs: build fusors, fuse files, measure them.

Each name is imported when it is first used.
"""

from functools import partial

from tsjnet_mm.utils.lazy import lazy_names
from tsjnet_mm.utils.moved import moved_names

#: Name to the module that has it.
_MODULES = {
    'BASELINES': 'tsjnet_mm.evaluation.image_folders',
    'FusedImage': 'tsjnet_mm.apis.inferencer',
    'FusedDetections': 'tsjnet_mm.apis.detector',
    'FusionDetector': 'tsjnet_mm.apis.detector',
    'FusionInferencer': 'tsjnet_mm.apis.inferencer',
    'PairSource': 'tsjnet_mm.io.matching',
    'Preparation': 'tsjnet_mm.io.preparation',
    'config_dir': 'tsjnet_mm.utils.model_index',
    'evaluate_folders': 'tsjnet_mm.evaluation.image_folders',
    'find_pairs': 'tsjnet_mm.io.matching',
    'fuse_to_folder': 'tsjnet_mm.apis.folder_fusion',
    'get_fusor': 'tsjnet_mm.models.fusors.init',
    'init_fusor': 'tsjnet_mm.models.fusors.init',
    'iterate_pairs': 'tsjnet_mm.io.pairs',
    'list_models': 'tsjnet_mm.utils.model_index',
    'load_homography': 'tsjnet_mm.io.preparation',
    'load_state_dict': 'tsjnet_mm.utils.checkpoints',
    'watch_to_folder': 'tsjnet_mm.apis.folder_watch',
    'write_image': 'tsjnet_mm.io.images',
}


def _former(name):
    from tsjnet_mm.models.fusors.presets import FORMER

    return FORMER[name][1]()


_look_up_moved = moved_names(
    __name__,
    {
        **{
            name: ('tsjnet_mm.apis.list_models()', partial(_former, name))
            for name in ('CLASSICAL_FUSORS', 'PRESETS')
        },
        'FusePair': 'tsjnet_mm.datasets.transforms',
        'FusedVideo': 'tsjnet_mm.video',
        'fuse_video': 'tsjnet_mm.video',
        'temporal_difference': 'tsjnet_mm.video',
    },
)
__getattr__, __dir__, __all__ = lazy_names(__name__, _MODULES, _look_up_moved)
