"""Measure the fused images of any method, from folders to results."""

import contextlib
import functools
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.metrics import measure, resolve_metrics
from tsjnet_mm.utils import rgb_to_luma
from tsjnet_mm.utils.env import usable_device
from tsjnet_mm.utils.parallel import process_map
from tsjnet_mm.utils.words import counted, format_problems

from .image_files import find_files, inspect_files, read_files
from .results import EvaluationResults

#: Name of a trivial method -> what it makes of infrared and visible luma in 0..255; rounded.
BASELINES = {
    'average': lambda ir, vi: (ir + vi) / 2,
    'max': torch.maximum,
    'visible only': lambda ir, vi: vi,
    'infrared only': lambda ir, vi: ir,
}


def evaluate_folders(
    fused: Mapping[str, str | Path],
    ir: str | Path,
    vi: str | Path,
    metrics: str | Iterable[str] = 'paper',
    convention: str = 'plain',
    baselines: bool | Iterable[str] = False,
    common: bool = False,
    device: str | torch.device = 'cpu',
    batch_size: int = 1,
    workers: int = 1,
    progress: bool = False,
    preparation: Preparation | None = None,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
    **options: Any,
) -> EvaluationResults:
    """Measure the fused images of one or more methods against their sources.

    Files are matched by name, see :func:`.match_pairs`; a fused file may also have the name of
    its method before or after the name of the pair. Infrared images are prepared as for the
    fusion, by the notes in the fused files or by ``preparation``, and rounded to 8 bits. Images
    are grey or colour, 8 bit, 16 bit (scaled to 0..255) or floats in [0, 1]; a palette is
    resolved, alpha dropped. Every image is decoded once before anything is computed, so that
    one error lists all problems.

    Args:
        fused (Mapping[str, str | Path]): Name of each method to the folder of its images.
            May be empty where ``baselines`` are asked for.
        ir (str | Path): Folder of the infrared images.
        vi (str | Path): Folder of the visible images.
        metrics (str | Iterable[str]): See
            :func:`~tsjnet_mm.metrics.resolve_metrics`. Defaults to
            ``'paper'``.
        convention (str): What their names mean. Defaults to ``'plain'``.
        baselines (bool | Iterable[str]): Also measure :data:`BASELINES`, or those of these
            names, made of each pair's BT.601 luma, whatever the convention's, and rounded to
            8 bit. Defaults to False.
        common (bool): Leave out what lacks a partner instead of refusing it, and measure
            the pairs that all methods have. Defaults to False.
        device (str | torch.device): ``'cpu'`` or a CUDA device. Defaults to ``'cpu'``.
        batch_size (int): Pairs of one size that are measured at once. Defaults to 1.
        workers (int): Processes that read and measure, or, for a CUDA device, that read.
            More than one need the caller's ``if __name__ == '__main__'``. Defaults to 1,
            this one. The values do not depend on it.
        progress (bool): Show on standard error how far it is. Defaults to False.
        preparation (Preparation, optional): How the pairs were prepared when they were fused.
            What it leaves out is taken from what the fused files tell of it; files that tell
            of another one are refused.
        ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.
        **options: Instead of ``preparation`` its parts, such as ``ir_range``.

    Returns:
        EvaluationResults: Methods in the order given, then the baselines; images in natural
        order.

    Raises:
        FileNotFoundError: A folder is missing.
        NotADirectoryError: It is no folder.
        ValueError: Metrics, convention, device or another argument is not as above.
        PairError: Images lack a partner, fit several, differ in size, cannot be read, or are
            too small for a metric; lists them all.
    """
    metrics = resolve_metrics(metrics, convention)
    device = _check_device(device)
    for name, number in (('batch_size', batch_size), ('workers', workers)):
        if number < 1:
            raise ValueError(f'{name} must be at least 1, got {number}')
    trivial = tuple(BASELINES if baselines is True else baselines or ())
    if not fused and not trivial:
        raise ValueError('give at least one folder of fused images, or baselines')
    for method in fused:
        if method in trivial:
            raise ValueError(f'{method!r} is the name of a baseline: name the method otherwise')
    found = find_files(
        fused, ir, vi, Preparation.of(preparation, **options), ir_affix, vi_affix
    )
    files, layouts = _collect(found, ir, vi, metrics, convention, common, workers, progress)
    values = {
        method: {metric: [None] * len(files) for metric in metrics}
        for method in (*fused, *trivial)
    }
    batches = _make_batches(layouts, batch_size)
    results = _measure_batches(
        [[files[index] for index in batch] for batch in batches],
        functools.partial(_read_batch, convention=convention),
        functools.partial(
            _measure_batch,
            methods=tuple(fused),
            metrics=metrics,
            convention=convention,
            trivial=trivial,
            device=device,
        ),
        min(workers, len(batches)),
        on_cpu=device.type == 'cpu',
    )
    names = ', '.join(values)
    with (
        contextlib.closing(results),
        tqdm(
            desc=names if len(names) <= 40 else f'{len(values)} methods',
            total=len(files),
            unit='pair',
            disable=not progress,
        ) as bar,
    ):
        for batch, result in zip(batches, results, strict=True):
            for method, row in result.items():
                for metric, column in row.items():
                    for index, value in zip(batch, column, strict=True):
                        values[method][metric][index] = value
            bar.update(len(batch))
    paths = {
        'ir': str(ir),
        'vi': str(vi),
        'fused': {method: str(folder) for method, folder in fused.items()},
    }
    if files[0].preparation != Preparation():
        paths['preparation'] = files[0].preparation.to_note()
    images = tuple(item.image for item in files)
    return EvaluationResults(convention, metrics, tuple(values), images, values, paths)


