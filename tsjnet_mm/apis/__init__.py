"""What people call: building fusors, fusing files, measuring them."""

from .evaluate import BASELINES, evaluate_folders
from .fuse import find_pairs, fuse_files, save_image
from .init import CLASSICAL_FUSORS, PRESETS, config_dir, init_fusor
from .weights import load_state_dict

__all__ = [
    'BASELINES',
    'CLASSICAL_FUSORS',
    'PRESETS',
    'config_dir',
    'evaluate_folders',
    'find_pairs',
    'fuse_files',
    'init_fusor',
    'load_state_dict',
    'save_image',
]
