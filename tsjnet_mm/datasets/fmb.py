"""FMB: 1500 pairs of roads by day, night and in bad weather, 1220 to train on, 280 to test."""

from typing import Any

from tsjnet_mm.registry import DATASETS

from .paired import PairedFusionDataset

#: Classes of the masks by their index, and their RGB colours.
_SEG_COLOURS = {
    'unlabelled': (0, 0, 0),
    'road': (179, 228, 228),
    'sidewalk': (181, 57, 133),
    'building': (67, 162, 177),
    'traffic_light': (200, 178, 50),
    'traffic_sign': (132, 45, 199),
    'vegetation': (66, 172, 84),
    'sky': (179, 73, 79),
    'person': (76, 99, 166),
    'car': (66, 121, 253),
    'truck': (137, 165, 91),
    'bus': (155, 97, 152),
    'motorcycle': (105, 153, 140),
    'bicycle': (222, 215, 158),
    'pole': (135, 113, 90),
}


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

    METAINFO = {'seg_classes': tuple(_SEG_COLOURS), 'seg_palette': list(_SEG_COLOURS.values())}
    LAYOUTS = (
        {'ir': '{split}/Infrared', 'vi': '{split}/Visible', 'masks': '{split}/Label'},
        {'ir': '{split}/ir', 'vi': '{split}/vi', 'masks': '{split}/masks'},
    )

    def __init__(self, data_root: str = '', split: str = 'train', **kwargs: Any) -> None:
        super().__init__(data_root=data_root, split=split, **kwargs)
