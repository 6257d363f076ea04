"""MSRS: 1444 pairs of road scenes by day and night, 1083 to train on and 361 to test."""

from typing import Any

from tsjnet_mm.registry import DATASETS

from .paired import PairedFusionDataset

#: Classes of the masks by their index, and their RGB colours.
_SEG_COLOURS = {
    'background': (0, 0, 0),
    'car': (64, 0, 128),
    'person': (64, 64, 0),
    'bike': (0, 128, 192),
    'curve': (0, 0, 192),
    'car_stop': (128, 128, 0),
    'guardrail': (64, 64, 128),
    'color_cone': (192, 128, 128),
    'bump': (192, 64, 0),
}


@DATASETS.register_module()
class MSRSDataset(PairedFusionDataset):
    """MSRS as its authors publish it, with the box labels published apart from it.

    ``<split>/ir``, ``<split>/vi``, ``<split>/Segmentation_labels`` (index PNG, 9 classes)
    and ``<split>/labels`` (YOLO txt: 0 person, 1 bicycle, 2 car).

    Args:
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: See :class:`PairedFusionDataset`.
    """

    METAINFO = {
        'classes': ('person', 'bicycle', 'car'),
        'palette': [(220, 20, 60), (119, 11, 32), (0, 0, 142)],
        'seg_classes': tuple(_SEG_COLOURS),
        'seg_palette': list(_SEG_COLOURS.values()),
    }
    LAYOUTS = (
        {
            'ir': '{split}/ir',
            'vi': '{split}/vi',
            'boxes': '{split}/labels',
            'masks': '{split}/Segmentation_labels',
        },
    )

    def __init__(self, data_root: str = '', split: str = 'train', **kwargs: Any) -> None:
        super().__init__(data_root=data_root, split=split, **kwargs)
