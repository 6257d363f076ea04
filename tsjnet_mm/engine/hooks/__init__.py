"""Hooks."""

from .checkpoint_hook import AtomicCheckpointHook, AtomicLocalBackend
from .driver_check_hook import DriverCheckHook
from .fused_visualization_hook import FusedVisualizationHook
from .plateau_hook import ReduceOnTrainLossLR, TrainLossPlateauHook
from .reseed_hook import ReseedHook, epoch_worker_init_fn
from .visualization_hook import FusionVisualizationHook

__all__ = [
    'AtomicCheckpointHook',
    'AtomicLocalBackend',
    'DriverCheckHook',
    'FusedVisualizationHook',
    'FusionVisualizationHook',
    'ReduceOnTrainLossLR',
    'ReseedHook',
    'TrainLossPlateauHook',
    'epoch_worker_init_fn',
]
