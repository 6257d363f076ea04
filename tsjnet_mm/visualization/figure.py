"""Base of all figures: style, colours of methods, and saving.

Figures are made without pyplot: no display, no global state, and the same bytes in every run.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib
import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from tsjnet_mm.io.outputs import check_outputs, mark_file
from tsjnet_mm.io.resume import NOTE, read_note
from tsjnet_mm.utils.files import check_ending, whole_file

#: Width of a column and of the whole text in two-column papers, inches.
COLUMN_WIDTH, TEXT_WIDTH = 3.45, 7.1

_FORMATS = ('.png', '.pdf')
_STYLE = {
    'font.family': 'DejaVu Sans',
    'font.size': 7,
    'figure.dpi': 300,
    'axes.linewidth': 0.6,
    'lines.dash_capstyle': 'butt',
    # Type 42: journals refuse matplotlib's default, Type 3.
    'pdf.fonttype': 42,
}

# Okabe and Ito's colours for every kind of colour vision, without the yellow, which is too
# faint for lines on white; their vermilion is kept for the method that is highlighted.
_HIGHLIGHT = '#D55E00'
_COLOURS = ('#0072B2', '#009E73', '#CC79A7', '#000000', '#E69F00', '#56B4E9')
_DASHES = ('-', (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (9, 1.5)))
_MARKERS = ('s', '^', 'D', 'v', 'P', 'X', '<')


class Look(NamedTuple):
    """How a method is drawn.

    Attributes:
        colour (str): As ``#RRGGBB``.
        dash (str | tuple): A line style of matplotlib.
        marker (str): A marker of matplotlib.
    """

    colour: str
    dash: str | tuple
    marker: str


def method_looks(methods: Collection[str], highlight: str | None = None) -> dict[str, Look]:
    """A look for each method: colour, line style and marker all differ between neighbours.

    Args:
        methods (Collection[str]): Their names, in the order they are shown.
        highlight (str, optional): One of them, which gets a colour of its own and a solid
            line; what the others get depends on their order alone.

    Returns:
        dict[str, Look]: 30 methods differ in colour or line style, and 210 in one of the
        three.

    Raises:
        ValueError: ``highlight`` is not among them.
    """
    if highlight is not None and highlight not in methods:
        raise ValueError(
            f'cannot highlight {highlight!r}: the methods are {", ".join(methods)}'
        )
    others = [method for method in methods if method != highlight]
    looks = {
        method: Look(
            _COLOURS[index % len(_COLOURS)],
            _DASHES[index % len(_DASHES)],
            _MARKERS[index % len(_MARKERS)],
        )
        for index, method in enumerate(others)
    }
    looks[highlight] = Look(_HIGHLIGHT, '-', 'o')
    return {method: looks[method] for method in methods}


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    """Style of figures; it replaces the settings of matplotlibrc.

    Yields:
        None: Figures made and saved within the block have it.
    """
    with matplotlib.style.context(['default', _STYLE]):
        yield


def figure_title(convention: str, title: str | None = None) -> str:
    """Title of a figure of metrics, with the convention.

    Args:
        convention (str): Of the values.
        title (str, optional): What they are of.

    Returns:
        str: Both.
    """
    return (
        f'convention: {convention}' if title is None else f'{title} (convention: {convention})'
    )


def measure_artists(figure: Figure, artists: Iterable[Artist]) -> Bbox:
    """The box around some artists.

    Args:
        figure (matplotlib.figure.Figure): What they are part of.
        artists (Iterable[matplotlib.artist.Artist]): At least one.

    Returns:
        matplotlib.transforms.Bbox: In inches from the figure's lower left corner.
    """
    box = Bbox.union([artist.get_window_extent() for artist in artists])
    return Bbox(box.get_points() / figure.dpi)


def check_figure_path(
    path: str | Path, overwrite: bool = False, read: Iterable[str | Path] = ()
) -> Path:
    """Refuse names that :func:`save_figure` cannot write, and files that are no figures of it.

    Args:
        path (str | Path): The file.
        overwrite (bool): Allow to overwrite any file that is not read. Defaults to False.
        read (Iterable[str | Path]): The files that the figure is made of.

    Returns:
        Path: The same.

    Raises:
        ValueError: It ends in neither ``.png`` nor ``.pdf``, is read, or is there already.
    """
    path = Path(path)
    # A fused image is made here too, and has more to tell.
    is_image = check_ending(path, _FORMATS) == '.png' and read_note(path) != {}
    check_outputs([path], read, overwrite)
    if is_image and path.exists() and not overwrite:
        raise ValueError(
            f'{path} is an image, and no figure: name another file, or --overwrite'
        )
    return path


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure; the same figure gives the same bytes.

    Args:
        figure (matplotlib.figure.Figure): What to write. A PNG has its resolution, and so
            have images inside a PDF.
        path (str | Path): PNG or PDF by its extension; appears only when it is complete.

    Raises:
        ValueError: ``path`` ends in neither ``.png`` nor ``.pdf``.
    """
    path = check_figure_path(path, overwrite=True)
    # What would differ from one run, or one version, to the next.
    if path.suffix.lower() == '.pdf':
        metadata = {'CreationDate': None}
    else:
        metadata = {'Software': None, NOTE: '{}'}
    with figure_style(), whole_file(path) as partial:
        figure.savefig(partial, dpi='figure', metadata=metadata)
        mark_file(partial)
