"""Convert published archives to the folders that the datasets read."""

from .prepare import PreparedDataset, prepare_dataset
from .published import PUBLISHED

__all__ = ['PUBLISHED', 'PreparedDataset', 'prepare_dataset']
