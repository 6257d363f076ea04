"""Which classes of two sets are the same."""

from collections.abc import Sequence

#: Names of one thing in several datasets.
_SAME = (
    ('person', 'people', 'pedestrian'),
    ('bike', 'bicycle'),
    ('motorcycle', 'motorbike'),
)


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
