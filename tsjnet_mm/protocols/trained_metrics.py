"""Which metrics a method was trained on: they say little about how good it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.utils.model_index import model_index

#: Metrics that are functions of one: who minimises one has minimised the others.
_SAME = {'MSE': ('PSNR', 'RMSE'), 'PSNR': ('MSE', 'RMSE')}


def trained_metrics(model: str | Path) -> tuple[str, ...]:
    """Metrics in the training loss of a model.

    Args:
        model (str | Path): Name of the zoo, whose metafile says it (``Training Metrics``) or
            whose config has losses that name their ``metric``; or a config file.

    Returns:
        tuple[str, ...]: Their names, with those that are functions of them, such as PSNR of
        MSE. Empty for a classical method, and where nothing is said.
    """
    entry = model_index().get(str(model))
    if entry is not None and entry.training_metrics:
        return with_same(entry.training_metrics)
    config = Path(model) if entry is None else entry.config
    if config is None or config.suffix != '.py':
        return ()
    from mmengine.config import Config

    return with_same(_named_metrics(Config.fromfile(config).get('model', {})))


def with_same(metrics: Iterable[str]) -> tuple[str, ...]:
    """Metrics and those that are functions of one of them, in the order of all.

    Args:
        metrics (Iterable[str]): Names in :data:`~tsjnet_mm.metrics.FUSION_METRICS`.

    Returns:
        tuple[str, ...]: Names, each once.

    Raises:
        ValueError: One is unknown.
    """
    found = {*metrics}
    unknown = sorted(found - {*FUSION_METRICS})
    if unknown:
        raise ValueError(
            f'{unknown[0]!r} is no metric; the names are {", ".join(FUSION_METRICS)}'
        )
    found |= {other for name in found for other in _SAME.get(name, ())}
    return tuple(name for name in FUSION_METRICS if name in found)


def _named_metrics(config: Any) -> set[str]:
    """Values of ``metric`` anywhere in the losses of a model."""
    if isinstance(config, dict):
        found = {config['metric']} if config.get('metric') in FUSION_METRICS else set()
        return found.union(*(_named_metrics(value) for value in config.values()))
    if isinstance(config, list | tuple):
        return set().union(*(_named_metrics(value) for value in config))
    return set()
