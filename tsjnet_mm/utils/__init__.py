"""Helpers that need torch and numpy alone."""

from .lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'recolour': '.colour',
        'rgb_to_luma': '.colour',
        'rgb_to_ycbcr': '.colour',
        'whole_file': '.files',
        'write_whole': '.files',
        'ycbcr_to_rgb': '.colour',
    },
)
