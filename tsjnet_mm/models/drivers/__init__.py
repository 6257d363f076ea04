"""Drivers: task networks whose losses train the fusor."""

from .base import BaseDriver, network_images, plain_sample
from .detection_driver import REGRESSION_TERMS, DetectionDriver
from .segmentation_driver import SegmentationDriver

__all__ = [
    'REGRESSION_TERMS',
    'BaseDriver',
    'DetectionDriver',
    'SegmentationDriver',
    'network_images',
    'plain_sample',
]
