"""Labels for pairs that have none: boxes by a detector, masks from boxes."""

from tsjnet_mm.apis.task_networks import ViewDetector, ViewSegmentor

from .boxes import merge_views
from .classes import KNOWN_DATASETS, box_classes, map_classes, seg_classes
from .compose import compose_masks, save_mask
from .generate import find_fused, generate_boxes, generate_masks, list_pairs
from .grabcut import grabcut_masks
from .object_mask import ObjectMask
from .review_sheets import draw_sheets, order_pairs
from .sam import SamMasks
from .scenes import Scene, SceneLabeller, replace_guesses, scene_indices
from .shift import find_shifts
from .views import VIEWS, view_image

__all__ = [
    'KNOWN_DATASETS',
    'VIEWS',
    'ObjectMask',
    'SamMasks',
    'Scene',
    'SceneLabeller',
    'ViewDetector',
    'ViewSegmentor',
    'box_classes',
    'compose_masks',
    'draw_sheets',
    'find_fused',
    'find_shifts',
    'generate_boxes',
    'generate_masks',
    'grabcut_masks',
    'list_pairs',
    'map_classes',
    'merge_views',
    'order_pairs',
    'replace_guesses',
    'save_mask',
    'scene_indices',
    'seg_classes',
    'view_image',
]
