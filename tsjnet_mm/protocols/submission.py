"""What a method's images must be to be compared in a table of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from tsjnet_mm.evaluation.image_files import match_fused
from tsjnet_mm.evaluation.image_folders import BASELINES
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import image_size, read_image
from tsjnet_mm.io.matching import PairSource
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.resume import read_note
from tsjnet_mm.utils import rgb_to_luma
from tsjnet_mm.utils.words import counted, name_some

#: Fewer images than this do not show whether all were stretched.
_STRETCHED_FROM = 3
#: Share of images from black to white from which they count as stretched. Of methods that
#: clip, up to 0.63 are so in grey and 0.95 in colour on MSRS, and 0.14 and 0.6 on RoadScene.
_STRETCHED = 0.99
#: Grey levels by which the luma of a stretched image in colour may miss black and white.
_COLOUR_MARGIN = 6


class _Image(NamedTuple):
    """What is looked at in an image: a problem of each kind, and its luma."""

    stem: str
    unreadable: str = ''
    bits: str = ''
    size: str = ''
    note: str = ''
    spans: bool = False


def check_submission(name: str, folder: str | Path, pairs: Sequence[PairSource]) -> list[str]:
    """Whether the images of a method fit into a table.

    Args:
        name (str): Of the method, see :func:`check_row_name`.
        folder (str | Path): Of its images, one for each pair, and no others.
        pairs (Sequence[PairSource]): The pairs.

    Returns:
        list[str]: A sentence for each thing that does not fit; empty where all does. They
        are: missing and superfluous images, other names, several images for a pair, files
        that cannot be read, other sizes, more than 8 bits, sources prepared otherwise, and a
        contrast that was stretched to black and white in every image.

    Raises:
        FileNotFoundError: There is no such folder.
        NotADirectoryError: It is no folder.
    """
    names = {f'{pair.name}.': pair for pair in pairs}
    listed, match = match_fused([*names], name, folder)
    if not listed.names:
        return [f'{name}: expected {counted(len(pairs), "image")} in {folder}, found none']
    if not match.partners and not match.ambiguous:
        return [
            f'{name}: expected images in {folder} with the names of the pairs, such as '
            f'{pairs[0].name}.png, found {name_some(sorted(listed.names), 3)}: rename them'
        ]
    sentences = []
    if match.first_only:
        stems = [names[key].name for key in match.first_only]
        sentences.append(
            f'{name}: expected an image of each of {counted(len(pairs), "pair")} in {folder}, '
            f'{len(stems)} missing: {name_some(stems)}'
        )
    if match.second_only:
        sentences.append(
            f'{name}: expected images of the listed pairs alone in {folder}, found '
            f'{len(match.second_only)} of no such pair: {name_some(match.second_only)}; '
            'leave them out'
        )
    for _, several in match.ambiguous[:1]:
        sentences.append(
            f'{name}: expected one image of each pair in {folder}, found '
            f'{name_some(several)} that fit the same'
        )
    looked = [_look(names[key], listed.path(file)) for key, file in match.partners.items()]
    return sentences + _describe(name, folder, looked)


class SubmissionError(ValueError):
    """Images that do not fit into a table."""


def refuse_misfits(
    images: Mapping[str, str | Path],
    pairs: Sequence[PairSource],
    taken: Iterable[str] = (),
) -> None:
    """Check the names and images of methods.

    Args:
        images (Mapping[str, str | Path]): Method to folder.
        pairs (Sequence[PairSource]): The pairs.
        taken (Iterable[str]): Names of other rows.

    Raises:
        SubmissionError: Images do not fit; a line for each reason.
        ValueError: See :func:`check_row_name`.
        FileNotFoundError, NotADirectoryError: See :func:`check_submission`.
    """
    for name in images:
        check_row_name(name, taken)
    found = [line for row in images.items() for line in check_submission(*row, pairs)]
    if found:
        raise SubmissionError('\n  '.join(['images do not fit:', *found]))


def check_row_name(name: str, taken: Iterable[str]) -> None:
    """Refuse a name that no row can have.

    Args:
        name (str): Of a method that is added.
        taken (Iterable[str]): Rows that are always there.

    Raises:
        ValueError: It is taken, or no name of a folder.
    """
    if name in {*taken, *BASELINES, 'visible', 'infrared'}:
        raise ValueError(f'{name!r} is the name of a trivial method: name the method otherwise')
    if name != Path(name).name or name.startswith('.'):
        raise ValueError(f'{name!r}: expected a name without / and without a leading full stop')


def _look(pair, path):
    try:
        pixels = read_image(path)
    except PairError as error:
        return _Image(pair.name, unreadable=str(error))
    bits, size, note = '', '', ''
    if pixels.dtype != np.uint8:
        kind = 'floats' if pixels.dtype.kind == 'f' else f'{8 * pixels.dtype.itemsize} bits'
        bits = f'{pair.name} has {kind}'
    height, width = image_size(pair.vi)
    if pixels.shape[:2] != (height, width):
        found = f'{pixels.shape[1]}x{pixels.shape[0]}'
        size = f'{pair.name} is {found}, not {width}x{height}'
    told = read_note(path)
    if told is not None and 'fusor' in told:
        if Preparation.from_note(told) != Preparation():
            note = f'{pair.name} was fused from infrared images of another range or viewpoint'
        elif told.get('stretch'):
            note = f'{pair.name} was stretched when it was saved'
    return _Image(pair.name, '', bits, size, note, _spans(pixels))


def _spans(pixels):
    """Whether the luma reaches from black to white, as after a min-max stretch."""
    if pixels.dtype != np.uint8:
        return False
    if pixels.ndim == 2 or (pixels == pixels[..., :1]).all():
        return bool(pixels.min() == 0 and pixels.max() == 255)
    rgb = torch.from_numpy(np.moveaxis(pixels[..., :3], -1, 0).astype(np.float64))
    luma = rgb_to_luma(rgb)
    # Colour that does not fit into 8 bits has moved the luma's ends.
    return bool(luma.min() <= _COLOUR_MARGIN and luma.max() >= 255 - _COLOUR_MARGIN)


def _describe(name, folder, looked):
    kinds = {
        'unreadable': 'images that can be read',
        'size': 'images of the size of their pair',
        'bits': 'images of 8 bits (levels 0 to 255, rounded)',
        'note': 'sources and results as they are stored',
    }
    sentences = []
    for kind, expected in kinds.items():
        found = [getattr(image, kind) for image in looked if getattr(image, kind)]
        if found:
            more = f' (and {len(found) - 1} more)' if len(found) > 1 else ''
            sentences.append(
                f'{name}: expected {expected} in {folder}, found: {found[0]}{more}'
            )
    spans = sum(image.spans for image in looked)
    if len(looked) >= _STRETCHED_FROM and spans >= _STRETCHED * len(looked):
        sentences.append(
            f'{name}: expected the levels that the method computes, clipped to 0 to 255, found '
            f'{spans} of {len(looked)} images in {folder} from black to white, as a min-max '
            'stretch of each makes them: save them without it'
        )
    return sentences
