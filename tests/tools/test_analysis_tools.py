import math
import shlex
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.evaluation import EvaluationResults

TOOLS = [
    'plot_radar',
    'plot_box',
    'plot_grid',
    'plot_detections',
    'plot_segmentations',
    'compare_methods',
]


@pytest.fixture(scope='module')
def tools(load_tool):
    return {name: load_tool(f'analysis_tools/{name}.py') for name in TOOLS}


@pytest.fixture
def call(tools, monkeypatch, capsys):
    """Run a tool; returns its status and what it printed to either stream."""

    def run(name, *arguments):
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        try:
            tools[name].main()
            status = 0
        except SystemExit as error:
            status = error.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def results(tmp_path):
    """Results of three methods over ten images, one value of which is infinite."""
    rng = np.random.default_rng(0)
    values = {
        method: {
            'SSIM': (0.7 + shift + 0.05 * rng.random(10)).tolist(),
            'PSNR': (18 + shift + rng.random(10)).tolist(),
            'CV': (500 - 900 * shift + 20 * rng.random(10)).tolist(),
        }
        for method, shift in (('average', 0.0), ('max', -0.1), ('mine', 0.2))
    }
    values['max']['PSNR'][3] = math.inf
    images = tuple(f'{index:05d}N' for index in range(10))
    path = tmp_path / 'results.json'
    EvaluationResults('plain', ('SSIM', 'PSNR', 'CV'), tuple(values), images, values).save(path)
    return path


@pytest.fixture
def fused(pair_folder):
    """Pairs of 48 x 64 and two methods that differ in a spot, one grey and one coloured."""
    base = pair_folder(stems=('1N', '2D', '3D', '4N', '5N'), size=(48, 64))
    for visible in sorted((base / 'vi').iterdir()):
        image = np.asarray(Image.open(visible)).copy()
        for method, level in (('low', 0), ('high', 255)):
            folder = base / method
            folder.mkdir(exist_ok=True)
            image[30:34, 10:15] = level
            shown = image if method == 'high' else image @ np.array([0.299, 0.587, 0.114])
            Image.fromarray(np.uint8(shown)).save(folder / f'{visible.stem}_fused.png')
    return base


def sources(base):
    return ['--ir', base / 'ir', '--vi', base / 'vi']


def methods(base, *names):
    return ['--fused', *(f'{name}={base / name}' for name in names or ('low', 'high'))]


@pytest.mark.parametrize('name', TOOLS)
def test_help_teaches_with_examples_that_parse(name, tools, call, monkeypatch):
    status, out, _ = call(name, '--help')
    assert status == 0
    examples = tools[name].__doc__.split('Examples:')[1].split('\n\n')[0]
    assert examples in out
    commands = [shlex.split(line) for line in examples.replace('\\\n', ' ').splitlines()]
    commands = [words[1:] for words in commands if words and words[1].endswith(f'{name}.py')]
    assert len(commands) >= 2
    for words in commands:
        monkeypatch.setattr(sys, 'argv', words)
        tools[name].parse_args()


@pytest.mark.parametrize('name', ['plot_radar', 'plot_box'])
def test_figures_are_written_as_png_and_pdf(name, call, results, tmp_path):
    png, pdf = tmp_path / 'out' / 'figure.png', tmp_path / 'out' / 'figure.pdf'
    status, out, err = call(
        name, results, '--highlight', 'mine', '--title', 'Toy', '--out', png, pdf
    )
    assert status == 0 and not err
    assert str(png) in out and str(pdf) in out
    assert {path.name for path in png.parent.iterdir()} == {'figure.png', 'figure.pdf'}
    assert cv2.imread(str(png)).std() > 5
    assert pdf.read_bytes().startswith(b'%PDF')


def test_radar_says_what_the_means_leave_out(call, results, tmp_path):
    _, out, _ = call('plot_radar', results, '--out', tmp_path / 'radar.png')
    assert 'PSNR of max: 1 of 10 pairs not finite' in out
    _, out, _ = call(
        'plot_radar', results, '--methods', 'mine', 'average', '--out', tmp_path / 'radar.png'
    )
    assert 'finite' not in out


