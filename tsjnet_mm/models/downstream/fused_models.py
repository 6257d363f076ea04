"""Fusion in front of any detector of mmdet or segmentor of mmseg."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor

from tsjnet_mm.datasets.transforms.three_channels import accept_pairs
from tsjnet_mm.models.data_preprocessor import stack_images
from tsjnet_mm.models.drivers import network_images
from tsjnet_mm.models.fusors.hub import load_fusor_weights
from tsjnet_mm.models.fusors.presets import fusor_config
from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.utils.env import check_versions
from tsjnet_mm.utils.optional import require


class FusedModel(BaseModel):
    """A fusor in front of a task network.

    Its inputs are pairs as :class:`~tsjnet_mm.datasets.transforms.LoadImagePair` loads them;
    they are fused and passed to the network's own data preprocessor. Samples, losses and
    results are those of the network. Attributes that this model does not have are looked up in
    the network, so that hooks find ``bbox_head`` or ``decode_head``. A checkpoint of the
    network alone is loaded into the network, and the fusor gets its own weights.

    Args:
        model (dict): Config of the network.
        scope (str): Registry scope of the library it comes from.
        fusor (str | dict): See :func:`~tsjnet_mm.models.fusors.presets.fusor_config`.
        fusor_weights (str, optional): Checkpoint, see
            :func:`~tsjnet_mm.models.fusors.hub.load_fusor_weights`, loaded when weights are
            initialised. It is read safely: a file that holds anything but weights is refused.
            Defaults to the published weights of a name that has them.
        frozen (bool): Do not train the fusor. Otherwise the network's losses train it, too.
            Defaults to True.
        appearance (str): What the network sees: ``'colour'``, the fused luma with the visible
            image's chroma, or ``'grey'``, the luma alone in three channels. Defaults to
            ``'colour'``.
        data_preprocessor (dict, optional): Of the network, if its own config has none: the
            Runner gives the outermost model what a config names so on its top level.
        init_cfg (dict, optional): Initialisation, see mmengine's ``BaseModule``.

    Raises:
        ValueError: ``appearance`` or the fusor's name is unknown.
        ImportError: The library, mmcv or its compiled operators are missing; says what brings
            them.
    """

    def __init__(
        self,
        model: dict,
        scope: str,
        fusor: str | dict,
        fusor_weights: str | None = None,
        frozen: bool = True,
        appearance: str = 'colour',
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if appearance not in ('grey', 'colour'):
            raise ValueError(f"appearance must be 'grey' or 'colour', got {appearance!r}")
        check_versions('mmcv', scope)
        require('mmcv._ext')
        # Its pipeline may get pairs from elsewhere than LoadImagePair.
        accept_pairs()
        network = {'_scope_': scope, **model}
        if data_preprocessor is not None:
            network.setdefault('data_preprocessor', data_preprocessor)
        self.model = MODELS.build(network)
        self.fusor = MODELS.build({'_scope_': SCOPE, **fusor_config(fusor)})
        self.fusor_model = fusor
        self.fusor_weights = fusor_weights
        self.frozen = frozen
        self.appearance = appearance
        if frozen:
            self.fusor.requires_grad_(False)
            self.fusor.eval()

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == 'model':
                raise
            return getattr(self.model, name)

    def init_weights(self) -> None:
        """Initialise all weights, and load those of the fusor.

        Raises:
            FileNotFoundError: There is no file ``fusor_weights``.
            ValueError: It is unsafe, or does not fit; or published weights are damaged or
                cannot be fetched.
        """
        super().init_weights()
        load_fusor_weights(self.fusor, self.fusor_model, self.fusor_weights)

    def _load_from_state_dict(self, state_dict, prefix, *rest):
        own = tuple(f'{prefix}{part}.' for part in ('model', 'fusor'))
        alone = [name for name in state_dict if name.startswith(prefix)]
        if alone and not any(name.startswith(own) for name in alone):
            for name in alone:
                state_dict[own[0] + name.removeprefix(prefix)] = state_dict.pop(name)
            load_fusor_weights(self.fusor, self.fusor_model, self.fusor_weights)
            for name, value in self.fusor.state_dict().items():
                state_dict[own[1] + name] = value
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def train(self, mode: bool = True) -> FusedModel:
        """Set the mode; a frozen fusor stays in eval mode."""
        super().train(mode)
        if self.frozen:
            self.fusor.eval()
        return self

    def fuse(self, images: Sequence[Tensor] | Tensor) -> list[Tensor]:
        """Fuse images, in one batch, smaller ones continued by their last pixels.

        Args:
            images (Sequence[Tensor] | Tensor): (4, H, W) each: blue, green, red, infrared in
                0..255.

        Returns:
            list[Tensor]: (3, H, W) each, BGR in 0..255, float32; with gradients unless frozen.

        Raises:
            ValueError: An image has another number of channels.
        """
        for image in images:
            if image.dim() != 3 or image.shape[0] != 4:
                raise ValueError(
                    f'{type(self).__name__} takes images of blue, green, red and infrared, '
                    f'(4, H, W), got {tuple(image.shape)}; load them by '
                    "dict(type='tsjnet_mm.LoadImagePair')"
                )
        batch = stack_images([image.float() / 255 for image in images])
        visible, infrared = batch[:, :3].flip(1), batch[:, 3:]
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            luma = self.fusor.fuse(infrared, visible)
        fused = network_images(luma, visible, self.appearance)
        return [
            image[:, : source.shape[1], : source.shape[2]]
            for image, source in zip(fused, images, strict=True)
        ]

    def forward(
        self,
        inputs: Sequence[Tensor] | Tensor,
        data_samples: list | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """The Runner's entry: fuse, preprocess, and call the network.

        Args:
            inputs (Sequence[Tensor] | Tensor): B pairs, (4, H, W) each in 0..255.
            data_samples (list, optional): The network's samples.
            mode (str): ``'tensor'``, ``'predict'`` or ``'loss'``, see the network.

        Returns:
            What the network returns: features, samples or losses.
        """
        data = self.model.data_preprocessor(
            {'inputs': self.fuse(inputs), 'data_samples': data_samples}, mode == 'loss'
        )
        return self.model(data['inputs'], data['data_samples'], mode=mode)


@MODELS.register_module()
class FusedDetector(FusedModel):
    """A fusor in front of any mmdet detector.

    Args:
        detector (dict): Config of the detector.
        fusor (str | dict): Name of a preset, config file or config, see
            :class:`FusedModel`.
        **kwargs: See :class:`FusedModel`.
    """

    def __init__(self, detector: dict, fusor: str | dict, **kwargs: Any) -> None:
        super().__init__(detector, 'mmdet', fusor, **kwargs)


@MODELS.register_module()
class FusedSegmentor(FusedModel):
    """A fusor in front of any mmseg segmentor.

    Args:
        segmentor (dict): Config of the segmentor.
        fusor (str | dict): Name of a preset, config file or config, see
            :class:`FusedModel`.
        **kwargs: See :class:`FusedModel`.
    """

    def __init__(self, segmentor: dict, fusor: str | dict, **kwargs: Any) -> None:
        super().__init__(segmentor, 'mmseg', fusor, **kwargs)
