"""From a name, or a config, to a fusor that is ready to fuse."""

import warnings

from mmengine.registry import DefaultScope

from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.utils.env import usable_device

from .hub import load_fusor_weights
from .presets import fusor_config


def init_fusor(name_or_config, weights=None, device='cpu'):
    """Build a fusor in eval mode.

    Args:
        name_or_config (str | Path | Config | dict): ``'tsjnet-official'``,
            ``'tsjnet-light'``, a key of :data:`CLASSICAL_FUSORS` or, for a published network,
            of :data:`~tsjnet_mm.models.peers.PEERS`; an ``.onnx`` file of
            ``tools/deployment/export_onnx.py``; a config file; a config; or a model config.
            Of a joint model only the fusor is built.
        weights (str | Path, optional): Checkpoint, of the fusor or of a joint model; where a
            published network is named its authors' file, too. Defaults to the weights of a
            name in :data:`~tsjnet_mm.models.fusors.hub.PUBLISHED`.
        device (str | torch.device): Where it runs. Defaults to ``'cpu'``.

    Returns:
        BaseFusor: With ``fuse(ir, vi)``: (B, 1, H, W) and (B, 1 or 3, H, W) in [0, 1] to
        luma (B, 1, H, W) in [0, 1].

    Raises:
        ValueError: The name or the device is unknown, or weights do not fit or are unsafe to
            load.
        FileNotFoundError: There is no such checkpoint.
    """
    model = fusor_config(name_or_config)
    with DefaultScope.overwrite_default_scope(SCOPE):
        fusor = MODELS.build(model)
    loaded = load_fusor_weights(fusor, name_or_config, weights)
    if not loaded and any(True for _ in fusor.parameters()):
        name = name_or_config if isinstance(name_or_config, str) else type(fusor).__name__
        warnings.warn(f'{name} has random weights: give it a checkpoint', stacklevel=2)
    return fusor.to(usable_device(device)).eval()
