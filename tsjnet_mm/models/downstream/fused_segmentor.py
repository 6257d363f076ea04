"""Fusion in front of a segmentor."""

from typing import Any

from tsjnet_mm.registry import MODELS

from .base import FusedModel


@MODELS.register_module()
class FusedSegmentor(FusedModel):
    """A fusor in front of any mmseg segmentor.

    Args:
        segmentor (dict): Config of the segmentor.
        fusor (str | dict): Name of a preset, config file or config, see
            :class:`FusedModel`.
        **kwargs: See :class:`FusedModel`.
    """

    def __init__(self, segmentor: dict, fusor: str | dict, **kwargs: Any) -> None:
        super().__init__(segmentor, 'mmseg', fusor, **kwargs)