def test_selection_changes_the_figure(call, results, tmp_path):
    whole, part = tmp_path / 'whole.png', tmp_path / 'part.png'
    call('plot_box', results, '--out', whole)
    call('plot_box', results, '--metrics', 'cv', '--methods', 'mine', 'max', '--out', part)
    assert cv2.imread(str(part)).shape[1] < cv2.imread(str(whole)).shape[1]


@pytest.mark.parametrize('name', ['plot_radar', 'plot_box'])
def test_errors_of_the_charts(name, call, results, tmp_path):
    for arguments, message in (
        (['--out', tmp_path / 'a.jpg'], r'a.jpg: expected a name ending in .png or .pdf'),
        (['--methods', 'x', '--out', tmp_path / 'a.png'], 'no methods x; there are average'),
        (['--metrics', 'VIF', '--out', tmp_path / 'a.png'], 'no metrics VIF; there are SSIM'),
        (['--highlight', 'x', '--out', tmp_path / 'a.png'], "cannot highlight 'x'"),
    ):
        status, _, err = call(name, results, *arguments)
        assert status == 1 and err.startswith('error: ') and message in err
    status, _, err = call(name, tmp_path / 'no.csv', '--out', tmp_path / 'a.png')
    assert status == 1 and 'no.csv' in err
    assert {path.name for path in tmp_path.iterdir()} == {'results.json'}


def test_comparison_of_one_against_all(call, results, tmp_path):
    out_csv, out_md = tmp_path / 'a.csv', tmp_path / 'a.md'
    status, out, _ = call(
        'compare_methods', results, '--method', 'mine', '--out', out_csv, out_md
    )
    assert status == 0
    assert 'convention: plain, mine against others, 10 images' in out
    rows = [line.split() for line in out.splitlines() if line[:2] in ('SS', 'CV')]
    assert [row[:2] for row in rows] == [
        ['SSIM↑', 'average'], ['CV↓', 'average'], ['SSIM↑', 'max'], ['CV↓', 'max'],
    ]  # fmt: skip
    assert {row[-1] for row in rows} == {'better'}
    assert 'PSNR against max: 1 of 10 images left out' in out
    assert len(out_csv.read_text(encoding='utf-8').splitlines()) == 7
    assert out_md.read_text(encoding='utf-8').startswith('Convention: plain, mine against')


def test_comparison_of_two_in_one_metric(call, results):
    status, out, _ = call(
        'compare_methods', results, '--method', 'max', '--against', 'mine', '--metrics', 'SSIM'
    )
    assert status == 0
    assert [line.split()[-1] for line in out.splitlines() if line.startswith('SSIM')] == [
        'worse'
    ]
    assert 'CV' not in out and 'average' not in out


def test_seed_moves_the_interval_alone(call, results):
    def table(seed):
        _, out, _ = call('compare_methods', results, '--method', 'mine', '--seed', seed)
        return [line.split() for line in out.splitlines()[2:8]]

    assert table(0) == table(0)
    first, second = table(0), table(1)
    assert first != second
    for one, other in zip(first, second, strict=True):
        assert one[:5] == other[:5] and one[8:] == other[8:]


def test_errors_of_the_comparison(call, results, tmp_path):
    for arguments, message in (
        (['--method', 'x'], "unknown method 'x'; known: average, max, mine"),
        (['--method', 'mine', '--against', 'mine'], 'mine needs other methods'),
        (['--method', 'mine', '--out', tmp_path / 'a.txt'], 'a.txt: expected a name ending'),
    ):
        status, out, err = call('compare_methods', results, *arguments)
        assert status == 1 and message in err and not out


