"""tsjnet_mm: infrared and visible image fusion driven by detection and segmentation.

Importing the package imports neither torch nor any package of OpenMMLab, and changes neither.
If mmengine's loader of checkpoints is imported afterwards, it does not execute code from
checkpoints. :func:`tsjnet_mm.utils.env.prepare_mmengine` changes modules that were imported
before; functions that build, load or train call it. :mod:`tsjnet_mm.registry` registers models,
datasets and other classes on first use.
"""

from .utils.after_import import after_import
from .utils.moved import find_moved_modules
from .version import __version__

after_import('mmengine.runner.checkpoint', f'{__name__}.utils.checkpoints:guard', now=False)
after_import('mmengine.config.utils', f'{__name__}.utils.env:find_configs', now=False)
find_moved_modules()

__all__ = ['__version__']
