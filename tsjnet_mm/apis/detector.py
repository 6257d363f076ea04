"""Fuse pairs and find objects in the fused images, in one call."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from tsjnet_mm.io.pairs import Images, Pair, name_sources, read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.registry import INFERENCERS
from tsjnet_mm.utils.model_index import DEFAULT_MODEL
from tsjnet_mm.utils.tensors import digest_tensors
from tsjnet_mm.visualization import class_colour, draw_boxes

from .coco_results import CocoRecord
from .fused_writer import READERS, FusedWriter
from .inferencer import FusionInferencer
from .task_networks import ViewDetector

#: Options of LoadImagePair that prepare the images.
_PREPARED = tuple(field.name for field in dataclasses.fields(Preparation))


@dataclass(frozen=True)
class FusedDetections:
    """What was found in a pair.

    Attributes:
        name (str): Of the pair.
        image (np.ndarray): The fused image, (H, W, 3) RGB uint8.
        boxes (np.ndarray): (N, 4) xyxy in pixels, float32.
        scores (np.ndarray): (N,), 0 to 1.
        labels (np.ndarray): (N,), index of the class in ``classes``.
        classes (list[str]): Names of the detector's classes.
    """

    name: str
    image: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    classes: list[str]

    def draw(self, score_thr: float = 0.3) -> np.ndarray:
        """Draw the boxes on the fused image.

        Args:
            score_thr (float): Those with lower scores are left out. Defaults to 0.3.

        Returns:
            np.ndarray: (H, W, 3) RGB uint8.
        """
        kept = self.scores >= score_thr
        names = [self.classes[label] for label in self.labels[kept]]
        texts = [
            f'{name} {score:.2f}'
            for name, score in zip(names, self.scores[kept].tolist(), strict=True)
        ]
        labels = self.labels[kept].tolist()
        colours = [class_colour(*item) for item in zip(names, labels, strict=True)]
        return draw_boxes(self.image, self.boxes[kept], texts, colours)

    def to_coco(self, image: int | str, categories: Mapping[str, int]) -> list[dict]:
        """The detections as COCO results.

        Args:
            image (int | str): The image's number.
            categories (Mapping[str, int]): Number of each class by its name; detections of
                other classes are left out.

        Returns:
            list[dict]: ``image_id``, ``category_id``, ``bbox`` (x, y, width, height) and
            ``score`` of each.
        """
        results = []
        for box, score, label in zip(self.boxes, self.scores, self.labels, strict=True):
            category = categories.get(self.classes[label])
            if category is not None:
                left, top, right, bottom = (float(edge) for edge in box)
                results.append(
                    {
                        'image_id': image,
                        'category_id': category,
                        'bbox': [left, top, right - left, bottom - top],
                        'score': float(score),
                    }
                )
        return results


@INFERENCERS.register_module()
class FusionDetector:
    """Fuse pairs, and find objects in the fused images by any mmdet detector.

    Args:
        config (str | Path): Config of the detector, of mmdet by path or as
            ``'mmdet::folder/name.py'``, of a ``JointFusor`` with a detector, or of a
            ``FusedDetector``, which has a fusor of its own.
        weights (str | Path): The detector's checkpoint, see :class:`.TaskNetwork`.
        fusor (str | Path | dict, optional): See :class:`FusionInferencer`. Defaults to
            ``'tsjnet-driven'``, or the config's own.
        fusor_weights (str | Path, optional): Checkpoint of the fusor. Defaults to the
            published one.
        classes (Sequence[str], optional): Names of the detector's classes, see
            :class:`.TaskNetwork`.
        score_thr (float): Boxes with lower scores are not drawn. Defaults to 0.3.
        grey (bool): Show the detector the fused luma instead of the colour image. Defaults to
            False.
        device (str | torch.device, optional): Defaults to the GPU where there is one.
        precision (str): Of the fusion, see :func:`.choose_precision`. Defaults to ``'auto'``.
        tile (int): See :class:`FusionInferencer`.
        overlap (int): See there.
        show_progress (bool): Show a bar. Defaults to True.

    Attributes:
        classes (list[str]): Names of the detector's classes.

    Raises:
        ValueError: Weights do not fit or are unsafe, classes are unknown, or a fusor is given
            besides the config's own.
        FileNotFoundError: A file is missing.
        ImportError: mmdet is not installed.

    Example::

        detector = FusionDetector('mmdet::yolox/yolox_tiny_8xb8-300e_coco.py', 'yolox.pth')
        (found,) = detector('ir/00004N.png', 'vi/00004N.png', out_dir='found')
        found.boxes, found.scores, found.labels
    """

    def __init__(
        self,
        config: str | Path,
        weights: str | Path,
        fusor: str | Path | dict | None = None,
        fusor_weights: str | Path | None = None,
        classes: Sequence[str] | None = None,
        score_thr: float = 0.3,
        grey: bool = False,
        device: str | torch.device | None = None,
        precision: str = 'auto',
        tile: int = 1024,
        overlap: int = 128,
        show_progress: bool = True,
    ) -> None:
        if device is None:
            device = 'cuda' if torch.cuda.is_available() else 'cpu'
        self.detector = ViewDetector(config, weights, classes, device)
        self.classes = self.detector.classes
        self.score_thr = score_thr
        self.show_progress = show_progress
        if self.detector.fuses:
            if fusor is not None or fusor_weights is not None:
                raise ValueError(
                    f'{config} has a fusor of its own, and {fusor or fusor_weights} was given: '
                    'leave it out, or give the config of the detector alone'
                )
            fusor = self.detector.model.fusor
            grey = self.detector.model.appearance == 'grey'
        self.grey = grey
        self.inferencer = FusionInferencer(
            DEFAULT_MODEL if fusor is None else fusor,
            fusor_weights,
            device,
            precision,
            tile,
            overlap,
            show_progress=False,
        )

    def _preparation(self, preparation, options):
        """As the arguments say; else as the data of a fused model are loaded."""
        if preparation in (None, Preparation()) and not any(options.values()):
            loading = self.detector.loading
            options = {key: loading[key] for key in _PREPARED if key in loading}
        return Preparation.of(preparation, **options)

    def describe(self, preparation: Preparation | None = None) -> dict:
        """Settings that determine the drawn images, in addition to the sources.

        Args:
            preparation (Preparation, optional): How the images of a pair are prepared.

        Returns:
            dict: Plain values for JSON.
        """
        return {
            **self.inferencer.describe(preparation, self.grey),
            'detector': digest_tensors(self.detector.model.state_dict())[:16],
            'score_thr': self.score_thr,
        }

    def detect_pairs(self, pairs: Iterable[Pair]) -> Iterator[FusedDetections]:
        """Fuse pairs that were read and prepared, and find objects, one after the other.

        Args:
            pairs (Iterable[Pair]): The pairs, which may be a generator.

        Yields:
            FusedDetections: Of each pair, in order.

        Raises:
            ValueError: A pair cannot be fused; names it.
        """
        for pair in pairs:
            ((name, image),) = self.inferencer.fuse_pairs([pair], grey=self.grey)
            image = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
            seen = image
            if self.detector.fuses:
                seen = np.concatenate([pair.vi, pair.filled[..., None]], axis=2)
            yield FusedDetections(name, image, **self.detector(seen), classes=self.classes)

    def __call__(
        self, ir: Images, vi: Images, out_dir: str | Path | None = None, **options: Any
    ) -> list[FusedDetections]:
        """Fuse pairs and find objects; return them, and write them if a folder is given.

        Args:
            ir: See :meth:`stream`.
            vi: See there.
            out_dir (str | Path, optional): See there.
            **options: Others of :meth:`stream`, whose errors it raises.

        Returns:
            list[FusedDetections]: In the order of the pairs.
        """
        return list(self.stream(ir, vi, out_dir, **options))

    def stream(
        self,
        ir: Images,
        vi: Images,
        out_dir: str | Path | None = None,
        extension: str | None = None,
        quality: int | None = None,
        overwrite: bool = False,
        annotations: str | Path | None = None,
        preparation: Preparation | None = None,
        ir_affix: str | Iterable[str] | None = None,
        vi_affix: str | Iterable[str] | None = None,
        **options: Any,
    ) -> Iterator[FusedDetections]:
        """Fuse pairs and find objects one after the other; write them if a folder is given.

        Args:
            ir: Infrared images, see :func:`~tsjnet_mm.io.pairs.iterate_pairs`.
            vi: Visible images, see there.
            out_dir (str | Path, optional): Folder that gets ``<name><extension>``, the fused
                images with the boxes drawn on them, :data:`RESULTS` with all detections as a
                COCO list of results, and :data:`IMAGES` with the images and categories that
                their numbers stand for.
            extension (str, optional): Of the images. Defaults to ``'.png'``.
            quality (int, optional): Of ``.jpg`` and ``.webp``, see :func:`.write_image`.
            overwrite (bool): Write over files that were not made here; sources are never
                overwritten. Defaults to False.
            annotations (str | Path, optional): COCO ground truth whose numbers of images and
                classes the results get. Classes that it lacks, also under another usual name
                (``People`` for ``person``), are left out. Defaults to
                numbers from 1 on, in the order of the pairs and of the detector's classes.
            preparation (Preparation, optional): How the images of a pair are prepared.
                Defaults to the ``LoadImagePair`` of a fused model's config.
            ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
            vi_affix (str | Iterable[str], optional): See there.
            **options: Instead of ``preparation`` its parts, such as ``ir_range``.

        Yields:
            FusedDetections: Of each pair, in order. The COCO files are written after the last.

        Raises:
            PairError: A pair cannot be used.
            ValueError: See :func:`.fused_paths` and :func:`.check_outputs`; or
                ``annotations`` lacks an image, or all classes.
        """
        preparation = self._preparation(preparation, options)
        sources = name_sources(ir, vi, ir_affix, vi_affix)
        sources = sources if isinstance(sources, list) or out_dir is None else list(sources)
        known = sources if isinstance(sources, list) else None
        writer, record = None, None
        if out_dir is not None:
            record = CocoRecord(
                out_dir, [name for name, *_ in known], self.classes, annotations
            )
            record.check(overwrite)
            writer = FusedWriter(
                f'{out_dir}/',
                known,
                self.describe(preparation),
                extension,
                quality,
                overwrite,
                (ir, vi),
            )
            sources = writer.watch(sources)
        pairs = read_pairs(sources, preparation, 0 if known is None else READERS)
        pairs = pairs if writer is None else writer.measure(pairs)
        total = None if known is None else len(known)
        bar = tqdm(total=total, desc='detecting', unit='pair', disable=not self.show_progress)
        with bar, contextlib.closing(self.detect_pairs(pairs)) as found:
            for item in found:
                if writer is not None:
                    writer.write(item.name, item.draw(self.score_thr))
                    record.add(item)
                bar.update()
                yield item
        if record is not None:
            record.write()
