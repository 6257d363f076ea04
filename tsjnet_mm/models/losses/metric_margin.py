"""A loss that lets the fused image compete with another method in the metrics themselves.

Not in the paper. Each crop is fused by a method without weights, too, and every metric asks
to be better than that method's by a margin. A metric that is won by far pulls no more, so
none is bought with the others: the sum of plain metrics has no such brake.
"""

import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope

from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.registry import MODELS, SCOPE

from ._precision import full_precision
from .base import FusionLoss


def margin_loss(values, rival_values, scale, higher_is_better=True, margin=1.0, relative=False):
    r"""Mean of :math:`\log(1 + e^{m - d})`, :math:`d` the lead over the rival in scales.

    Args:
        values (Tensor): (B,) a metric of the fused images.
        rival_values (Tensor): (B,) the same metric of the rival's.
        scale (float): Difference of the metric that counts as 1, above 0.
        higher_is_better (bool): The metric's direction. Defaults to True.
        margin (float): Lead that is asked for, in scales. Defaults to 1.
        relative (bool): Compare logarithms of values plus 1, for metrics that differ from
            image to image by magnitudes. Defaults to False.

    Returns:
        Tensor: Scalar, above 0; about ``margin - d`` far behind, 0 far ahead.

    Raises:
        ValueError: ``scale`` is not above 0.
    """
    if not scale > 0:
        raise ValueError(f'scale must be above 0, got {scale}')
    if relative:
        values, rival_values = torch.log1p(values), torch.log1p(rival_values)
    lead = (values - rival_values) / scale
    return F.softplus(margin - (lead if higher_is_better else -lead)).mean()


@MODELS.register_module()
class MetricMarginLoss(FusionLoss):
    """Ask one metric to be better than a rival's on every image.

    Args:
        metric (str): A differentiable one of
            :data:`~tsjnet_mm.metrics.FUSION_METRICS`, such as ``'SSIM'``,
            ``'MSE'``, ``'CC'``, ``'CV'``, ``'VIF'``, ``'Qabf'``, ``'SF'``, ``'SD'``.
        scale (float): Difference of the metric, or of its logarithm, that counts as 1.
        rival (dict, optional): Config of a fusor without weights. Defaults to
            ``dict(type='LaplacianPyramidFusor')``.
        margin (float): Lead that is asked for, in scales. Defaults to 1.
        relative (bool): Compare logarithms. Defaults to False.
        downsample (int): The images are averaged over squares of so many pixels first, as
            some conventions do. Defaults to 1.
        min_deviation (float): Images of which one source's levels (0..255) deviate less than
            this are left out: nothing is to be fused there, and quotients of their moments
            have no useful gradient. Defaults to 2.
        loss_weight (float): Factor of the term. Defaults to 1.

    Raises:
        ValueError: The metric is unknown, or the rival has weights; in training, the metric has
            no gradient.
    """

    def __init__(
        self,
        metric,
        scale,
        rival=None,
        margin=1.0,
        relative=False,
        downsample=1,
        min_deviation=2.0,
        loss_weight=1.0,
    ):
        super().__init__(loss_weight)
        if metric not in FUSION_METRICS:
            raise ValueError(f'{metric!r} is none of {", ".join(FUSION_METRICS)}')
        self.metric = metric
        self.scale = scale
        self.margin = margin
        self.relative = relative
        self.downsample = downsample
        self.min_deviation = min_deviation
        rival = rival or {'type': 'LaplacianPyramidFusor'}
        self._key = f'rival {rival}'
        with DefaultScope.overwrite_default_scope(SCOPE):
            self.rival = MODELS.build(rival)
        if any(True for _ in self.rival.parameters()):
            raise ValueError(f'the rival must have no weights, got {rival}')

    @full_precision
    def _loss(self, fused, ir, vi, rival):
        flat = torch.stack(
            [image.std((1, 2, 3)) * 255 < self.min_deviation for image in (ir, vi)]
        )
        kept = ~flat.any(0)
        if not kept.any():
            return fused.sum() * 0
        fused, ir, vi, rival = (
            F.avg_pool2d(image[kept] * 255, self.downsample) for image in (fused, ir, vi, rival)
        )
        info = FUSION_METRICS[self.metric]
        with torch.no_grad():
            rival_values = info.function(rival, ir, vi)
        values = info.function(fused, ir, vi)
        if fused.requires_grad and not values.requires_grad and torch.is_grad_enabled():
            raise ValueError(
                f'{self.metric} has no gradient, so no image can be trained for it; choose a '
                'differentiable metric, such as SSIM, MSE, CC, CV, VIF, Qabf, SF or SD'
            )
        return margin_loss(
            values,
            rival_values,
            self.scale,
            info.higher_is_better,
            self.margin,
            self.relative,
        )

    def forward(self, outputs):
        """Weighted loss (scalar) of a fusor's outputs.

        The rival's image is put beside them, for further terms with the same rival.
        """
        ir, vi = outputs['ir'], outputs['vi']
        if self._key not in outputs:
            with torch.no_grad():
                outputs[self._key] = self.rival.fuse(ir, vi)
        return self.loss_weight * self._loss(outputs['fused'], ir, vi, outputs[self._key])

    def extra_repr(self):
        """Show what is asked for."""
        asked = f'{self.metric} by {self.margin * self.scale:g}'
        return f'{asked}, relative={self.relative}, {super().extra_repr()}'
