"""Build fusors by name or config, with their weights."""

import warnings
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.utils.env import usable_device
from tsjnet_mm.utils.model_index import find_model

from .base import BaseFusor
from .hub import load_fusor_weights
from .presets import fusor_config


def _build(name_or_config):
    with DefaultScope.overwrite_default_scope(SCOPE):
        return MODELS.build(fusor_config(name_or_config))


def get_fusor(
    name: str, pretrained: bool | str | Path = True, device: str | torch.device = 'cpu'
) -> BaseFusor:
    """Build a fusor by its name, in eval mode.

    Args:
        name (str): One of :func:`~tsjnet_mm.apis.list_models`.
        pretrained (bool | str | Path): Load the published weights; or a checkpoint, see
            :func:`init_fusor`. False: random weights. Classical methods have none. Defaults
            to True.
        device (str | torch.device): Where it runs. Defaults to ``'cpu'``.

    Returns:
        BaseFusor: See :func:`init_fusor`.

    Raises:
        ValueError: The name or the device is unknown; the network has no published weights; or
            weights do not fit or are unsafe to load.
        FileNotFoundError: There is no such checkpoint.
    """
    entry = find_model(name)
    if pretrained is False:
        return _build(name).to(usable_device(device)).eval()
    if pretrained is True and entry.needs_weights:
        source = f'their authors offer them at {entry.authors_page}; ' * bool(
            entry.authors_page
        )
        raise ValueError(
            f'no weights of {name} come with the package: {source}give pretrained=FILE, or '
            'pretrained=False for random ones'
        )
    return init_fusor(name, None if pretrained is True else pretrained, device)


def init_fusor(
    name_or_config: str | Path | Config | dict,
    weights: str | Path | None = None,
    device: str | torch.device = 'cpu',
) -> BaseFusor:
    """Build a fusor in eval mode.

    Args:
        name_or_config (str | Path | Config | dict): One of
            :func:`~tsjnet_mm.apis.list_models`; an ``.onnx`` file of
            ``tools/deployment/export_onnx.py``; a config file; a config; or a model config.
            Of a joint model only the fusor is built.
        weights (str | Path, optional): Checkpoint, of the fusor or of a joint model; of a
            published network its authors' file, too. Defaults to the weights published under
            the name, where there are any.
        device (str | torch.device): Where it runs. Defaults to ``'cpu'``.

    Returns:
        BaseFusor: With ``fuse(ir, vi)``: (B, 1, H, W) and (B, 1 or 3, H, W) in [0, 1] to
        luma (B, 1, H, W) in [0, 1].

    Raises:
        ValueError: The name or the device is unknown, or weights do not fit or are unsafe to
            load.
        FileNotFoundError: There is no such checkpoint.
    """
    fusor = _build(name_or_config)
    loaded = load_fusor_weights(fusor, name_or_config, weights)
    if not loaded and any(True for _ in fusor.parameters()):
        name = name_or_config if isinstance(name_or_config, str) else type(fusor).__name__
        warnings.warn(f'{name} has random weights: give it a checkpoint', stacklevel=2)
    return fusor.to(usable_device(device)).eval()
