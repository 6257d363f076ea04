"""tsjnet_mm: infrared and visible image fusion driven by detection and segmentation.

Importing the package imports neither torch nor any package of OpenMMLab, and changes neither.
When mmengine's loader of checkpoints is imported afterwards, it is kept from running code that
a checkpoint holds. What was imported before is changed by
:func:`tsjnet_mm.utils.env.prepare_mmengine`, which whatever builds, loads or trains calls.
Models, datasets and the rest are registered on first use, through :mod:`tsjnet_mm.registry`.
"""

from .utils.after_import import after_import
from .utils.moved import find_moved_modules
from .version import __version__

after_import('mmengine.runner.checkpoint', f'{__name__}.utils.checkpoints:guard', now=False)
after_import('mmengine.config.utils', f'{__name__}.utils.env:find_configs', now=False)
find_moved_modules()

__all__ = ['__version__']
