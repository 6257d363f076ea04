"""Base of all fusors: ``fuse`` for programs, ``forward`` for mmengine's Runner."""

from __future__ import annotations

import copy
from abc import ABCMeta, abstractmethod

import torch
from mmengine.structures import PixelData
from torch import Tensor, nn

from tsjnet_mm.models.layers import for_inference
from tsjnet_mm.registry import MODELS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import rgb_to_luma
from tsjnet_mm.utils.after_import import after_import


def _check_pair(ir, vi):
    for name, image, channels in (('ir', ir, (1,)), ('vi', vi, (1, 3))):
        if not isinstance(image, Tensor):
            raise TypeError(f'{name} must be a torch.Tensor, got {type(image).__name__}')
        if not image.is_floating_point():
            raise TypeError(f'{name} must be floating point in [0, 1], got {image.dtype}')
        if image.dim() != 4 or image.shape[1] not in channels:
            wanted = ' or '.join(str(count) for count in channels)
            raise ValueError(
                f'{name} must have shape (B, {wanted}, H, W), got {tuple(image.shape)}'
            )
    if ir.shape[0] != vi.shape[0] or ir.shape[2:] != vi.shape[2:]:
        raise ValueError(
            'ir and vi must have one batch size and one image size, got '
            f'{tuple(ir.shape)} and {tuple(vi.shape)}'
        )


def check_finite(name: str, image: Tensor, reason: str) -> None:
    """Refuse images with NaN or infinity; inside ``torch.compile`` do nothing.

    Args:
        name (str): Of the images, for the error.
        image (Tensor): (B, C, H, W).
        reason (str): Why that may be, or what to do.

    Raises:
        ValueError: A value is NaN or infinite; says in which images of the batch, and how many.
    """
    if torch.compiler.is_compiling():
        return
    # The sum is no number where a value is none; it also overflows where values are huge.
    total = image.sum(dtype=torch.promote_types(image.dtype, torch.float32))
    if torch.isfinite(total) or torch.isfinite(image).all():
        return
    count = (~torch.isfinite(image)).flatten(1).sum(1).tolist()
    wrong = ', '.join(f'{n} of image {i}' for i, n in enumerate(count) if n)
    raise ValueError(f'{name} holds values that are NaN or infinite ({wrong}): {reason}')


