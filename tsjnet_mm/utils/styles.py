"""How the two images of a pair are shown: names and options, as plain data."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Name of each style to what it shows.
STYLES = {
    'luma': 'the fused luma with the colours of the visible image',
    'overlay': 'thermal colours over the visible image',
    'msx': 'thermal colours with the edges of the visible image',
    'isotherm': 'the fused luma in grey, and thermal colours where it is hot',
}
#: Which source regions are fused from where the images stay misaligned.
PARALLAX_SOURCES = ('both', 'visible', 'infrared', 'stronger')
#: Thermal palettes, from cold to hot.
PALETTES = (
    *('ironbow', 'inferno', 'rainbow', 'turbo', 'hot', 'viridis', 'arctic'),
    *('white-hot', 'black-hot'),
)
#: Noise of dark visible images that can be damped.
DENOISED = {
    'off': 'none',
    'chroma': 'of the colours',
    'all': 'of the colours, and of the luma where infrared has less',
}
_GREY = ('white-hot', 'black-hot')


@dataclass(frozen=True)
class Style:
    """How a pair is shown.

    Attributes:
        name (str): One of :data:`STYLES`.
        palette (str): One of :data:`PALETTES`; of all styles but ``'luma'``.
        isotherm (float | None): What is above it is coloured, of the style ``'isotherm'``:
            degrees Celsius where temperatures are known, otherwise a stored infrared value.
        opacity (float | None): Of the thermal colours, above 0 and up to 1, of ``'overlay'``
            (0.5 where it is None) and ``'isotherm'`` (0.8).
        legend (bool): Draw the palette and its values at the right edge.

    Raises:
        ValueError: A name is unknown, or an option does not belong to the style.

    Example:
        >>> Style('isotherm', isotherm=30).strength
        0.8
    """

    name: str = 'luma'
    palette: str = 'ironbow'
    isotherm: float | None = None
    opacity: float | None = None
    legend: bool = False

    def __post_init__(self) -> None:
        for kind, value, known in (
            ('style', self.name, STYLES),
            ('palette', self.palette, PALETTES),
        ):
            if value not in known:
                raise ValueError(f'{kind} must be one of {", ".join(known)}, got {value!r}')
        if self.legend and self.name == 'luma':
            raise ValueError(
                'a legend explains thermal colours, and the style luma has none: give the '
                'style overlay, msx or isotherm, too'
            )
        if (self.isotherm is None) == (self.name == 'isotherm'):
            raise ValueError(
                'the style isotherm and a value of isotherm, such as 30, come together, got '
                f'style {self.name!r} and isotherm {self.isotherm}'
            )
        if self.isotherm is not None and not math.isfinite(self.isotherm):
            raise ValueError(f'isotherm must be a finite number, got {self.isotherm}')
        if self.name == 'isotherm' and self.palette in _GREY:
            raise ValueError(
                f'palette {self.palette} does not show on the grey image of the style '
                'isotherm: give one that has colours'
            )
        if self.opacity is not None:
            if self.name not in ('overlay', 'isotherm'):
                raise ValueError(
                    f'opacity is for the styles overlay and isotherm, got style {self.name!r}'
                )
            if not 0 < self.opacity <= 1:
                raise ValueError(f'opacity must be above 0 and up to 1, got {self.opacity}')

    @classmethod
    def of(cls, style: str | Style) -> Style:
        """A style of its name, or the style itself."""
        return style if isinstance(style, cls) else cls(style)

    @property
    def strength(self) -> float:
        """The opacity, also where none was given."""
        if self.opacity is not None:
            return self.opacity
        return 0.8 if self.name == 'isotherm' else 0.5

    @property
    def uses_fusor(self) -> bool:
        """Whether a fused luma is a part of it."""
        return self.name in ('luma', 'isotherm')

    @property
    def needs_values(self) -> bool:
        """Whether it needs the measured values, not only the grey levels."""
        return self.legend or self.name == 'isotherm'

    def check(self, grey: bool, stretch: bool) -> None:
        """Refuse options of the fused luma that this style does not have.

        Args:
            grey (bool): Whether the luma alone is asked for.
            stretch (bool): Whether the luma is to be stretched.

        Raises:
            ValueError: One of them is, and does not go with the style.
        """
        if grey and self.name != 'luma':
            raise ValueError(f'grey is for the style luma, got style {self.name!r}')
        if stretch and not self.uses_fusor:
            raise ValueError(f'stretch is of a fused luma, which style {self.name!r} lacks')

    def to_note(self) -> dict:
        """The note for a fused file: plain values for JSON; empty for the style ``'luma'``."""
        if self.name == 'luma':
            return {}
        note = {'style': self.name, 'palette': self.palette, 'legend': self.legend}
        if self.isotherm is not None:
            note['isotherm'] = self.isotherm
        if self.name in ('overlay', 'isotherm'):
            note['opacity'] = self.strength
        return note
