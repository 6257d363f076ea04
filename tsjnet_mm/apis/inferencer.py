"""The inferencer: fuses pairs of files, arrays, tensors or streams."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from tsjnet_mm.io.embedded import find_visible
from tsjnet_mm.io.pairs import Images, Pair, iterate_pairs, name_sources, read_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.models.fusors import BaseFusor, OnnxFusor
from tsjnet_mm.models.fusors.base import check_finite
from tsjnet_mm.models.fusors.init import init_fusor
from tsjnet_mm.registration.drift import registered
from tsjnet_mm.registration.parallax import check_parallax, fuse_from_one
from tsjnet_mm.registry import INFERENCERS
from tsjnet_mm.utils.colour import recolour, recolour_in_gamut, rgb_to_luma
from tsjnet_mm.utils.denoising import denoise_chroma, denoise_luma
from tsjnet_mm.utils.env import usable_device
from tsjnet_mm.utils.model_index import DEFAULT_MODEL
from tsjnet_mm.utils.styles import DENOISED, Style
from tsjnet_mm.utils.tensors import digest_structure, digest_tensors
from tsjnet_mm.utils.tiling import apply_in_tiles
from tsjnet_mm.version import __version__

from .fused_writer import READERS, FusedWriter
from .pair_batches import FusedImage, fuse_in_batches

if TYPE_CHECKING:
    from mmengine.config import Config

_PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """The floating point type to compute in.

    Args:
        precision (str): ``'fp32'``, ``'bf16'``, ``'fp16'`` or ``'auto'``: fp16 on a GPU, bf16
            on a CPU with matrix units for it (AMX), else fp32.
        device (torch.device): Where the fusor runs.

    Returns:
        torch.dtype: The type.

    Raises:
        ValueError: The precision is unknown, or fp16 is asked of a CPU.
    """
    if precision == 'auto':
        if device.type == 'cuda':
            return torch.float16
        has_units = device.type == 'cpu' and torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if has_units else torch.float32
    if precision not in _PRECISIONS:
        known = ', '.join(['auto', *_PRECISIONS])
        raise ValueError(f'precision must be one of {known}, got {precision!r}')
    if precision == 'fp16' and device.type == 'cpu':
        raise ValueError('fp16 is for GPUs; on a CPU use bf16 or fp32')
    return _PRECISIONS[precision]


def _stretch(luma):
    low, high = luma.amin((1, 2, 3), True), luma.amax((1, 2, 3), True)
    span = high - low
    return (luma - low) / torch.where(span == 0, 1, span)


def _checked(compiled):
    """A compiled ``fuse`` that checks what it gets and gives, as it does uncompiled."""

    def fuse(ir, vi):
        for name, image in (('ir', ir), ('vi', vi)):
            check_finite(name, image, 'give numbers in [0, 1]')
        fused = compiled(ir, vi)
        check_finite('the fused image', fused, 'the weights are damaged')
        return fused

    return fuse


@INFERENCERS.register_module()
class FusionInferencer:
    """Fuse pairs of infrared and visible images.

    Its arguments are those of mmengine's inferencers (model, weights, device, batch size,
    output folder), but it reads two images for each result, keeps a batch and the few pairs
    that threads read ahead or write, and loads weights only from files that hold nothing else.

    Args:
        model (str | Path | Config | dict | BaseFusor): See
            :func:`~tsjnet_mm.apis.init_fusor`; or a fusor, of whose weights a copy is used.
            Defaults to ``'tsjnet-driven'``, whose weights are shipped.
        weights (str | Path, optional): Checkpoint. Defaults to the published weights of a
            model that has them.
        device (str | torch.device, optional): Defaults to the GPU where there is one.
        precision (str): See :func:`choose_precision`. Defaults to ``'auto'``.
        tile (int): Longest side of a tile in pixels; larger images are fused in overlapping
            tiles, so that memory hardly grows with them. 0: never. Defaults to 1024.
        overlap (int): Overlap of tiles in pixels. Defaults to 128.
        compile (bool): Compile the fusor by ``torch.compile``, which takes minutes for the
            first image of each size and needs a C++ compiler. Defaults to False.
        show_progress (bool): Show a bar. Defaults to True.
        keep_hue (bool): Recolour by :func:`.recolour_in_gamut` instead of clipping. Defaults to
            False.
        denoise (str): Noise of dark visible images that is damped, one of
            :data:`~tsjnet_mm.utils.styles.DENOISED`. Defaults to ``'off'``.
        style (str | Style): How pairs are shown, by :meth:`__call__`, :meth:`stream` and
            :meth:`fuse_pairs`; :meth:`fuse` always gives the style ``'luma'``. Of
            ``'overlay'`` and ``'msx'`` no network is run. Defaults to ``'luma'``.
        parallax (str): What :meth:`fuse_pairs` fuses misaligned regions from, see
            :func:`.fuse_from_one`. Defaults to ``'both'``.

    Raises:
        ValueError: A name, a device or an option is unknown, weights do not fit or are unsafe,
            or an ONNX model is to be compiled.
        FileNotFoundError: There is no such checkpoint.

    Example:
        >>> inferencer = FusionInferencer('laplacian', show_progress=False)
        >>> ir, vi = np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3), np.uint8)
        >>> inferencer(ir, vi)[0].shape
        (48, 64, 3)
    """

    def __init__(
        self,
        model: str | Path | Config | dict | BaseFusor = DEFAULT_MODEL,
        weights: str | Path | None = None,
        device: str | torch.device | None = None,
        precision: str = 'auto',
        tile: int = 1024,
        overlap: int = 128,
        compile: bool = False,
        show_progress: bool = True,
        keep_hue: bool = False,
        denoise: str = 'off',
        style: str | Style = 'luma',
        parallax: str = 'both',
    ) -> None:
        if device is None:
            device = 'cuda' if torch.cuda.is_available() else 'cpu'
        self.device = usable_device(device)
        self.dtype = choose_precision(precision, self.device)
        self.tile = tile
        self.overlap = overlap
        self.show_progress = show_progress
        self.keep_hue = keep_hue
        if denoise not in DENOISED:
            raise ValueError(f'denoise must be one of {", ".join(DENOISED)}, got {denoise!r}')
        self.denoise = denoise
        self.style = Style.of(style)
        self.parallax = check_parallax(parallax, self.style.name)
        if not isinstance(model, BaseFusor):
            model = init_fusor(model, weights)
        self.fusor = model.for_inference(self.dtype).to(self.device)
        self._fuse = self.fusor.fuse
        if compile:
            if isinstance(self.fusor, OnnxFusor):
                raise ValueError(f'{self.fusor.path} is compiled by onnxruntime already')
            self._fuse = _checked(torch.compile(self._fuse, dynamic=False))

    @torch.inference_mode()
    def fuse(
        self,
        ir: Tensor,
        vi: Tensor,
        grey: bool = False,
        stretch: bool = False,
        temporal: Callable | None = None,
        seen: Tensor | None = None,
    ) -> Tensor:
        """Fuse a batch of one size.

        Args:
            ir (Tensor): (B, 1, H, W) float32 in [0, 1].
            vi (Tensor): (B, 3, H, W) RGB or (B, 1, H, W), float32 in [0, 1].
            grey (bool): Return the fused luma alone. Defaults to False.
            stretch (bool): Stretch each fused luma to [0, 1]. Defaults to False.
            temporal (Callable, optional): From ``(ir, vi, luma)`` of consecutive frames to
                their luma: a :class:`~tsjnet_mm.video.TemporalFilter` of the sequence.
            seen (Tensor, optional): (B, 1, H, W) in [0, 1]: where it is 0, the luma is the
                visible image's, see :attr:`.Pair.seen`.

        Returns:
            Tensor: (B, 3, H, W) RGB with the visible image's chroma (BT.601), or
            (B, 1, H, W); float32 in [0, 1], on the inferencer's device.

        Raises:
            TypeError, ValueError: See :meth:`.BaseFusor.fuse`.
        """
        ir, vi = ir.to(self.device), vi.to(self.device)
        clean = denoise_luma(vi, ir) if self.denoise == 'all' else vi
        if self.tile:
            luma = apply_in_tiles(self._fuse, (ir, clean), self.tile, self.overlap)
        else:
            luma = self._fuse(ir, clean)
        if seen is not None:
            luma = torch.lerp(rgb_to_luma(clean), luma.float(), seen.to(self.device))
        luma = _stretch(luma) if stretch else luma
        luma = temporal(ir, vi, luma) if temporal else luma
        if grey:
            return luma
        give_colour = recolour_in_gamut if self.keep_hue else recolour
        return give_colour(luma, vi if self.denoise == 'off' else denoise_chroma(vi))

    def describe(
        self,
        preparation: Preparation | None = None,
        grey: bool = False,
        stretch: bool = False,
        quality: int | None = None,
    ) -> dict:
        """Settings that determine the fused pixels, in addition to the sources.

        Args:
            preparation (Preparation, optional): How the images of a pair are prepared.
            grey (bool): See :meth:`stream`.
            stretch (bool): See there.
            quality (int, optional): Of JPEG or WebP files.

        Returns:
            dict: Plain values for JSON.

        Raises:
            ValueError: ``grey`` or ``stretch`` does not go with the style.
        """
        self.style.check(grey, stretch)
        denoised = ('all',) if grey else ('all', 'chroma')
        return {
            'version': __version__,
            'fusor': type(self.fusor).__name__,
            'structure': digest_structure(self.fusor),
            'weights': digest_tensors(self.fusor.state_dict())[:16],
            'precision': str(self.dtype).removeprefix('torch.'),
            'tile': [self.tile, self.overlap],
            'grey': grey,
            'stretch': stretch,
            **({'keep_hue': True} if self.keep_hue and not grey else {}),
            **({'denoise': self.denoise} if self.denoise in denoised else {}),
            **self.style.to_note(),
            **({} if self.parallax == 'both' else {'parallax': self.parallax}),
            **({} if quality is None else {'quality': quality}),
            **(preparation or Preparation()).to_note(),
        }

    def stream(
        self,
        ir: Images,
        vi: Images,
        batch_size: int = 1,
        grey: bool = False,
        stretch: bool = False,
        temporal: Callable | None = None,
        **options: Any,
    ) -> Iterator[FusedImage]:
        """Fuse pairs one after the other; nothing is kept but the batch in work.

        Args:
            ir: Infrared images, see :func:`~tsjnet_mm.io.pairs.iterate_pairs`.
            vi: Visible images, see there.
            batch_size (int): Consecutive pairs of one size that are fused together. Defaults
                to 1.
            grey (bool): Make fused luma instead of colour. Defaults to False.
            stretch (bool): Stretch each fused luma to the full range. Defaults to False.
            temporal (Callable, optional): See :meth:`fuse`.
            **options: Of :func:`~tsjnet_mm.io.pairs.iterate_pairs`: ``preparation``, or its
                parts, and affixes.

        Returns:
            Iterator[FusedImage]: In the order of the pairs.

        Raises:
            ValueError: ``batch_size`` is below 1, or an option cannot be meant.
            PairError: A pair cannot be used; names it.
        """
        pairs = iterate_pairs(ir, vi, **options)
        return self.fuse_pairs(pairs, batch_size, grey, stretch, temporal)

    def fuse_pairs(
        self,
        pairs: Iterable[Pair],
        batch_size: int = 1,
        grey: bool = False,
        stretch: bool = False,
        temporal: Callable | None = None,
    ) -> Iterator[FusedImage]:
        """Fuse pairs that were read and prepared; see :meth:`stream`.

        Args:
            pairs (Iterable[Pair]): The pairs, which may be a generator.
            batch_size (int): See :meth:`stream`.
            grey (bool): See there.
            stretch (bool): See there.
            temporal (Callable, optional): See :meth:`fuse`.

        Returns:
            Iterator[FusedImage]: In the order of the pairs.

        Raises:
            ValueError: ``batch_size`` is below 1, or an option does not go with the style.
        """
        if batch_size < 1:
            raise ValueError(f'batch_size must be at least 1, got {batch_size}')
        self.style.check(grey, stretch)
        pairs = (fuse_from_one(pair, self.parallax) for pair in pairs)
        fuse = functools.partial(self.fuse, stretch=stretch, temporal=temporal)
        return fuse_in_batches(fuse, pairs, batch_size, grey, self.style)

    def __call__(
        self,
        ir: Images,
        vi: Images,
        out_dir: str | Path | None = None,
        extension: str | None = None,
        return_images: bool = True,
        quality: int | None = None,
        overwrite: bool = False,
        grey: bool = False,
        stretch: bool = False,
        batch_size: int = 1,
        preparation: Preparation | None = None,
        ir_affix: str | Iterable[str] | None = None,
        vi_affix: str | Iterable[str] | None = None,
        temperatures: str | Path | None = None,
        register: bool = False,
        **options: Any,
    ) -> list[np.ndarray]:
        """Fuse pairs; return the images, and write them if a folder is given.

        Args:
            ir: Infrared images, see :func:`~tsjnet_mm.io.pairs.iterate_pairs`.
            vi: Visible images, see there; or ``'embedded'``, see :func:`.find_visible`.
            out_dir (str | Path, optional): Folder for ``<name><extension>``, made where it is
                missing, or, of a single pair, an image file; each file appears completely or
                not at all.
            extension (str, optional): Of the files, one of :data:`.WRITTEN_FORMATS`. Defaults
                to ``'.png'``.
            return_images (bool): Return what was fused; without, memory does not grow with
                the number of pairs. Defaults to True.
            quality (int, optional): Of ``.jpg`` and ``.webp``, see :func:`.write_image`.
            overwrite (bool): Write over files that were not made here; sources are never
                overwritten. Defaults to False.
            grey (bool): See :meth:`stream`.
            stretch (bool): See there.
            batch_size (int): See there.
            preparation (Preparation, optional): How the images of a pair are prepared.
            ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
            vi_affix (str | Iterable[str], optional): See there.
            temperatures (str | Path, optional): Folder for the temperatures, with ``out_dir``;
                see :class:`.FusedWriter`.
            register (bool): Find the mapping that the pairs share, see :func:`.registered`.
                Defaults to False.
            **options: Instead of ``preparation`` its parts, such as ``ir_range``.

        Returns:
            list[np.ndarray]: (H, W, 3) RGB uint8, or (H, W) with ``grey``, in the order of
            the pairs; empty unless ``return_images``.

        Raises:
            PairError: A pair cannot be used, or two have one name and would be one file; what
                was fused before is written.
            ValueError: See :func:`.fused_paths`, :func:`.check_outputs` and
                :func:`.registered`.
        """
        preparation = Preparation.of(preparation, **options)
        vi = find_visible(ir, vi)
        sources = name_sources(ir, vi, ir_affix, vi_affix)
        known = sources if isinstance(sources, list) else None
        if register:
            preparation, _ = registered(preparation, sources)
        writer = None
        if temperatures is not None and out_dir is None:
            raise ValueError('temperatures are written with fused images: give out_dir, too')
        if out_dir is not None:
            settings = self.describe(preparation, grey, stretch, quality)
            writer = FusedWriter(
                out_dir, known, settings, extension, quality, overwrite, (ir, vi), temperatures
            )
            sources = writer.watch(sources)
        pairs = read_pairs(sources, preparation, 0 if known is None else READERS)
        pairs = pairs if writer is None else writer.measure(pairs)
        fused = self.fuse_pairs(pairs, batch_size, grey, stretch)
        if writer is not None:
            fused = writer.write_behind(fused)
        total = None if known is None else len(known)
        bar = tqdm(fused, 'fusing', total, unit='pair', disable=not self.show_progress)
        images = []
        with contextlib.closing(fused):
            for _, image in bar:
                if return_images:
                    images.append(image)
        return images
