"""Hooks."""

from .checkpoint_hook import AtomicCheckpointHook, AtomicLocalBackend
from .plateau_hook import ReduceOnTrainLossLR, TrainLossPlateauHook
from .reseed_hook import ReseedHook, epoch_worker_init_fn
from .visualization_hook import FusionVisualizationHook

__all__ = [
    'AtomicCheckpointHook',
    'AtomicLocalBackend',
    'FusionVisualizationHook',
    'ReduceOnTrainLossLR',
    'ReseedHook',
    'TrainLossPlateauHook',
    'epoch_worker_init_fn',
]
