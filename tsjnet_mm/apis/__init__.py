"""What people call: building fusors, fusing files, measuring them."""

from tsjnet_mm.io.images import write_image
from tsjnet_mm.io.pairs import PairSource, find_pairs, iterate_pairs
from tsjnet_mm.io.preparation import Preparation, load_homography
from tsjnet_mm.models.fusors.presets import CLASSICAL_FUSORS, PRESETS, config_dir
from tsjnet_mm.utils.checkpoints import load_state_dict

from .evaluate import BASELINES, evaluate_folders
from .flicker import temporal_difference
from .folder import fuse_to_folder
from .fuse_pair import FusePair
from .inferencer import FusedImage, FusionInferencer
from .init import init_fusor
from .video import FusedVideo, fuse_video

__all__ = [
    'BASELINES',
    'CLASSICAL_FUSORS',
    'PRESETS',
    'FusePair',
    'FusedImage',
    'FusedVideo',
    'FusionInferencer',
    'PairSource',
    'Preparation',
    'config_dir',
    'evaluate_folders',
    'find_pairs',
    'fuse_to_folder',
    'fuse_video',
    'init_fusor',
    'iterate_pairs',
    'load_homography',
    'load_state_dict',
    'temporal_difference',
    'write_image',
]
