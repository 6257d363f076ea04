"""Names of classes of known datasets."""

from collections.abc import Sequence

from tsjnet_mm.datasets import LLVIPDataset, M3FDDataset, MSRSDataset
from tsjnet_mm.utils.class_names import map_classes
from tsjnet_mm.visualization import class_colour

__all__ = ['KNOWN_DATASETS', 'box_classes', 'map_classes', 'seg_classes']

#: Datasets whose name stands for their classes.
KNOWN_DATASETS = {'msrs': MSRSDataset, 'm3fd': M3FDDataset, 'llvip': LLVIPDataset}


def box_classes(names: Sequence[str]) -> list[str]:
    """Classes of boxes.

    Args:
        names (Sequence[str]): The names, in the order of their numbers; or one of 'msrs',
            'm3fd' and 'llvip' alone.

    Returns:
        list[str]: The names.

    Raises:
        ValueError: A name comes twice.
    """
    if len(names) == 1 and names[0].lower() in KNOWN_DATASETS:
        return list(KNOWN_DATASETS[names[0].lower()].METAINFO['classes'])
    _check_unique(names)
    return list(names)


def seg_classes(
    names: Sequence[str], classes: Sequence[str]
) -> tuple[list[str], list[tuple[int, int, int]]]:
    """Classes of masks and their colours.

    Args:
        names (Sequence[str]): The names by index, background first; or 'msrs' alone; or none
            for background and the classes of the boxes.
        classes (Sequence[str]): Of the boxes.

    Returns:
        tuple[list[str], list[tuple[int, int, int]]]: Names, and RGB of each.

    Raises:
        ValueError: A name comes twice, or there are more than 255.
    """
    known = KNOWN_DATASETS.get(names[0].lower()) if len(names) == 1 else None
    if known is not None and 'seg_classes' in known.METAINFO:
        return list(known.METAINFO['seg_classes']), list(known.METAINFO['seg_palette'])
    names = list(names) or ['background', *classes]
    _check_unique(names)
    if len(names) > 255:
        raise ValueError(f'an index mask holds at most 255 classes, got {len(names)}')
    # One less, for the background: the colours in which boxes of the same classes are drawn.
    return names, [class_colour(name, index - 1) for index, name in enumerate(names)]


def _check_unique(names):
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ValueError(f'classes named twice: {", ".join(twice)}')
