"""FMB: 1500 pairs of roads by day, night and in bad weather, 1220 to train on, 280 to test."""

from typing import Any

from tsjnet_mm.registry import DATASETS

from .paired import PairedFusionDataset


@DATASETS.register_module()
class FMBDataset(PairedFusionDataset):
    """FMB as published, or with the folders named as elsewhere.

    ``<split>/Infrared``, ``<split>/Visible`` and ``<split>/Label`` (index PNG, 0 unlabelled
    and 14 classes); or ``<split>/ir``, ``<split>/vi`` and ``<split>/masks``. There are no
    boxes. The palette is that of the authors' coloured labels.

    Args:
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: See :class:`PairedFusionDataset`.
    """

    METAINFO = {
        'seg_classes': (
            'unlabelled',
            'road',
            'sidewalk',
            'building',
            'traffic_light',
            'traffic_sign',
            'vegetation',
            'sky',
            'person',
            'car',
            'truck',
            'bus',
            'motorcycle',
            'bicycle',
            'pole',
        ),
        'seg_palette': [
            (0, 0, 0),
            (179, 228, 228),
            (181, 57, 133),
            (67, 162, 177),
            (200, 178, 50),
            (132, 45, 199),
            (66, 172, 84),
            (179, 73, 79),
            (76, 99, 166),
            (66, 121, 253),
            (137, 165, 91),
            (155, 97, 152),
            (105, 153, 140),
            (222, 215, 158),
            (135, 113, 90),
        ],
    }
    LAYOUTS = (
        {'ir': '{split}/Infrared', 'vi': '{split}/Visible', 'masks': '{split}/Label'},
        {'ir': '{split}/ir', 'vi': '{split}/vi', 'masks': '{split}/masks'},
    )

    def __init__(self, data_root: str = '', split: str = 'train', **kwargs: Any) -> None:
        super().__init__(data_root=data_root, split=split, **kwargs)
