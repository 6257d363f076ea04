"""tsjnet_mm: infrared and visible image fusion driven by detection and segmentation.

Importing the package checks the versions of the OpenMMLab packages it runs on, makes their
configs reachable from ours (``mmdet::...``, ``mmseg::...``) and lets torch load the
checkpoints of mmengine's Runner. Models, datasets and the rest are registered on first use,
through :mod:`tsjnet_mm.registry`.
"""

from tsjnet_mm.utils.env import (
    allow_mmengine_checkpoints,
    check_versions,
    enable_cross_library_configs,
)
from tsjnet_mm.version import __version__

check_versions()
enable_cross_library_configs()
allow_mmengine_checkpoints()

__all__ = ['__version__']
