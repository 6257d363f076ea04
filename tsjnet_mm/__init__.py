"""tsjnet_mm: infrared and visible image fusion driven by detection and segmentation.

Importing the package checks the versions of the OpenMMLab packages it runs on, makes their
configs reachable from ours (``mmdet::...``, ``mmseg::...``), lets torch load the checkpoints
of mmengine's Runner, and keeps mmengine from running code that a checkpoint holds. Models,
datasets and the rest are registered on first use, through :mod:`tsjnet_mm.registry`.
"""

from tsjnet_mm.utils.checkpoints import guard_mmengine
from tsjnet_mm.utils.env import (
    allow_mmengine_checkpoints,
    check_versions,
    enable_cross_library_configs,
)

from .utils.moved import find_moved_modules
from .version import __version__

check_versions()
enable_cross_library_configs()
allow_mmengine_checkpoints()
guard_mmengine()
find_moved_modules()

__all__ = ['__version__']
