"""What the networks of a benchmark cost: size, multiply-accumulates, memory and time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from tsjnet_mm.apis.inferencer import FusionInferencer
from tsjnet_mm.io.resume import digest_file
from tsjnet_mm.io.text import read_json
from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.models.fusors.hub import default_weights, needs_weights
from tsjnet_mm.models.fusors.init import init_fusor
from tsjnet_mm.utils import write_whole

from .timing import SideBySideTimer

_NAMES = ('parameters', 'gmacs', 'gigabytes', 'seconds')


def build_zoo_model(name: str, weights: str | Path | None = None) -> BaseFusor:
    """Build a fusor of the benchmark.

    Args:
        name (str): See :func:`.init_fusor`.
        weights (str | Path, optional): Likewise.

    Returns:
        BaseFusor: In evaluation mode.

    Raises:
        ValueError: The name is unknown, a network has no weights, or they do not fit.
        FileNotFoundError: There is no such checkpoint.
    """
    if weights is None and needs_weights(name):
        raise ValueError(f'{name} needs weights: {name}=FILE')
    return init_fusor(name, weights)


def digest_weights(name: str, weights: str | Path | None = None) -> str:
    """Digest of the file of a model's weights; '' for a method without.

    Args:
        name (str): See :func:`build_zoo_model`.
        weights (str | Path, optional): Likewise.

    Returns:
        str: See :func:`.digest_file`.
    """
    path = weights or default_weights(name)
    return digest_file(path) if path else ''


def _build_candidate(name, weights):
    """For :class:`SideBySideTimer`: the network in inference form, and how to call it."""
    inferencer = FusionInferencer(
        build_zoo_model(name, weights), precision='fp32', device='cpu', show_progress=False
    )
    fusor = inferencer.fusor
    network = fusor if isinstance(fusor, torch.nn.Module) else torch.nn.Module()
    return network, fusor.fuse


def measure_costs(
    models: Mapping[str, tuple[str, str | Path | None]],
    path: str | Path,
    size: tuple[int, int] = (640, 480),
    repeats: int = 5,
    threads: int = 2,
) -> dict[str, dict[str, float]]:
    """Parameters, multiply-accumulates, memory and time of each network on the CPU.

    Each runs in a process of its own, in fp32; they take turns, and the time is the median of
    all turns but the first. Colour, reading and writing are not counted. What was measured
    before of the same weights under the same settings is kept; delete the file to measure anew.

    Args:
        models (Mapping[str, tuple[str, str | Path | None]]): Row to name and weights, see
            :func:`build_zoo_model`.
        path (str | Path): JSON file that gets the costs.
        size (tuple[int, int]): Width and height of the pair. Defaults to (640, 480).
        repeats (int): Turns that count. Defaults to 5.
        threads (int): Of each process. Defaults to 2.

    Returns:
        dict[str, dict[str, float]]: Row to ``parameters``, ``gmacs``, ``gigabytes`` and
        ``seconds``.

    Raises:
        ValueError: A method could not be built.
    """
    settings = {'size': list(size), 'threads': threads, 'repeats': repeats}
    weights = {row: digest_weights(*model) for row, model in models.items()}
    found = {
        row: cost
        for row, cost in _read_costs(path, settings).items()
        if row in models
        and cost.get('model') == models[row][0]
        and cost.get('weights') == weights[row]
    }
    missing = {row: model for row, model in models.items() if row not in found}
    if missing:
        timer = SideBySideTimer(
            {row: (_build_candidate, *model) for row, model in missing.items()}, 'cpu', threads
        )
        try:
            if timer.absent:
                raise ValueError(
                    '; '.join(f'{row}: {reason}' for row, reason in timer.absent.items())
                )
            measured = timer.run(size, repeats)
        finally:
            timer.close()
        for row, result in measured.items():
            of = {'model': models[row][0], 'weights': weights[row]}
            found[row] = {**{name: getattr(result, name) for name in _NAMES}, **of}
    costs = {row: found[row] for row in models}
    write_whole(path, json.dumps({**settings, 'costs': costs}, indent=2) + '\n')
    return {row: {name: cost[name] for name in _NAMES} for row, cost in costs.items()}


def _read_costs(path, settings):
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or not isinstance(content.get('costs'), dict):
        return {}
    if {key: content.get(key) for key in settings} != settings:
        return {}
    return {
        row: cost
        for row, cost in content['costs'].items()
        if isinstance(cost, dict) and {*_NAMES} <= cost.keys()
    }
