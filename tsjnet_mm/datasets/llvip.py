"""LLVIP: 15488 pairs of streets at night with pedestrians, 12025 to train on, 3463 to test."""

from typing import Any

from tsjnet_mm.registry import DATASETS

from .paired import PairedFusionDataset


@DATASETS.register_module()
class LLVIPDataset(PairedFusionDataset):
    """LLVIP as published, or with a folder for each split.

    ``infrared/<split>``, ``visible/<split>`` and ``Annotations`` (VOC xml, both splits
    together); or ``<split>/ir``, ``<split>/vi`` and ``<split>/labels``.

    Args:
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: See :class:`PairedFusionDataset`.
    """

    METAINFO = {'classes': ('person',), 'palette': [(220, 20, 60)]}
    LAYOUTS = (
        {'ir': 'infrared/{split}', 'vi': 'visible/{split}', 'boxes': 'Annotations'},
        {'ir': '{split}/ir', 'vi': '{split}/vi', 'boxes': '{split}/labels'},
    )

    def __init__(self, data_root: str = '', split: str = 'train', **kwargs: Any) -> None:
        super().__init__(data_root=data_root, split=split, **kwargs)
