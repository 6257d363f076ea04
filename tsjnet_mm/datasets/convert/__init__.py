"""Convert published archives to the folders that the datasets read."""

from tsjnet_mm.utils.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        'PUBLISHED': '.published',
        'PreparedDataset': '.prepare',
        'prepare_dataset': '.prepare',
    },
)
