"""IFCNN: one network for many fusion tasks, which joins features by an elementwise rule.

Zhang, Liu, Sun, Yan, Zhao and Zhang, "IFCNN: A general image fusion framework based on
convolutional neural network", Information Fusion 54, 2020.

The whole network is here. There are published weights for each of three rules: the maximum,
which the authors use for infrared and visible images, the mean and the sum. The network works
on RGB. The infrared image and the visible luma are repeated to three channels each, and the
fused luma is the BT.601 luma of the three that come out, clipped to [0, 1] before. The authors'
script does the same, but gives a visible image in its colours, and cuts channels to 8 bits
before it takes the luma. :meth:`IFCNN.fuse_rgb` is the network itself, for any colours; with
the published weights its output equals that of the authors' code on real pairs to the last bit.

That script gives infrared and visible images to the network as they are, but normalises colour
images of several focuses by ImageNet's mean and standard deviation, and undoes it behind the
network; ``imagenet_normalised=True`` does so here.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tsjnet_mm.models.fusors.base import BaseFusor
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils import rgb_to_luma

from .renaming import converter_for, rename_entries

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
_JOIN = {
    'max': torch.maximum,
    'mean': lambda ir, vi: (ir + vi) / 2,
    'sum': torch.add,
}


def _conv_block():
    conv = nn.Conv2d(64, 64, 3, padding=1, padding_mode='replicate', bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(64), nn.ReLU(inplace=True))


@MODELS.register_module()
class IFCNN(BaseFusor):
    """Two layers of features for each image, their fusion, two layers back to an image.

    Args:
        rule (str): How features are joined: ``'max'``, ``'mean'`` or ``'sum'``. Defaults to
            ``'max'``.
        imagenet_normalised (bool): Normalise the images by ImageNet's mean and standard
            deviation, and undo it behind the network. Defaults to False.
        **options: ``data_preprocessor`` and ``init_cfg``, see :class:`BaseFusor`.

    Raises:
        ValueError: The rule is unknown.
    """

    def __init__(
        self,
        rule: str = 'max',
        imagenet_normalised: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if rule not in _JOIN:
            raise ValueError(f'rule must be one of {", ".join(_JOIN)}, got {rule!r}')
        self.rule = rule
        self.imagenet_normalised = imagenet_normalised
        replicate = {'padding': 3, 'padding_mode': 'replicate', 'bias': False}
        self.encoder = nn.Sequential(nn.Conv2d(3, 64, 7, **replicate), *_conv_block())
        self.decoder = nn.Sequential(*_conv_block(), nn.Conv2d(64, 3, 1))

    def fuse_rgb(self, ir: Tensor, vi: Tensor) -> Tensor:
        """The network alone.

        Args:
            ir (Tensor): (B, 3, H, W) RGB in [0, 1], or as it is to be normalised.
            vi (Tensor): The same.

        Returns:
            Tensor: (B, 3, H, W) RGB, not clipped.
        """
        features = _JOIN[self.rule](self.encoder(ir), self.encoder(vi))
        return self.decoder(features)

    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """See :meth:`BaseFusor.fuse_luma`."""
        ir, vi = (image.expand(-1, 3, -1, -1) for image in (ir, vi))
        if self.imagenet_normalised:
            mean = ir.new_tensor(_IMAGENET_MEAN)[:, None, None]
            deviation = ir.new_tensor(_IMAGENET_DEVIATION)[:, None, None]
            ir, vi = ((image - mean) / deviation for image in (ir, vi))
            fused = self.fuse_rgb(ir, vi) * deviation + mean
        else:
            fused = self.fuse_rgb(ir, vi)
        return rgb_to_luma(fused.clamp(0, 1))


_RULES = (
    (r'conv1\.weight', r'encoder.0.weight'),
    (r'conv2\.conv\.weight', r'encoder.1.weight'),
    (r'conv2\.bn\.(.*)', r'encoder.2.\1'),
    (r'conv3\.conv\.weight', r'decoder.0.weight'),
    (r'conv3\.bn\.(.*)', r'decoder.1.\1'),
    (r'conv4\.(.*)', r'decoder.3.\1'),
)


#: From the authors' state dict to that of :class:`IFCNN`, see :func:`.rename_entries`.
#: All three have the same names and shapes: only the file's name tells the rule.
convert_ifcnn = converter_for(IFCNN)(partial(rename_entries, rules=_RULES))
