"""A loss on a fusion metric: the fused image has to exceed a reference method by a margin.

Not in the paper. A fusion method without weights, the reference, fuses each training crop. The
loss compares a metric of the network's image with the same metric of the reference image. It is
large while the network is worse and tends to 0 when the network is better by more than the
margin. Then its gradient tends to 0, too, so that a sum of such losses improves the metrics
that are still below their margin. A weighted sum of plain metrics has no such limit: it can
raise one metric without end at the cost of the others.
"""

import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from torch import Tensor

from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.registry import MODELS, SCOPE
from tsjnet_mm.utils.moved import renamed_arguments

from ._precision import full_precision
from .base import FusionLoss


@renamed_arguments(rival_values='reference_values')
def margin_loss(
    values: Tensor,
    reference_values: Tensor,
    scale: float,
    higher_is_better: bool = True,
    margin: float = 1.0,
    relative: bool = False,
) -> Tensor:
    r"""Mean of :math:`\log(1 + e^{m - d})` over a batch.

    :math:`d` is the difference of the two metrics divided by ``scale``, positive where the
    fused image is better; :math:`m` is ``margin``.

    Args:
        values (Tensor): (B,) the metric of the fused images.
        reference_values (Tensor): (B,) the same metric of the reference method's images.
        scale (float): Unit of the difference, in units of the metric; above 0.
        higher_is_better (bool): Whether a larger value is better. Defaults to True.
        margin (float): Difference that the loss asks for, in units of ``scale``. Defaults to 1.
        relative (bool): Compare ``log(1 + value)`` instead of the values, for metrics whose
            values differ between images by orders of magnitude. Defaults to False.

    Returns:
        Tensor: Scalar above 0. It is about ``margin - d`` if ``d`` is far below the margin,
        and near 0 if ``d`` is far above.

    Raises:
        ValueError: ``scale`` is not above 0.
    """
    if not scale > 0:
        raise ValueError(f'scale must be above 0, got {scale}')
    if relative:
        values, reference_values = torch.log1p(values), torch.log1p(reference_values)
    lead = (values - reference_values) / scale
    return F.softplus(margin - (lead if higher_is_better else -lead)).mean()


@MODELS.register_module()
class MetricMarginLoss(FusionLoss):
    """Loss that is small if one metric is better than a reference method's on each image.

    Args:
        metric (str): Name of a differentiable metric in
            :data:`~tsjnet_mm.metrics.FUSION_METRICS`, such as ``'SSIM'``,
            ``'MSE'``, ``'CC'``, ``'CV'``, ``'VIF'``, ``'Qabf'``, ``'SF'``, ``'SD'``.
        scale (float): Unit of the difference; see :func:`margin_loss`.
        reference (dict, optional): Config of the reference method, a fusor without weights.
            Defaults to ``dict(type='LaplacianPyramidFusor')``.
        margin (float): See :func:`margin_loss`. Defaults to 1.
        relative (bool): See :func:`margin_loss`. Defaults to False.
        downsample (int): Side in pixels of the squares over which the images are averaged
            before the metric is computed; 1 keeps the resolution. Defaults to 1.
        min_deviation (float): The loss ignores a pair if the grey levels (0..255) of one of
            its images have a standard deviation below this. Such an image has nothing to
            fuse, and metrics that divide by its variance have no useful gradient. Defaults
            to 2.
        loss_weight (float): Factor of the loss. Defaults to 1.

    Raises:
        ValueError: The metric is unknown or the reference method has weights; in training, the
            metric has no gradient.
    """

    @renamed_arguments(rival='reference')
    def __init__(
        self,
        metric: str,
        scale: float,
        reference: dict | None = None,
        margin: float = 1.0,
        relative: bool = False,
        downsample: int = 1,
        min_deviation: float = 2.0,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if metric not in FUSION_METRICS:
            raise ValueError(f'{metric!r} is none of {", ".join(FUSION_METRICS)}')
        self.metric = metric
        self.scale = scale
        self.margin = margin
        self.relative = relative
        self.downsample = downsample
        self.min_deviation = min_deviation
        reference = reference or {'type': 'LaplacianPyramidFusor'}
        self._key = f'reference {reference}'
        with DefaultScope.overwrite_default_scope(SCOPE):
            self.reference = MODELS.build(reference)
        if any(True for _ in self.reference.parameters()):
            raise ValueError(f'the reference method must have no weights, got {reference}')

    @full_precision
    def _loss(self, fused, ir, vi, reference):
        flat = torch.stack(
            [image.std((1, 2, 3)) * 255 < self.min_deviation for image in (ir, vi)]
        )
        kept = ~flat.any(0)
        if not kept.any():
            return fused.sum() * 0
        fused, ir, vi, reference = (
            F.avg_pool2d(image[kept] * 255, self.downsample)
            for image in (fused, ir, vi, reference)
        )
        info = FUSION_METRICS[self.metric]
        with torch.no_grad():
            reference_values = info.function(reference, ir, vi)
        values = info.function(fused, ir, vi)
        if fused.requires_grad and not values.requires_grad and torch.is_grad_enabled():
            raise ValueError(
                f'{self.metric} has no gradient, so no image can be trained for it; choose a '
                'differentiable metric, such as SSIM, MSE, CC, CV, VIF, Qabf, SF or SD'
            )
        return margin_loss(
            values,
            reference_values,
            self.scale,
            info.higher_is_better,
            self.margin,
            self.relative,
        )

    def forward(self, outputs: dict) -> Tensor:
        """Weighted loss of a fusor's outputs.

        Args:
            outputs (dict): ``ir``, ``vi`` and ``fused``, each (B, 1, H, W) in [0, 1]. The
                reference image is added to it, so that further losses with the same
                reference method do not compute it again.

        Returns:
            Tensor: Scalar.
        """
        ir, vi = outputs['ir'], outputs['vi']
        if self._key not in outputs:
            with torch.no_grad():
                outputs[self._key] = self.reference.fuse(ir, vi)
        return self.loss_weight * self._loss(outputs['fused'], ir, vi, outputs[self._key])

    def extra_repr(self) -> str:
        """Metric and margin, for ``print(loss)``."""
        asked = f'{self.metric} by {self.margin * self.scale:g}'
        return f'{asked}, relative={self.relative}, {super().extra_repr()}'
