"""What people call: building fusors, fusing files, measuring them."""

from .evaluate import BASELINES, evaluate_folders
from .flicker import temporal_difference
from .folder import fuse_to_folder, load_homography
from .inferencer import FusedImage, FusionInferencer, save_image
from .init import CLASSICAL_FUSORS, PRESETS, config_dir, init_fusor
from .pairs import find_pairs, iterate_pairs
from .video import FusedVideo, fuse_video
from .weights import load_state_dict

__all__ = [
    'BASELINES',
    'CLASSICAL_FUSORS',
    'PRESETS',
    'FusedImage',
    'FusedVideo',
    'FusionInferencer',
    'config_dir',
    'evaluate_folders',
    'find_pairs',
    'fuse_to_folder',
    'fuse_video',
    'init_fusor',
    'iterate_pairs',
    'load_homography',
    'load_state_dict',
    'save_image',
    'temporal_difference',
]