def test_grid_shows_where_methods_differ(call, fused, tmp_path):
    png, pdf = tmp_path / 'grid.png', tmp_path / 'grid.pdf'
    status, out, err = call(
        'plot_grid', *sources(fused), *methods(fused), '--count', 2, '--out', png, pdf
    )
    assert status == 0, err
    scenes = [line for line in out.splitlines() if line.startswith('--scene ')]
    assert [line.split()[1].split(':')[0] for line in scenes] == ['1N', '5N']
    for line in scenes:
        x, y, w, h = map(int, line.split(':')[1].split(','))
        assert x <= 12 < x + w and y <= 32 < y + h
    # What is printed gives the same figure.
    again = tmp_path / 'again.png'
    arguments = [word for line in scenes for word in line.split()]
    call('plot_grid', *sources(fused), *methods(fused), *arguments, '--out', again)
    assert again.read_bytes() == png.read_bytes()
    assert pdf.read_bytes().count(b'/Subtype /Image') == 2 * 4


def test_grid_takes_regions_for_all_scenes_or_one(call, fused, tmp_path):
    _, out, _ = call(
        'plot_grid', *sources(fused), *methods(fused), '--zoom', '30,5,8,6', '--zoom',
        '2,3,9,9', '--scene', '3D', '--scene', '2D:1,2,10,8', '--out', tmp_path / 'grid.png',
    )  # fmt: skip
    assert out.splitlines()[:2] == ['--scene 3D:30,5,8,6:2,3,9,9', '--scene 2D:1,2,10,8']


def test_single_method_is_compared_with_its_sources(call, fused, tmp_path):
    status, out, _ = call(
        'plot_grid', *sources(fused), *methods(fused, 'high'), '--scene', '1N', '--out',
        tmp_path / 'grid.png',
    )  # fmt: skip
    assert status == 0 and out.startswith('--scene 1N:')


def test_grey_images_take_the_visible_colour_on_demand(call, fused, tmp_path):
    def colourful(*options):
        path = tmp_path / 'grid.png'
        call(
            'plot_grid', *sources(fused), *methods(fused, 'low'), '--scene', '1N:0,0,8,8',
            *options, '--out', path,
        )  # fmt: skip
        sheet = cv2.imread(str(path)).astype(int)
        third = sheet[sheet.shape[0] // 2, sheet.shape[1] * 3 // 4 :]
        return np.ptp(third, axis=1).mean()

    assert colourful() < 2 and colourful('--recolour') > 20


def test_errors_of_the_grid(call, fused, tmp_path):
    out = ['--out', tmp_path / 'grid.png']
    (fused / 'high' / '2D_fused.png').unlink()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(fused / 'high' / '4N_fused.png')
    for arguments, message in (
        (['--scene', '2D'], 'no scene 2D with an image in every folder; such are 1N, 3D'),
        (['--scene', '2D'], f'without a fused image of high in {fused / "high"} (1):\n  2D'),
        (
            ['--scene', '4N'],
            f'4N_fused.png: different sizes: expected 64x48 as {fused / "ir" / "4N.png"}',
        ),
        (['--scene', '1N:60,0,9,9'], '1N: region x=60, y=0, w=9, h=9 is not inside'),
        (['--scene', '1N', '--scene', '1N'], 'each scene needs a name of its own'),
        (['--count', 0], '--count must be at least 1'),
        (['--width', 1], '4 columns in 1.0 inches'),
        (['--highlight', 'x'], "cannot highlight 'x'"),
    ):
        status, _, err = call(
            'plot_grid', *sources(fused), *methods(fused), '--scene', '3D', *arguments, *out
        )
        assert status == 1 and err.startswith('error: ') and message in err
    for arguments, message in (
        (['--zoom', '1,2,3'], 'expected a region x,y,w,h such as 40,200,90,70'),
        (['--scene', '1N:1,2,x,4'], 'expected a region'),
        (['--fused', 'folder'], "expected NAME=PATH, got 'folder'"),
    ):
        status, _, err = call('plot_grid', *sources(fused), *methods(fused), *arguments, *out)
        assert status == 2 and message in err
    status, _, err = call('plot_grid', *sources(fused), '--fused', 'a=nowhere', *out)
    assert status == 1 and 'nowhere' in err
    assert not (tmp_path / 'grid.png').exists()
