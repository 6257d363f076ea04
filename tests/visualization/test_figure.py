import itertools
import time

import cv2
import matplotlib
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from tsjnet_mm.visualization import save_figure
from tsjnet_mm.visualization.figure import figure_style, figure_title, method_looks


def plotted(dpi=100):
    with figure_style():
        figure = Figure(figsize=(2, 1), dpi=dpi)
        figure.add_subplot().plot([1, 3, 2], label='µ → ↑')
        figure.text(0.5, 0.5, 'text ↑')
    return figure


@pytest.mark.parametrize('extension', ['png', 'pdf', 'PNG'])
def test_same_figure_gives_same_bytes_at_any_time(extension, tmp_path, monkeypatch):
    first, second = (tmp_path / 'deep' / f'{name}.{extension}' for name in 'ab')
    save_figure(plotted(), first)
    now = time.time()
    monkeypatch.setattr('time.time', lambda: now + 5000)
    save_figure(plotted(), second)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(first.parent.iterdir()) == [first, second]


def test_png_has_the_resolution_of_the_figure(tmp_path):
    save_figure(plotted(dpi=150), tmp_path / 'a.png')
    assert cv2.imread(str(tmp_path / 'a.png')).shape == (150, 300, 3)


def test_pdf_has_fonts_that_journals_take(tmp_path):
    save_figure(plotted(), tmp_path / 'a.pdf')
    data = (tmp_path / 'a.pdf').read_bytes()
    assert data.startswith(b'%PDF') and b'CreationDate' not in data
    assert b'/CIDFontType2' in data and b'/Type3' not in data


def test_the_users_settings_neither_matter_nor_change(tmp_path):
    save_figure(plotted(), tmp_path / 'a.png')
    with matplotlib.rc_context({'font.size': 30, 'axes.facecolor': 'red', 'savefig.dpi': 17}):
        save_figure(plotted(), tmp_path / 'b.png')
        assert matplotlib.rcParams['font.size'] == 30
    assert (tmp_path / 'a.png').read_bytes() == (tmp_path / 'b.png').read_bytes()


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r'a\.jpg: expected a name ending in \.png or \.pdf'):
        save_figure(plotted(), tmp_path / 'a.jpg')
    assert not list(tmp_path.iterdir())


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'a.png'
    save_figure(plotted(), path)
    before = path.read_bytes()

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr('os.replace', fail)
    with pytest.raises(OSError, match='disk full'):
        save_figure(plotted(dpi=50), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_looks_of_many_methods_differ():
    looks = list(method_looks([f'm{index}' for index in range(210)]).values())
    assert len({(look.colour, look.dash) for look in looks[:30]}) == 30
    assert len(set(looks)) == 210
    for one, other in itertools.pairwise(looks):
        assert not {one.colour, one.dash, one.marker} & {other.colour, other.dash, other.marker}


def test_colours_differ_in_lightness_or_hue_on_white():
    for look in method_looks('abcdefg', 'g').values():
        luma = sum(
            w * c for w, c in zip((0.299, 0.587, 0.114), to_rgb(look.colour), strict=True)
        )
        assert luma < 0.72


def test_highlight_has_a_colour_of_its_own_and_leaves_the_others():
    plain = method_looks(['a', 'b'])
    looks = method_looks(['a', 'mine', 'b'], 'mine')
    assert list(looks) == ['a', 'mine', 'b']
    assert looks['mine'].dash == '-'
    assert {name: looks[name] for name in 'ab'} == plain
    many = method_looks([f'm{index}' for index in range(40)])
    assert looks['mine'].colour not in {look.colour for look in many.values()}
    with pytest.raises(ValueError, match="cannot highlight 'c': the methods are a, b"):
        method_looks(['a', 'b'], 'c')


def test_title_never_goes_without_the_convention():
    assert figure_title('tang') == 'convention: tang'
    assert figure_title('tang', 'MSRS') == 'MSRS (convention: tang)'
