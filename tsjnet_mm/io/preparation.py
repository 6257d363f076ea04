"""Prepare the two images of a pair for fusion: the same grid, and values in [0, 1]."""

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .images import OTHER_SIZE, different_sizes, infrared_to_unit, read_image, visible_to_unit
from .lens import Lens
from .radiometric import to_celsius
from .ranges import UNITS, check_limits, check_range
from .thermal import read_measured
from .warping import Homography, load_homography, seen_weights, warp

#: An infrared image has no contrast whose values in [0, 1] differ by no more than this ...
_FLAT = 2 / 255
#: ... or of which at least this share of the pixels is black, or white.
_CLIPPED = 0.999


@dataclass(frozen=True)
class Preparation:
    """Settings of the preparation of pairs, the same in every tool.

    Attributes:
        ir_range (tuple[float, float] | None): Stored infrared values that become 0 and 1;
            what lies outside is clipped. None: the range of the stored type.
        ir_percentiles (tuple[float, float] | None): Instead, percentiles of each infrared
            image, in 0..100, that become 0 and 1; of FLIR radiometric JPEGs those of the
            temperatures.
        resize (bool): Resize infrared images of another size to the visible image's.
        homography (Homography | None): Warp infrared images onto the visible image's pixels.
            A 3x3 array or list, and the path of a file for :func:`load_homography`, are taken,
            too.
        ir_celsius (tuple[float, float] | None): Instead, temperatures in degrees Celsius that
            become 0 and 1, of radiometric images.
        ir_unit (str | None): What stored infrared values are, one of
            :data:`~tsjnet_mm.io.ranges.UNITS`; needed with ``ir_celsius``, but for FLIR
            radiometric JPEGs. With the other two it tells the temperatures of what is drawn
            or written.

        ir_calibration (Lens | None): Distortion of the infrared lens, which is taken out before
            an image is resized or warped; also the path of an OpenCV calibration file, see
            :func:`.load_lens`.
        vi_calibration (Lens | None): The same of the visible lens.

    Raises:
        ValueError: The range or the percentiles cannot be meant (see
            :mod:`tsjnet_mm.io.ranges`), more than one is given, or the homography
            cannot be used.
        FileNotFoundError: There is no such file of a homography.

    Example:
        >>> preparation = Preparation(ir_range=(7000, 9000))
        >>> ir = np.array([[7000, 8000]], np.uint16)
        >>> preparation(ir, np.zeros((1, 2, 3), np.uint8))[0]
        array([[0. , 0.5]], dtype=float32)
    """

    ir_range: tuple[float, float] | None = None
    ir_percentiles: tuple[float, float] | None = None
    resize: bool = False
    homography: Homography | None = None
    ir_celsius: tuple[float, float] | None = None
    ir_unit: str | None = None
    ir_calibration: Lens | None = None
    vi_calibration: Lens | None = None

    def __post_init__(self) -> None:
        ir_range, ir_percentiles = check_limits(self.ir_range, self.ir_percentiles)
        celsius = self.ir_celsius
        if celsius is not None:
            if ir_range or ir_percentiles:
                raise ValueError('give ir_celsius, ir_range or ir_percentiles, one of them')
            celsius = check_range(celsius, 'ir_celsius')
            object.__setattr__(self, 'ir_celsius', celsius)
        has_limits = bool(celsius or ir_range or ir_percentiles)
        if self.ir_unit is not None and not (self.ir_unit in UNITS and has_limits):
            raise ValueError(
                f'ir_unit must be one of {", ".join(UNITS)}, and comes with ir_celsius, '
                f'ir_range or ir_percentiles, got {self.ir_unit!r}'
                + ('' if has_limits else ' without any')
            )
        homography = self.homography
        if isinstance(homography, str | Path):
            homography = load_homography(homography)
        elif homography is not None and not isinstance(homography, Homography):
            homography = Homography(homography)
        object.__setattr__(self, 'ir_range', ir_range)
        object.__setattr__(self, 'ir_percentiles', ir_percentiles)
        object.__setattr__(self, 'resize', bool(self.resize))
        object.__setattr__(self, 'homography', homography)
        for name in ('ir_calibration', 'vi_calibration'):
            object.__setattr__(self, name, Lens.of(getattr(self, name)))

    @classmethod
    def of(cls, preparation: 'Preparation | None' = None, **options: Any) -> 'Preparation':
        """One preparation of what a function was given.

        Args:
            preparation (Preparation, optional): The whole value.
            **options: Or its parts, by the names of the attributes.

        Returns:
            Preparation: The one that is given; without any, the default one.

        Raises:
            ValueError: The whole value comes with parts of it, or see the class.
            TypeError: An option has another name.
        """
        if preparation is None:
            return cls(**options)
        if cls(**options) != cls():
            raise ValueError(f'give preparation or {", ".join(options)}, not both')
        return preparation

    @property
    def moves_infrared(self) -> bool:
        """Whether infrared images may have another size than their visible partners."""
        return self.resize or self.homography is not None

    def prepare_infrared(self, ir: np.ndarray, name: str) -> np.ndarray:
        """Bring an infrared image to [0, 1], and warn where that leaves it without contrast.

        Args:
            ir (np.ndarray): As of :func:`~tsjnet_mm.io.unit_range.infrared_to_unit`.
            name (str): What an error or a warning calls it.

        Returns:
            np.ndarray: (H, W) float32 in [0, 1], in its own size.

        Raises:
            PairError: See :func:`~tsjnet_mm.io.unit_range.infrared_to_unit`.
        """
        if self.ir_celsius is not None:
            ir = to_celsius(ir, self.ir_unit, name)
        limits = self.ir_range or self.ir_celsius
        unit = infrared_to_unit(ir, name, limits, self.ir_percentiles)
        self._warn_without_contrast(ir, unit, name)
        return self.undistort_infrared(unit, name)

    def undistort_infrared(self, ir: np.ndarray, name: str) -> np.ndarray:
        """Take the distortion out of an infrared image, if a calibration is given.

        Args:
            ir (np.ndarray): (H, W) float32.
            name (str): What an error calls it.

        Returns:
            np.ndarray: (H, W) float32.

        Raises:
            PairError: Its size is not that of the calibration.
        """
        return ir if self.ir_calibration is None else self.ir_calibration.undistort(ir, name)

    def prepare_visible(self, vi: np.ndarray, name: str) -> np.ndarray:
        """Bring a visible image to [0, 1].

        Args:
            vi (np.ndarray): As of :func:`~tsjnet_mm.io.unit_range.visible_to_unit`.
            name (str): What an error calls it.

        Returns:
            np.ndarray: (H, W, 3) RGB float32 in [0, 1], without distortion if a calibration
            is given.

        Raises:
            PairError: A value cannot be used, or the size is not that of the calibration.
        """
        unit = visible_to_unit(vi, name)
        return (
            unit if self.vi_calibration is None else self.vi_calibration.undistort(unit, name)
        )

    def load_infrared(self, path: str | Path) -> np.ndarray:
        """Read an infrared file and bring it to [0, 1].

        Args:
            path (str | Path): The file.

        Returns:
            np.ndarray: (H, W) float32 in [0, 1], in its own size.

        Raises:
            PairError: The file cannot be read, or see :meth:`prepare_infrared`.
        """
        measured, preparation = read_measured(path, self)
        ir = read_image(path) if measured is None else measured
        return preparation.prepare_infrared(ir, str(path))

    def __call__(
        self,
        ir: np.ndarray,
        vi: np.ndarray,
        names: tuple[str, str] = ('the infrared image', 'the visible image'),
    ) -> tuple[np.ndarray, np.ndarray]:
        """Prepare a pair.

        Args:
            ir (np.ndarray): (H, W) or (H, W, 1 or 3), as stored.
            vi (np.ndarray): (H, W) or (H, W, 1 or 3) RGB, as stored.
            names (tuple[str, str]): What an error or a warning calls the two.

        Returns:
            tuple[np.ndarray, np.ndarray]: Infrared (H, W) and visible (H, W, 3) RGB, float32
            in [0, 1], both in the visible image's size, see :meth:`fit`.

        Raises:
            PairError: A value or a size cannot be used; the message names the image.
        """
        infrared = self.prepare_infrared(ir, names[0])
        visible = self.prepare_visible(vi, names[1])
        return self.fit(infrared, visible.shape[:2], names), visible

    def seen(self, ir_size: tuple[int, int], size: tuple[int, int]) -> np.ndarray | None:
        """Weights of the infrared image on the visible image's pixels.

        Args:
            ir_size (tuple[int, int]): Height and width of the infrared image.
            size (tuple[int, int]): Height and width of the visible image.

        Returns:
            np.ndarray | None: See :func:`.seen_weights`.
        """
        if self.homography is None and self.ir_calibration is None:
            return None
        return seen_weights(self.homography, self.ir_calibration, (*ir_size,), (*size,))

    def fit(self, ir: np.ndarray, size: tuple[int, int], names: tuple[str, str]) -> np.ndarray:
        """Bring an infrared image to the visible image's size.

        Args:
            ir (np.ndarray): (H, W) float32.
            size (tuple[int, int]): Height and width of the visible image.
            names (tuple[str, str]): What an error calls the two images.

        Returns:
            np.ndarray: (height, width) float32, warped or resized where that was asked for.
            Where the infrared camera sees nothing, its nearest border pixel is repeated: see
            :meth:`seen`.

        Raises:
            PairError: The sizes differ, or are not those of the homography.
        """
        if self.homography is not None:
            self.homography.check_sizes(ir.shape, tuple(size), names)
            return warp(ir, self.homography, size)
        if ir.shape == tuple(size):
            return ir
        if not self.resize:
            raise different_sizes(names[0], ir.shape, names[1], tuple(size), OTHER_SIZE)
        flags = cv2.INTER_AREA if ir.shape[0] > size[0] else cv2.INTER_LINEAR
        return cv2.resize(ir, (size[1], size[0]), interpolation=flags)

    def _warn_without_contrast(self, ir, unit, name):
        black, white = float((unit <= 0).mean()), float((unit >= 1).mean())
        is_flat = float(unit.max()) - float(unit.min()) < _FLAT
        kinds = ('ir_range', 'ir_percentiles', 'ir_celsius')
        kind, given = next(
            ((kind, getattr(self, kind)) for kind in kinds if getattr(self, kind)), (None, None)
        )
        if not is_flat and not (given and max(black, white) >= _CLIPPED):
            return
        became = 'black' if black >= _CLIPPED else 'white' if white >= _CLIPPED else 'one grey'
        option = ''
        if given:
            option = f' with {kind} {given[0]:g} {given[1]:g}'
        warnings.warn(
            f'{name} has no contrast{option}: its values from '
            f'{ir.min():g} to {ir.max():g} become {became}',
            stacklevel=3,
        )

    def to_note(self) -> dict:
        """The note for a fused file.

        Returns:
            dict: Plain values for JSON, by the names of the attributes; a homography is a
            3x3 list.
        """
        return {
            'ir_range': self.ir_range and list(self.ir_range),
            'ir_percentiles': self.ir_percentiles and list(self.ir_percentiles),
            **({} if self.ir_celsius is None else {'ir_celsius': list(self.ir_celsius)}),
            **({} if self.ir_unit is None else {'ir_unit': self.ir_unit}),
            'resize': self.resize,
            'homography': self.homography and self.homography.tolist(),
            **{
                name: lens.to_note()
                for name in ('ir_calibration', 'vi_calibration')
                if (lens := getattr(self, name)) is not None
            },
            **({'outside': 'visible'} if self.homography or self.ir_calibration else {}),
        }

    @classmethod
    def from_note(cls, note: Mapping) -> 'Preparation':
        """The preparation that a fused file tells of.

        Args:
            note (Mapping): What :meth:`to_note` made; other keys are not looked at.

        Returns:
            Preparation: Equal to the one that was noted, but for the sizes of its homography.

        Raises:
            ValueError: The values cannot be used.
        """
        fields = (field.name for field in dataclasses.fields(cls))
        return cls(**{name: note[name] for name in fields if note.get(name) is not None})
