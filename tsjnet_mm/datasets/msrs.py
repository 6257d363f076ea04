"""MSRS: 1444 pairs of road scenes by day and night, 1083 to train on and 361 to test."""

from typing import Any

from tsjnet_mm.registry import DATASETS

from .paired import PairedFusionDataset


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
        'seg_classes': (
            'background',
            'car',
            'person',
            'bike',
            'curve',
            'car_stop',
            'guardrail',
            'color_cone',
            'bump',
        ),
        'seg_palette': [
            (0, 0, 0),
            (64, 0, 128),
            (64, 64, 0),
            (0, 128, 192),
            (0, 0, 192),
            (128, 128, 0),
            (64, 64, 128),
            (192, 128, 128),
            (192, 64, 0),
        ],
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