def _of_mmengine(name):
    """A method of mmengine's ``BaseModel``, imported when it is called.

    Training needs it; importing it takes longer than fusing a pair.
    """

    def method(self, *args, **kwargs):
        from mmengine.model import BaseModel

        return getattr(BaseModel, name)(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"See mmengine's ``BaseModel.{name}``."
    return method


class BaseFusor(nn.Module, metaclass=ABCMeta):
    """Base of all fusors. A subclass implements :meth:`fuse_luma` and, if it learns, `loss`.

    It is a subclass of mmengine's ``BaseModel``, also for ``isinstance``.

    Args:
        data_preprocessor (dict | nn.Module, optional): The preprocessor or its config.
            Defaults to ``dict(type='PairDataPreprocessor')``.
        init_cfg (dict, optional): Initialisation, see mmengine's ``BaseModule``.
    """

    #: Smallest side of an image that can be fused.
    min_size = 1
    #: What :meth:`fuse_luma` computes in; None: in its inputs' type.
    inference_dtype = None
    #: Of a published network: from what its authors' file holds to a state dict, or ValueError.
    convert = None

    def __init__(
        self, data_preprocessor: dict | nn.Module | None = None, init_cfg: dict | None = None
    ) -> None:
        super().__init__()
        self.init_cfg = copy.deepcopy(init_cfg)
        self._is_init = False
        if not isinstance(data_preprocessor, nn.Module):
            data_preprocessor = MODELS.build(
                data_preprocessor or {'type': 'tsjnet_mm.PairDataPreprocessor'}
            )
        self.data_preprocessor = data_preprocessor

    @property
    def is_init(self) -> bool:
        """Whether :meth:`init_weights` was called."""
        return self._is_init

    train_step = _of_mmengine('train_step')
    val_step = _of_mmengine('val_step')
    test_step = _of_mmengine('test_step')
    parse_losses = _of_mmengine('parse_losses')
    init_weights = _of_mmengine('init_weights')
    _dump_init_info = _of_mmengine('_dump_init_info')
    _run_forward = _of_mmengine('_run_forward')

    def _apply(self, fn, recurse=True):
        """Move or convert what the fusor holds; its preprocessors move along."""
        super()._apply(fn, recurse)
        for module in self.modules():
            if isinstance(getattr(module, '_device', None), torch.device):
                module._device = fn(torch.empty(0, device=module._device)).device
        return self

    @abstractmethod
    def fuse_luma(self, ir: Tensor, vi: Tensor) -> Tensor:
        """Fuse checked inputs.

        Args:
            ir (Tensor): (B, 1, H, W) in [0, 1].
            vi (Tensor): (B, 1, H, W) luma in [0, 1].

        Returns:
            Tensor: (B, 1, H, W), clamped to [0, 1] by the caller.
        """

    def fuse(self, ir: Tensor, vi: Tensor) -> Tensor:
        """Fuse infrared and visible images.

        Args:
            ir (Tensor): (B, 1, H, W), float in [0, 1].
            vi (Tensor): (B, 3, H, W) RGB or (B, 1, H, W) grey, float in [0, 1].

        Returns:
            Tensor: Fused luma (B, 1, H, W) in [0, 1].
            :func:`tsjnet_mm.utils.recolour` gives it the visible image's colour.

        Raises:
            TypeError: An input is no floating point tensor.
            ValueError: Shapes do not fit, a side is below ``min_size``, or a value of an input
                or of the result is not finite; says of which.
        """
        _check_pair(ir, vi)
        for name, image in (('ir', ir), ('vi', vi)):
            check_finite(name, image, 'give numbers in [0, 1]')
        if min(ir.shape[2:]) < self.min_size:
            raise ValueError(
                f'{type(self).__name__} fuses images from {self.min_size}x{self.min_size} up, '
                f'got {tuple(ir.shape[2:])}'
            )
        luma = rgb_to_luma(vi)
        dtype = self.inference_dtype or luma.dtype
        inputs = (image.to(dtype) for image in (ir, luma))
        fused = self.fuse_luma(*inputs).to(luma.dtype)
        check_finite(
            'the fused image',
            fused,
            f'the weights of {type(self).__name__} are damaged, or their values are too large '
            f'for {str(dtype).removeprefix("torch.")}',
        )
        return fused.clamp(0, 1)

    def for_inference(self, dtype: torch.dtype = torch.float32) -> BaseFusor:
        """A fusor of the same weights that fuses faster and cannot be trained.

        Batch normalisations are folded into convolutions, features are stored channels last,
        weights and features in ``dtype``.

        Args:
            dtype (torch.dtype): float32, bfloat16 or float16. Defaults to float32.

        Returns:
            BaseFusor: A copy, on this fusor's device; without weights the fusor itself, which
            always computes in float32.
        """
        if not any(True for _ in self.parameters()):
            return self.eval()
        fusor = for_inference(self, dtype)
        fusor.inference_dtype = dtype
        return fusor

    def forward(
        self,
        inputs: dict,
        data_samples: list[FusionDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Tensor | list[FusionDataSample] | dict[str, Tensor]:
        """The Runner's entry.

        Args:
            inputs (dict): ``ir`` (B, 1, H, W) and ``vi`` (B, 3, H, W) in [0, 1].
            data_samples (list[FusionDataSample], optional): One for each pair.
            mode (str): ``'tensor'``, ``'predict'`` or ``'loss'``.

        Returns:
            Fused luma (B, 1, H, W); a list of samples with ``fused`` set; or a dict of
            losses.

        Raises:
            ValueError: ``mode`` is unknown.
        """
        if mode == 'tensor':
            return self.fuse(inputs['ir'], inputs['vi'])
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        raise ValueError(f"mode must be 'tensor', 'predict' or 'loss', got {mode!r}")

    def predict(
        self, inputs: dict, data_samples: list[FusionDataSample] | None = None
    ) -> list[FusionDataSample]:
        """Fuse, and put each image, cropped to its pair's own size, into its sample.

        Args:
            inputs (dict): See :meth:`forward`.
            data_samples (list[FusionDataSample], optional): Defaults to new samples.

        Returns:
            list[FusionDataSample]: The samples, ``fused`` set.
        """
        fused = self.fuse(inputs['ir'], inputs['vi'])
        if data_samples is None:
            shape = tuple(fused.shape[2:])
            data_samples = [
                FusionDataSample(metainfo={'img_shape': shape, 'ori_shape': shape})
                for _ in fused
            ]
        for image, sample in zip(fused, data_samples, strict=True):
            height, width = sample.img_shape[:2]
            sample.fused = PixelData(data=image[:, :height, :width])
        self._add_predictions(fused, inputs, data_samples)
        return data_samples

    def _add_predictions(self, fused, inputs, data_samples):
        """Add to the samples what a model finds in the images besides fusing them."""

    def loss(
        self, inputs: dict, data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Losses of a batch; fusors without parameters have none.

        Raises:
            RuntimeError: This fusor has nothing to train.
        """
        raise RuntimeError(f'{type(self).__name__} has nothing to train')


def _join_base_models(module):
    module.BaseModel.register(BaseFusor)


after_import('mmengine.model.base_model.base_model', _join_base_models)
