"""M3FD: 4200 pairs with boxes and 300 more for fusion, campus and roads."""

from tsjnet_mm.registry import DATASETS

from .paired import PairedFusionDataset

#: Classes of the boxes, and their RGB colours.
_COLOURS = {
    'People': (220, 20, 60),
    'Car': (0, 0, 142),
    'Bus': (0, 60, 100),
    'Lamp': (250, 170, 30),
    'Motorcycle': (0, 0, 230),
    'Truck': (0, 0, 70),
}


@DATASETS.register_module()
class M3FDDataset(PairedFusionDataset):
    """M3FD as published (``Ir``, ``Vis``, ``Annotation``) or as its authors' loader has it.

    The first holds VOC xml labels (the fusion archive has none), the second (``ir``,
    ``vi``, ``labels``) YOLO txt: 0 People, 1 Car, 2 Bus, 3 Lamp, 4 Motorcycle, 5 Truck.

    Args:
        **kwargs: See :class:`PairedFusionDataset`.
    """

    METAINFO = {'classes': tuple(_COLOURS), 'palette': list(_COLOURS.values())}
    LAYOUTS = (
        {'ir': 'Ir', 'vi': 'Vis', 'boxes': 'Annotation'},
        {'ir': 'ir', 'vi': 'vi', 'boxes': 'labels'},
    )
