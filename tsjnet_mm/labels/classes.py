"""Names of classes: those of known datasets, and the mapping between two sets."""

from collections.abc import Sequence

from tsjnet_mm.datasets import LLVIPDataset, M3FDDataset, MSRSDataset
from tsjnet_mm.visualization import class_colour

#: Datasets whose name stands for their classes.
KNOWN_DATASETS = {'msrs': MSRSDataset, 'm3fd': M3FDDataset, 'llvip': LLVIPDataset}
#: Names of one thing in several datasets.
_SAME = (
    ('person', 'people', 'pedestrian'),
    ('bike', 'bicycle'),
    ('motorcycle', 'motorbike'),
)


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


def map_classes(
    sources: Sequence[str],
    targets: Sequence[str],
    given: Sequence[str] = (),
    require_all: bool = True,
) -> dict[str, int]:
    """Map each source class to a target class.

    Names that are equal but for case, or are known to mean the same (``bicycle`` and
    ``bike``, ``People`` and ``person``), belong together by default.

    Args:
        sources (Sequence[str]): Names to map.
        targets (Sequence[str]): Names to map to.
        given (Sequence[str]): ``SOURCE=TARGET`` each, which go first; ``SOURCE=`` leaves the
            class out.
        require_all (bool): Every source needs a target or to be left out expressly.
            Otherwise those without are left out. Defaults to True.

    Returns:
        dict[str, int]: Index into ``targets`` of each source that has one.

    Raises:
        ValueError: A name is not among the classes, is given twice, or has no target; or no
            class is left.
    """
    chosen = {}
    for item in given:
        source, equals, target = item.partition('=')
        if not equals:
            raise ValueError(f'expected SOURCE=TARGET, got {item!r}')
        if source not in sources or source in chosen or (target and target not in targets):
            raise ValueError(
                f'{item!r}: expected one of {", ".join(sources)}, each once, = one of '
                f'{", ".join(targets)}, or nothing'
            )
        chosen[source] = target
    by_meaning = {_meaning(name): index for index, name in reversed([*enumerate(targets)])}
    mapping, missing = {}, []
    for name in sources:
        if name in chosen:
            if chosen[name]:
                mapping[name] = targets.index(chosen[name])
        elif _meaning(name) in by_meaning:
            mapping[name] = by_meaning[_meaning(name)]
        else:
            missing.append(name)
    if require_all and missing:
        raise ValueError(
            f'no class among {", ".join(targets)} is called {", ".join(missing)}: say which '
            f'is meant ({missing[0]}=NAME), or leave it out ({missing[0]}=)'
        )
    if not mapping:
        raise ValueError(
            f'none of the classes {", ".join(sources)} is among {", ".join(targets)}'
        )
    return mapping


def _meaning(name):
    name = name.lower().replace(' ', '_')
    return next((same[0] for same in _SAME if name in same), name)


def _check_unique(names):
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ValueError(f'classes named twice: {", ".join(twice)}')
