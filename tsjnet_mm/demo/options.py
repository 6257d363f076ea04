"""The options of the web page, as its controls give them."""

from pathlib import Path
from typing import NamedTuple

from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.ranges import UNITS
from tsjnet_mm.io.warping import Homography
from tsjnet_mm.registration.parallax import check_parallax
from tsjnet_mm.utils.styles import DENOISED, Style

from .uploads import DemoError, is_measured

#: Which infrared values become black and white, and what the page calls that.
RANGES = {
    'automatic': 'Automatic',
    'stored': 'As stored',
    'percentiles': 'Percentiles',
    'celsius': 'Degrees Celsius',
}
#: Percentiles of ``'automatic'``, for files that hold more than 8 bits.
AUTOMATIC = (1.0, 99.0)
#: What stored infrared values are, as far as the visitor knows.
UNKNOWN = 'unknown'
UNIT_NAMES = (UNKNOWN, *UNITS)


class Options(NamedTuple):
    """Options of a fusion, in the order in which the page has their controls.

    Attributes:
        grey (bool): Make the fused luma instead of colour.
        keep_hue (bool): See :class:`~tsjnet_mm.apis.FusionInferencer`.
        denoise (str): See there.
        parallax (str): See there.
        resize (bool): Resize an infrared image of another size.
        ir_range (str): One of :data:`RANGES`. ``'automatic'`` takes 8 bits as stored, and
            otherwise percentiles 1 and 99.
        low (float | None): Percentile or temperature that becomes black.
        high (float | None): The same of white.
        unit (str): One of :data:`UNIT_NAMES`.
        style (str): One of :data:`~tsjnet_mm.utils.styles.STYLES`.
        palette (str): One of :data:`~tsjnet_mm.utils.styles.PALETTES`.
        isotherm (float | None): Of the style ``'isotherm'``; of others it has no meaning.
        legend (bool): Of all styles but ``'luma'``.
    """

    grey: bool = False
    keep_hue: bool = False
    denoise: str = 'off'
    parallax: str = 'both'
    resize: bool = False
    ir_range: str = 'automatic'
    low: float | None = AUTOMATIC[0]
    high: float | None = AUTOMATIC[1]
    unit: str = UNKNOWN
    style: str = 'luma'
    palette: str = 'ironbow'
    isotherm: float | None = None
    legend: bool = False

    def preparation(
        self, ir: str | Path, homography: Homography | None = None, same_view: bool = False
    ) -> Preparation:
        """How a pair is prepared.

        Args:
            ir (str | Path): Infrared file, which was checked.
            homography (Homography, optional): From infrared to visible pixels.
            same_view (bool): Resize the infrared image also without ``resize``. Defaults to
                False.

        Returns:
            Preparation: That of the command line with the same options.

        Raises:
            DemoError: The range or the unit cannot be meant, or the file cannot be read.
        """
        limits = {}
        if self.ir_range == 'percentiles':
            limits['ir_percentiles'] = self._percentiles()
        elif self.ir_range == 'celsius':
            limits['ir_celsius'] = self._celsius()
        elif self.ir_range == 'automatic' and (self.unit != UNKNOWN or is_measured(ir)):
            limits['ir_percentiles'] = AUTOMATIC
        elif self.ir_range not in RANGES or self.unit not in UNIT_NAMES:
            raise DemoError('There is no such range or unit of infrared values.')
        elif self.unit != UNKNOWN:
            raise DemoError(
                'A unit of the infrared values needs a range: choose percentiles or degrees '
                'Celsius (options).'
            )
        try:
            return Preparation(
                **limits,
                ir_unit=None if self.unit == UNKNOWN else self.unit,
                homography=homography,
                resize=homography is None and bool(self.resize or same_view),
            )
        except ValueError as error:
            raise DemoError(f'{error}.') from error

    def _percentiles(self):
        low, high = self.low, self.high
        if low is None or high is None or not 0 <= low < high <= 100:
            raise DemoError(
                'The infrared percentiles must be two numbers, 0 <= low < high <= 100.'
            )
        return float(low), float(high)

    def _celsius(self):
        low, high = self.low, self.high
        if low is None or high is None or not low < high:
            raise DemoError('The temperatures must be two numbers, the lower one first.')
        return float(low), float(high)

    def shown_as(self) -> Style:
        """The style.

        Returns:
            Style: With the options that belong to it.

        Raises:
            DemoError: The style lacks an option, a name is unknown, or ``grey`` or
                ``parallax`` does not go with it.
        """
        if self.denoise not in DENOISED:
            raise DemoError('There is no such damping of noise.')
        try:
            style = Style(
                self.style,
                self.palette,
                self.isotherm if self.style == 'isotherm' else None,
                legend=bool(self.legend) and self.style != 'luma',
            )
            style.check(bool(self.grey), stretch=False)
            check_parallax(self.parallax, style.name)
        except ValueError as error:
            raise DemoError(f'{error}.') from error
        return style
