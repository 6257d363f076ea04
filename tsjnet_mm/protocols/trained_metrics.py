"""What a method was trained on, metrics and networks: both say little about how good it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils.model_index import model_index

#: Metrics that are functions of one: who minimises one has minimised the others.
_SAME = {'MSE': ('PSNR', 'RMSE'), 'PSNR': ('MSE', 'RMSE')}


def trained_metrics(model: str | Path) -> tuple[str, ...]:
    """Metrics in the training loss of a model.

    Args:
        model (str | Path): Name of the zoo, whose metafile says it (``Training Metrics``) or
            whose config has losses that name their ``metric`` or are one
            (:class:`~tsjnet_mm.models.losses.base.FusionLoss`); or a config file.

    Returns:
        tuple[str, ...]: Their names, with those that are functions of them, such as PSNR of
        MSE. Empty for a classical method, and where nothing is said.
    """
    entry = model_index().get(str(model))
    if entry is not None and entry.training_metrics:
        return with_same(entry.training_metrics)
    return with_same(_named_metrics(_model_config(model)))


def driven_by(model: str | Path, networks: Mapping[str, str]) -> tuple[str, ...]:
    """Networks that drove the training of a model.

    Args:
        model (str | Path): See :func:`trained_metrics`.
        networks (Mapping[str, str]): Name to its config, of mmdet or mmseg
            (``mmdet::folder/name.py``) or a file with a driver.

    Returns:
        tuple[str, ...]: Names of those whose config one of the model's drivers has.
    """
    drivers = _driver_configs(_model_config(model))
    return tuple(
        name
        for name, config in networks.items()
        if drivers & ({config} if '::' in config else _driver_configs(_read(config)))
    )


def with_same(metrics: Iterable[str], networks: Collection[str] = ()) -> tuple[str, ...]:
    """Metrics and those that are functions of one of them, in the order of all.

    Args:
        metrics (Iterable[str]): Names in :data:`~tsjnet_mm.metrics.FUSION_METRICS`, or of
            networks.
        networks (Collection[str]): Names of networks, which come last. Defaults to none.

    Returns:
        tuple[str, ...]: Names, each once.

    Raises:
        ValueError: One is unknown.
    """
    found, names = {*metrics}, (*FUSION_METRICS, *networks)
    unknown = sorted(found - {*names})
    if unknown:
        raise ValueError(f'{unknown[0]!r} is no metric; the names are {", ".join(names)}')
    found |= {other for name in found for other in _SAME.get(name, ())}
    return tuple(name for name in names if name in found)


def _model_config(model):
    """``model`` of a config; empty for a classical method or a published network."""
    entry = model_index().get(str(model))
    config = Path(model) if entry is None else entry.config
    return {} if config is None or config.suffix != '.py' else _read(config).get('model', {})


def _read(config):
    from mmengine.config import Config

    return Config.fromfile(config).to_dict()


def _driver_configs(config):
    """Values of ``config`` anywhere in a config: those of its drivers."""
    if isinstance(config, Mapping):
        own = config.get('config')
        found = {own} if isinstance(own, str) else set()
        return found.union(*(_driver_configs(value) for value in config.values()))
    if isinstance(config, list | tuple):
        return set().union(*(_driver_configs(value) for value in config))
    return set()


def _named_metrics(config: Any) -> set[str]:
    """Values of ``metric`` anywhere in a model, and the metrics that its losses are."""
    if isinstance(config, list | tuple):
        return set().union(*(_named_metrics(value) for value in config))
    if not isinstance(config, dict):
        return set()
    found = {config['metric']} if config.get('metric') in FUSION_METRICS else set()
    losses = config.get('losses')
    for loss in losses.values() if isinstance(losses, dict) else ():
        kind = loss.get('type') if isinstance(loss, dict) else None
        found |= {*getattr(MODELS.get(kind) if isinstance(kind, str) else kind, 'metrics', ())}
    return found.union(*(_named_metrics(value) for value in config.values()))