def _check_device(device):
    device = usable_device(device)
    if device.type not in ('cpu', 'cuda'):
        raise ValueError(f'device must be cpu or a CUDA device, got {device}')
    return device


def _collect(found, ir, vi, metrics, convention, common, workers, progress):
    """The files to measure and the shapes of their images."""
    files, lonely, problems = found
    layouts, flaws = inspect_files(files, metrics, convention, workers, progress)
    problems = {**({} if common else lonely), **problems, **flaws}
    if not files and not lonely and not problems:
        raise PairError(f'cannot evaluate: no images in {ir} and {vi}')
    if problems or not files:
        hint = ''
        if lonely and files and not common:
            complete = counted(len(files), 'complete pair')
            hint = f'\nto measure only the {complete}: common=True'
        raise PairError(f'cannot evaluate:\n{format_problems(problems or lonely)}{hint}')
    if lonely and progress:
        tqdm.write(f'left out:\n{format_problems(lonely)}', file=sys.stderr)
    return files, layouts


def _make_batches(layouts, batch_size):
    """Indices of images that are alike in size and channels, batch_size at a time."""
    alike = defaultdict(list)
    for index, layout in enumerate(layouts):
        alike[layout].append(index)
    batches = [
        indices[start : start + batch_size]
        for indices in alike.values()
        for start in range(0, len(indices), batch_size)
    ]
    return sorted(batches)


def _measure_batches(batches, read, measure_batch, workers, on_cpu):
    """Values of each batch, measured by the workers or, on a GPU, here from what they read."""
    if on_cpu:
        task = functools.partial(_read_and_measure, read=read, measure_batch=measure_batch)
        yield from process_map(task, batches, workers)
    else:
        yield from map(measure_batch, process_map(read, batches, workers))


def _read_and_measure(batch, read, measure_batch):
    return measure_batch(read(batch))


def _read_batch(batch, convention):
    """Infrared, visible and each fused image of a batch, (B, 1 or 3, H, W) each."""
    images = zip(*(read_files(files, convention) for files in batch), strict=True)
    return [np.stack(arrays) for arrays in images]


@torch.no_grad()
def _measure_batch(images, methods, metrics, convention, trivial, device):
    """Method to metric to values, one an image."""
    ir, vi, *fused = (torch.from_numpy(array).to(device, torch.float64) for array in images)
    fused = dict(zip(methods, fused, strict=True))
    lumas = rgb_to_luma(ir), rgb_to_luma(vi)
    for name in trivial:
        fused[name] = BASELINES[name](*lumas).round()
    return {
        method: {
            metric: values.tolist()
            for metric, values in measure(image, ir, vi, metrics, convention).items()
        }
        for method, image in fused.items()
    }
