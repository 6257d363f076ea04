"""tsjnet_mm: infrared and visible image fusion driven by detection and segmentation.

Importing the package checks the versions of the OpenMMLab packages it runs on and makes
their configs reachable from ours (``mmdet::...``, ``mmseg::...``). Models, datasets and
the rest are registered on first use, through :mod:`tsjnet_mm.registry`.
"""

from tsjnet_mm.utils.env import check_versions, enable_cross_library_configs
from tsjnet_mm.version import __version__

check_versions()
enable_cross_library_configs()

__all__ = ['__version__']
