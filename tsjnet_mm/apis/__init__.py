"""What people call: building fusors and fusing files."""

from .fuse import find_pairs, fuse_files, save_image
from .init import CLASSICAL_FUSORS, PRESETS, config_dir, init_fusor
from .weights import load_state_dict

__all__ = [
    'CLASSICAL_FUSORS',
    'PRESETS',
    'config_dir',
    'find_pairs',
    'fuse_files',
    'init_fusor',
    'load_state_dict',
    'save_image',
]
