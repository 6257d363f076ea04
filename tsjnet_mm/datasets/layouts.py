"""Where the files of a data set lie, and which of its classes are taken."""

import os
from collections.abc import Collection, Mapping, Sequence

#: Keys of the image folders, and of what labels them.
MODALITIES = ('ir', 'vi')
ANNOTATIONS = ('boxes', 'masks')


def choose_layout(layouts: Sequence[Mapping[str, str]], name: str) -> int:
    """Index of the first layout whose two image folders exist.

    Args:
        layouts (Sequence[Mapping[str, str]]): Paths by 'ir', 'vi' and other keys.
        name (str): Of the data set, for the error.

    Returns:
        int: Its place in ``layouts``.

    Raises:
        FileNotFoundError: No layout has both folders; the message lists the folders of each.
    """
    for index, layout in enumerate(layouts):
        if all(os.path.isdir(layout[key]) for key in MODALITIES):
            return index
    looked_for = ', or '.join(
        ' and '.join(layout[key] for key in MODALITIES) for layout in layouts
    )
    raise FileNotFoundError(
        f'{name}: no folders {looked_for}: set data_root to the folder that contains them, or '
        'other folder names by data_prefix; docs/datasets.md explains how to get a published '
        'data set'
    )


def find_annotations(
    layout: Mapping[str, str], wanted: Collection[str], required: bool, name: str
) -> dict[str, str]:
    """Paths of the annotations that are wanted and there.

    Args:
        layout (Mapping[str, str]): Paths by 'boxes', 'masks' and other keys.
        wanted (Collection[str]): Which of the two to look for.
        required (bool): Whether what is wanted must be there.
        name (str): Of the data set, for the error.

    Returns:
        dict[str, str]: By 'boxes' and 'masks'.

    Raises:
        FileNotFoundError: What must be there is not.
    """
    found = {}
    for key in ANNOTATIONS:
        path = layout.get(key, '')
        if key in wanted and os.path.exists(path):
            found[key] = path
        elif key in wanted and required:
            raise FileNotFoundError(
                f'{name}: no {key} at {path or "any path: data_prefix names none"}; add the '
                f'{key}, or remove {key} from annotations and data_prefix'
            )
    return found


def select_labels(
    source: Sequence[str], wanted: Sequence[str], name: str
) -> dict[str, int | None]:
    """Label of each class of a data set; None for those that are not wanted.

    Args:
        source (Sequence[str]): All its classes.
        wanted (Sequence[str]): Those to take, in the order of their labels.
        name (str): Of the data set, for the error.

    Returns:
        dict[str, int | None]: By the names of ``source``.

    Raises:
        ValueError: No class is wanted, one is unknown, or one comes twice.
    """
    unknown = [each for each in wanted if each not in source]
    twice = sorted({each for each in wanted if wanted.count(each) > 1})
    if twice:
        raise ValueError(
            f'{name}: metainfo must name each class once, got '
            f'{", ".join(map(str, twice))} twice'
        )
    if unknown or not wanted:
        raise ValueError(
            f'{name}: metainfo must name classes'
            + (f' among {source}, got {unknown}' if source else ', or annotations=[]')
        )
    return {each: wanted.index(each) if each in wanted else None for each in source}
