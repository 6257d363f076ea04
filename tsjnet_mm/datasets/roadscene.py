"""RoadScene: 221 pairs of road scenes of various sizes, without labels."""

from tsjnet_mm.registry import DATASETS

from .paired import PairedFusionDataset


@DATASETS.register_module()
class RoadSceneDataset(PairedFusionDataset):
    """RoadScene as published (``cropinfrared``, ``crop_LR_visible``), or ``ir`` and ``vi``.

    The published ``crop_HR_visible`` does not have the infrared images' size.

    Args:
        **kwargs: See :class:`PairedFusionDataset`.
    """

    LAYOUTS = (
        {'ir': 'cropinfrared', 'vi': 'crop_LR_visible'},
        {'ir': 'ir', 'vi': 'vi'},
    )
