"""Fusion in front of a detector."""

from typing import Any

from tsjnet_mm.registry import MODELS

from .base import FusedModel


@MODELS.register_module()
class FusedDetector(FusedModel):
    """A fusor in front of any mmdet detector.

    Args:
        detector (dict): Config of the detector.
        fusor (str | dict): Name of a preset, config file or config, see
            :class:`FusedModel`.
        **kwargs: See :class:`FusedModel`.
    """

    def __init__(self, detector: dict, fusor: str | dict, **kwargs: Any) -> None:
        super().__init__(detector, 'mmdet', fusor, **kwargs)
