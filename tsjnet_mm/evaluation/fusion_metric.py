"""The fusion metrics for mmengine's Runner."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from tsjnet_mm.metrics import measure, resolve_metrics
from tsjnet_mm.registry import METRICS
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.words import counted

from .driver_metric import DriverMetric
from .results import csv_text, finite_mean


@METRICS.register_module()
class FusionMetric(BaseMetric):
    """Full-reference fusion metrics against both sources, averaged over the images.

    The fused image is rounded to 8 bits, as in a file. The sources are used as loaded; the
    convention converts the visible image to grey (:func:`~tsjnet_mm.metrics.to_grey`). For a
    joint model, the values of :class:`DriverMetric` are added.

    Args:
        metrics (str | Sequence[str]): Names of
            :data:`~tsjnet_mm.metrics.FUSION_METRICS`, ``'paper'`` for the six
            of the paper's tables, ``'all'`` for all that the convention has. Defaults to
            ``'paper'``.
        convention (str): What the names mean, see ``docs/metrics.md``. Defaults to
            ``'plain'``.
        per_image_csv (str | Path, optional): File for the values of each image, written by
            the main process, replacing an earlier one at once.
        collect_device (str): ``'cpu'`` or ``'gpu'``, see mmengine's ``BaseMetric``.
        prefix (str, optional): Of the names in the log. Defaults to ``'fusion'``.

    Raises:
        ValueError: A metric is unknown, or not defined under the convention.
    """

    default_prefix = 'fusion'

    def __init__(
        self,
        metrics: str | Sequence[str] = 'paper',
        convention: str = 'plain',
        per_image_csv: str | Path | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.metrics = resolve_metrics(metrics, convention)
        self.convention = convention
        self.per_image_csv = per_image_csv
        self.drivers = DriverMetric(collect_device)

    @torch.no_grad()
    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compute the metrics of a batch.

        Args:
            data_batch (dict): ``inputs``: dict of ``ir``, a list of (1, H, W), and ``vi``, a
                list of (3, H, W) or (1, H, W) float tensors in [0, 1].
            data_samples (Sequence[dict]): For each pair ``ir_path`` and ``fused``, a dict
                with ``data``, (1, H, W) in [0, 1].

        Raises:
            KeyError: A sample holds no fused image.
            ValueError: A fused image differs in size from its pair, is too small for a
                metric, or has pixels that are not finite; names the pair.
        """
        self.drivers.process(data_batch, data_samples)
        inputs = data_batch['inputs']
        for ir, vi, sample in zip(inputs['ir'], inputs['vi'], data_samples, strict=True):
            path = sample['ir_path']
            if 'fused' not in sample:
                raise KeyError(f"{path}: the model's prediction has no field 'fused'")
            fused = sample['fused']['data'].float()
            if fused.shape != ir.shape:
                raise ValueError(
                    f'{path}: expected a fused image of {tuple(ir.shape)}, '
                    f'got {tuple(fused.shape)}'
                )
            if not fused.isfinite().all():
                raise ValueError(f'{path}: the fused image has pixels that are not finite')
            images = ((fused.clamp(0, 1) * 255).round(), ir.to(fused) * 255, vi.to(fused) * 255)
            try:
                values = measure(*(i[None] for i in images), self.metrics, self.convention)
            except ValueError as error:
                raise ValueError(f'{path}: {error}') from error
            row = {name: value.item() for name, value in values.items()}
            self.results.append({'image': str(path), **row})

    def evaluate(self, size: int) -> dict[str, float]:
        """The means, and the values of the drivers if there are any.

        Args:
            size (int): Number of pairs of the data set.

        Returns:
            dict[str, float]: ``fusion/<metric>`` and ``drivers/<image>/<score>``.
        """
        means = super().evaluate(size)
        self.drivers.dataset_meta = self.dataset_meta
        return {**means, **self.drivers.evaluate(size)}

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average over the images.

        A value that is not finite (the PSNR of a fused image that equals a source) is left
        out of its mean, and a warning names the image.

        Args:
            results (list[dict]): What :meth:`process` stored, of all processes.

        Returns:
            dict[str, float]: Metric to mean; ``nan`` where no image has a finite value.
        """
        means = {}
        for name in self.metrics:
            others = [row for row in results if not math.isfinite(row[name])]
            means[name] = finite_mean(row[name] for row in results)
            if others:
                listed = ', '.join(f'{row["image"]} ({row[name]})' for row in others)
                print_log(
                    f'{name} is not finite for {len(others)} of '
                    f'{counted(len(results), "image")}, left out of the mean: {listed}',
                    logger='current',
                    level=logging.WARNING,
                )
        if self.per_image_csv is not None:
            rows = [('image', 'convention', *self.metrics)]
            rows += [
                (Path(row['image']).name, self.convention, *map(row.get, self.metrics))
                for row in results
            ]
            write_whole(self.per_image_csv, csv_text(rows))
        print_log(
            f'Fusion metrics of {counted(len(results), "image")}, convention '
            f'{self.convention}: '
            + ', '.join(f'{name} {value:.4g}' for name, value in means.items()),
            logger='current',
        )
        return means
