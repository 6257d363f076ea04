"""Drivers: task networks whose losses train the fusor."""

from .base import BaseDriver, network_images
from .detection import DetectionDriver
from .segmentation import SegmentationDriver

__all__ = ['BaseDriver', 'DetectionDriver', 'SegmentationDriver', 'network_images']
