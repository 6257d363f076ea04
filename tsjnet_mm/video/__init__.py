"""Fusing videos and live sources, frame by frame."""

from .flicker import temporal_difference
from .fusing import FusedVideo, fuse_video
from .live_frames import LiveOptions
from .temporal_filter import TemporalFilter

__all__ = ['FusedVideo', 'LiveOptions', 'TemporalFilter', 'fuse_video', 'temporal_difference']
