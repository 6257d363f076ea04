"""Fusing videos and live sources, frame by frame."""

from .flicker import temporal_difference
from .fusing import FusedVideo, fuse_video

__all__ = ['FusedVideo', 'fuse_video', 'temporal_difference']
