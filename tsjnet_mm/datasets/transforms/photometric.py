"""Changes of the visible image's light and colour."""

import numpy as np
from mmcv.image import imconvert

from tsjnet_mm.registry import TRANSFORMS

from .base import PairTransform


@TRANSFORMS.register_module()
class PhotometricVisible(PairTransform):
    """Change brightness, contrast, saturation and hue of the visible image only.

    Each of the four is applied with probability ``prob``, by an amount drawn uniformly. The
    infrared image measures warmth, which the light does not change. Numbers are drawn from
    numpy's global generator, which the runner seeds.

    Required and changed key: ``vi`` (H, W, 3) float32 RGB in [0, 1], which it stays in.

    Args:
        brightness (float): Up to this is added or taken away. Defaults to 0.125.
        contrast (tuple[float, float]): Range of the factor on the difference from mid-grey
            (0.5). Defaults to (0.75, 1.25).
        saturation (tuple[float, float]): Range of the factor. Defaults to (0.75, 1.25).
        hue (float): Turn by up to so many degrees. Defaults to 9.
        prob (float): Probability of each change. Defaults to 0.5.

    Raises:
        ValueError: An amount is negative, or ``prob`` lies outside 0..1.
    """

    def __init__(
        self,
        brightness: float = 0.125,
        contrast: tuple[float, float] = (0.75, 1.25),
        saturation: tuple[float, float] = (0.75, 1.25),
        hue: float = 9.0,
        prob: float = 0.5,
    ) -> None:
        amounts = {
            'brightness': brightness,
            'contrast': min(contrast),
            'saturation': min(saturation),
            'hue': hue,
        }
        for name, amount in amounts.items():
            if amount < 0:
                raise ValueError(f'{name} must not be negative, got {amount}')
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must lie in 0..1, got {prob}')
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """See the class."""
        vi = results['vi']
        if self._chosen():
            vi = vi + np.float32(np.random.uniform(-self.brightness, self.brightness))
        if self._chosen():
            vi = (vi - np.float32(0.5)) * np.float32(np.random.uniform(*self.contrast))
            vi = vi + np.float32(0.5)
        vi = np.clip(vi, 0, 1)
        change_saturation, change_hue = self._chosen(), self._chosen()
        if change_saturation or change_hue:
            hsv = imconvert(vi, 'rgb', 'hsv')
            if change_saturation:
                hsv[..., 1] *= np.float32(np.random.uniform(*self.saturation))
                np.clip(hsv[..., 1], 0, 1, out=hsv[..., 1])
            if change_hue:
                hsv[..., 0] += np.float32(np.random.uniform(-self.hue, self.hue))
                hsv[..., 0] %= 360
            vi = np.clip(imconvert(hsv, 'hsv', 'rgb'), 0, 1)
        results['vi'] = vi
        return results

    def _chosen(self):
        return np.random.random() < self.prob
