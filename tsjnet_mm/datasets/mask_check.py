"""Check the masks of a data set before training."""

import contextlib
from collections.abc import Sequence

import numpy as np

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import read_mask
from tsjnet_mm.utils.parallel import available_cores, thread_map
from tsjnet_mm.utils.words import counted

#: Value of mask pixels that belong to no class.
IGNORE_INDEX = 255


def check_indices(counts: np.ndarray, num_classes: int | None, path: str) -> None:
    """Refuse class indices that are not in ``seg_classes``.

    Args:
        counts (np.ndarray): (256,) number of pixels of each index.
        num_classes (int, optional): How many classes there are; None allows all.
        path (str): The mask, for the error.

    Raises:
        PairError: An index is neither a class nor 255.
    """
    if num_classes is None:
        return
    used = np.flatnonzero(counts[:IGNORE_INDEX])
    if used.size and used[-1] >= num_classes:
        raise PairError.of(
            'mask index out of range',
            path,
            f'classes 0 to {num_classes - 1}, or {IGNORE_INDEX} to ignore',
            f'index {used[-1]}',
        )


def _count_indices(path):
    try:
        return np.bincount(read_mask(path).ravel(), minlength=256)
    except PairError as error:
        return error


def mask_notes(
    paths: Sequence[str], seg_classes: Sequence[str] | None, of_errors: bool = True
) -> list[str]:
    """Describe masks that cannot be used, have no class, or look wrong.

    Args:
        paths (Sequence[str]): The masks.
        seg_classes (Sequence[str], optional): Names of the classes.
        of_errors (bool): Say which cannot be used. Defaults to True.

    Returns:
        list[str]: A sentence for each kind of problem, with the number of masks.
    """
    num_classes = None if seg_classes is None else len(seg_classes)
    counts, errors = [], []
    with contextlib.closing(thread_map(_count_indices, paths, available_cores())) as results:
        for path, found in zip(paths, results, strict=True):
            try:
                if isinstance(found, PairError):
                    raise found
                check_indices(found, num_classes, path)
                counts.append(found)
            except PairError as error:
                errors.append(error)
    notes = []
    of_all = f'of {counted(len(paths), "mask")}'
    if errors and of_errors:
        notes.append(f'{len(errors)} {of_all} cannot be used (the first: {errors[0]})')
    if not counts:
        return notes
    counts = np.array(counts)
    ignored = counts[:, IGNORE_INDEX] > 0
    empty = int((counts[:, :IGNORE_INDEX].sum(1) == 0).sum())
    present = np.flatnonzero(counts[:, :IGNORE_INDEX].any(0))
    if present.tolist() == [0] and ignored.any() and num_classes != 1:
        notes.append(
            f'{int(ignored.sum())} {of_all} hold {IGNORE_INDEX}, which is ignored in training, '
            'and all hold no class but 0: if they are binary masks of 0 and 255, write the '
            'foreground as 1'
        )
    elif empty:
        notes.append(f'{empty} {of_all} hold {IGNORE_INDEX} alone, so they teach nothing')
    elif len(present) == 1 and num_classes != 1:
        notes.append(f'class {present[0]} alone is in {counted(len(counts), "mask")}')
    if num_classes is not None and 1 < len(present) < num_classes:
        absent = [name for index, name in enumerate(seg_classes) if index not in present]
        notes.append(f'no pixel of {", ".join(absent)} in {counted(len(counts), "mask")}')
    return notes
