"""TSJNet: the fusion network (TSJNet, section 3.3).

An encoder shared by both modalities, local significant features of each, their fusion and a
decoder. Differs from the authors' release: images of any size; in training both modalities go
through the encoder as one batch, and all three images through the decoder as one, so that
batch normalisation trains on the mixture that its running statistics describe.
"""

from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.layers import pad_to_multiple
from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import rgb_to_luma

from .base import BaseFusor


def _take_fusor_of_joint_model(state_dict, prefix, *_):
    """Let a checkpoint of a :class:`JointFusor` load into the fusor alone, in place."""
    joint = f'{prefix}fusor.'
    if not any(name.startswith(joint) for name in state_dict):
        return
    for name in [name for name in state_dict if name.startswith(prefix)]:
        value = state_dict.pop(name)
        if name.startswith(joint):
            state_dict[prefix + name[len(joint) :]] = value


@MODELS.register_module()
class TSJNet(BaseFusor):
    """The fusion network.

    Args:
        encoder (dict): Config of the encoder, the paper's BRE.
        features (dict): Config of the feature extraction behind it, the paper's LSM.
        fusion_layer (dict): Config of the fusion of two modalities' features.
        decoder (dict): Config of the decoder, the paper's BRD.
        losses (dict[str, dict], optional): Name to config of each term of the fusion loss;
            the Runner logs it as ``loss_<name>``. Needed for training only.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.

    Raises:
        ValueError: The decoder does not undo the encoder's stride, or a loss needs what the
            decoder does not compute.
    """

    min_size = 16

    def __init__(
        self,
        encoder: dict,
        features: dict,
        fusion_layer: dict,
        decoder: dict,
        losses: dict[str, dict] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.encoder = MODELS.build(encoder)
        self.features = MODELS.build(features)
        self.fusion_layer = MODELS.build(fusion_layer)
        self.decoder = MODELS.build(decoder)
        if self.encoder.stride != self.decoder.upsample:
            raise ValueError(
                f'the encoder has stride {self.encoder.stride}, the decoder upsamples by '
                f'{self.decoder.upsample}; they must be equal'
            )
        self.losses = nn.ModuleDict(
            {name: MODELS.build(term) for name, term in (losses or {}).items()}
        )
        for name, loss in self.losses.items():
            if loss.needs_attention and not self.decoder.has_attention:
                raise ValueError(
                    f'the loss {name} ({type(loss).__name__}) reads attention maps, which this '
                    'decoder does not have: leave the loss out, or give the decoder num_heads'
                )
        self._register_load_state_dict_pre_hook(_take_fusor_of_joint_model)

    def extract(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Features of one modality.

        Args:
            image (Tensor): (B, 1, H, W), sides multiples of the encoder's stride.

        Returns:
            tuple[Tensor, Tensor]: Detail and local features (Eq. 4).
        """
        return self.features(self.encoder(image))

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        height, width = ir.shape[2:]
        ir, vi = (pad_to_multiple(image, self.decoder.divisor) for image in (ir, vi))
        if self.encoder.stride > 1:
            # Slices at a symbol, not chunks: an exported graph serves any number of pairs.
            parts, batch = self.extract(torch.cat((ir, vi))), ir.shape[0]
            features = [tuple(part[:batch] for part in parts)]
            features.append(tuple(part[batch:] for part in parts))
        else:  # One image after the other, for features of full resolution fill the memory.
            features = [self.extract(ir), self.extract(vi)]
        fused, _ = self.decoder(*self.fusion_layer(*features), ir, vi)
        return fused[:, :, :height, :width]

    def fuse_for_training(self, ir: Tensor, vi: Tensor) -> dict[str, Tensor]:
        """Fuse, and return the inputs of the losses.

        Args:
            ir (Tensor): (B, 1, H, W) in [0, 1].
            vi (Tensor): (B, 3, H, W) RGB or (B, 1, H, W) grey in [0, 1].

        Returns:
            dict[str, Tensor]: ``ir``, ``vi`` (luma) and ``fused`` (B, 1, H, W), the last not
            clipped; ``attention`` (B, heads, H', W') of a decoder that
            has it; and, if a loss needs them, ``ir_reconstruction`` and ``vi_reconstruction``
            (B, 1, H, W).
        """
        vi = rgb_to_luma(vi)
        batch, _, height, width = ir.shape
        images = pad_to_multiple(torch.cat((ir, vi)), self.decoder.divisor)
        details, locals_ = self.extract(images)
        ir_features, vi_features = zip(details.chunk(2), locals_.chunk(2), strict=True)
        detail, local = self.fusion_layer(ir_features, vi_features)
        padded_ir, padded_vi = images.chunk(2)
        reconstruct = any(loss.needs_reconstruction for loss in self.losses.values())
        if reconstruct:
            # From features alone: with wavelet planes of the image any features would do.
            detail = torch.cat((detail, details))
            local = torch.cat((local, locals_))
        without_sources = len(detail) - batch
        decoded, attention = self.decoder(detail, local, padded_ir, padded_vi, without_sources)
        decoded = decoded[:, :, :height, :width]
        outputs = {'ir': ir, 'vi': vi, 'fused': decoded[:batch]}
        if attention is not None:
            outputs['attention'] = attention[:batch]
        if reconstruct:
            _, outputs['ir_reconstruction'], outputs['vi_reconstruction'] = decoded.chunk(3)
        return outputs

    def fusion_losses(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Terms of the fusion loss (Eq. 10 in the paper's config).

        Args:
            outputs (dict[str, Tensor]): See :meth:`fuse_for_training`.

        Returns:
            dict[str, Tensor]: ``loss_<name>`` to scalar.

        Raises:
            RuntimeError: No losses are configured.
        """
        if not self.losses:
            raise RuntimeError('this TSJNet was built without losses; it can fuse, not train')
        return {f'loss_{name}': loss(outputs) for name, loss in self.losses.items()}

    def loss(
        self, inputs: dict, data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Losses of a batch, see :meth:`BaseFusor.forward`."""
        return self.fusion_losses(self.fuse_for_training(inputs['ir'], inputs['vi']))
