"""Any folder of pairs."""

from tsjnet_mm.registry import DATASETS

from .paired import PairedFusionDataset


@DATASETS.register_module()
class FolderDataset(PairedFusionDataset):
    """A folder with ``ir`` and ``vi``, and optionally ``labels`` and ``masks``.

    Boxes need ``metainfo=dict(classes=...)``; ``seg_classes`` there bounds the masks'
    indices. Other names of folders are given by ``data_prefix``.

    Args:
        **kwargs: See :class:`PairedFusionDataset`.

    Example:
        >>> FolderDataset('data/mine', metainfo=dict(classes=('person', 'car')))
    """

    LAYOUTS = ({'ir': 'ir', 'vi': 'vi', 'boxes': 'labels', 'masks': 'masks'},)
