"""What the notes in fused files say of how their sources were prepared and shown."""

from collections.abc import Iterable

from tsjnet_mm.io.lens import Lens
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.resume import read_note
from tsjnet_mm.io.warping import Homography

#: Options of the preparation of which one says what becomes black and white.
RANGES = ('ir_range', 'ir_percentiles', 'ir_celsius')


def agree_on_preparation(
    paths: Iterable[str], given: Preparation | None = None
) -> tuple[Preparation, list[str]]:
    """Preparation of pairs, from the options and the notes in the fused files.

    Args:
        paths (Iterable[str]): The fused files.
        given (Preparation, optional): What is known of it; what it leaves out is taken from
            the files.

    Returns:
        tuple[Preparation, list[str]]: The one of all pairs, and a line for each file that
        tells of another one. Files that tell nothing agree with any.
    """
    given = given or Preparation()
    told = {kind: ('the options', part) for kind, part in _parts(given).items() if part}
    resize, differing = given.resize, []
    for path in paths:
        noted = _noted_preparation(path)
        if noted is None:
            continue
        resize = resize or noted.resize
        for kind, part in _parts(noted).items():
            source, expected = told.setdefault(kind, (path, part))
            if _value(part) != _value(expected):
                line = f'{path}: expected {_words(expected)} as {source}, found {_words(part)}'
                differing.append(line)
    agreed = {kind: part for kind, (_, part) in told.items()}
    limits = agreed.pop('range', None)
    limits = dict([limits]) if limits else {}
    return Preparation(resize=resize, **limits, **agreed), differing


def _parts(preparation):
    """Range with the name of its option, and the other attributes; None where not given."""
    given = [(name, getattr(preparation, name)) for name in RANGES]
    limits = next((option for option in given if option[1] is not None), None)
    names = ('ir_unit', 'homography', 'ir_calibration', 'vi_calibration')
    return {'range': limits, **{name: getattr(preparation, name) for name in names}}


def _value(part):
    """What two parts are compared by: a note lacks the sizes and the file of a homography."""
    if isinstance(part, Homography):
        return part.matrix
    if isinstance(part, Lens):
        return part.camera_matrix, part.distortion_coefficients
    return part


def _words(part):
    if part is None:
        return 'none'
    if isinstance(part, str):
        return f'the unit {part}'
    if isinstance(part, Homography):
        return f'the homography {part.tolist()}'
    if isinstance(part, Lens):
        return f'the calibration {part.camera_matrix}, {part.distortion_coefficients}'
    return f'{part[0]} {part[1][0]:g} {part[1][1]:g}'


def find_styled(paths: Iterable[str]) -> list[str]:
    """Fused files that are pictures in thermal colours, by their notes.

    Args:
        paths (Iterable[str]): The fused files.

    Returns:
        list[str]: A line for each whose style is not ``'luma'``.
    """
    lines = []
    for path in paths:
        style = (read_note(path) or {}).get('style', 'luma')
        if style != 'luma':
            lines.append(f'{path}: expected the style luma, found {style}')
    return lines


def _noted_preparation(path):
    note = read_note(path)
    if note is None or 'fusor' not in note:
        return None
    try:
        return Preparation.from_note(note)
    except (ValueError, TypeError):
        return None
