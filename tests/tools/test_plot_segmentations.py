import numpy as np
import pytest
from PIL import Image

TOOL = 'analysis_tools/plot_segmentations.py'
STEMS = ('1N', '2D', '10N')


@pytest.fixture
def case(pair_folder):
    """Three pairs with a car; one method misses it in 2D and invents one in 10N."""
    base = pair_folder(stems=STEMS, size=(96, 128))
    truth = np.zeros((96, 128), np.uint8)
    truth[30:50, 20:60] = 1
    extra = truth.copy()
    extra[60:80, 80:120] = 2
    for folder, masks in (
        ('truth', (truth, truth, truth)),
        ('good', (truth, truth, truth)),
        ('bad', (truth, truth * 0, extra)),
    ):
        (base / folder).mkdir()
        for stem, mask in zip(STEMS, masks, strict=True):
            Image.fromarray(mask).save(base / folder / f'{stem}.png')
    return base


@pytest.fixture
def arguments(case):
    return [
        '--ir', case / 'ir', '--vi', case / 'vi', '--truth', case / 'truth', '--masks',
        f'good={case / "good"}', f'bad={case / "bad"}', '--images', f'good={case / "vi"}',
        '--classes', 'background', 'car', 'person',
    ]  # fmt: skip


def test_ious_and_scenes(arguments, run_main, tmp_path):
    png, pdf = tmp_path / 'figure.png', tmp_path / 'figure.pdf'
    status, out, err = run_main(TOOL, *arguments, '--count', 2, '--out', png, pdf)
    assert status == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ['method', 'background', 'car', 'person', 'mIoU']
    assert lines[1] == ['good', '100.00', '100.00', '-', '100.00']
    # Of 36864 pixels 2400 are car; 800 are missed and 800 invented.
    background, car = (34464 - 800) / (34464 + 800), 1600 / 2400
    mean = (background + car + 0) / 3
    expected = [f'{100 * value:.2f}' for value in (background, car, 0, mean)]
    assert lines[2] == ['bad', *expected]
    assert lines[3:5] == [['--scene', '2D'], ['--scene', '10N']]
    assert pdf.read_bytes().count(b'/Subtype /Image') == 2 * 5
    again = tmp_path / 'again.png'
    run_main(TOOL, *arguments, '--scene', '2D', '--scene', '10N', '--out', again)
    assert again.read_bytes() == png.read_bytes()


def figure_of(load_tool, monkeypatch, arguments):
    tool, seen = load_tool(TOOL), []
    monkeypatch.setattr(
        'tsjnet_mm.visualization.save_figure', lambda figure, path: seen.append(figure)
    )
    monkeypatch.setattr('sys.argv', ['x', *map(str, arguments), '--out', 'a.png'])
    tool.main()
    return seen[0]


def test_ovals(arguments, load_tool, monkeypatch):
    figure = figure_of(load_tool, monkeypatch, [*arguments, '--scene', '2D', '--scene', '10N'])
    # Infrared, visible, truth, good, bad of either scene.
    ovals = [list(axes.patches) for axes in figure.axes]
    assert [len(found) for found in ovals] == [0, 0, 0, 0, 1] * 2
    scale = figure.axes[0].get_xlim()[1] / 128
    (missing,), (incorrect,) = ovals[4], ovals[9]
    assert missing.get_center() == pytest.approx((40 * scale, 40 * scale))
    assert missing.get_edgecolor()[1] > 0.9 and missing.get_edgecolor()[0] < 0.3
    assert incorrect.get_center() == pytest.approx((100 * scale, 70 * scale))
    assert incorrect.get_edgecolor()[0] == 1
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ['car', 'person', 'missing', 'incorrect']


def test_small_regions_are_left_out_on_demand(arguments, load_tool, monkeypatch):
    figure = figure_of(
        load_tool, monkeypatch, [*arguments, '--scene', '2D', '--min-area', 1000]
    )
    assert not any(axes.patches for axes in figure.axes)


def test_plain_masks_and_palettes(arguments, load_tool, monkeypatch):
    def colour(*options):
        figure = figure_of(load_tool, monkeypatch, [*arguments, '--scene', '1N', *options])
        image = np.asarray(figure.axes[2].images[0].get_array())
        scale = image.shape[1] // 128
        return tuple(image[40 * scale, 40 * scale]), tuple(image[5, 5])

    assert colour('--plain') == ((84, 160, 255), (0, 0, 0))
    assert colour()[1] != (0, 0, 0)


def test_classes_of_a_dataset(arguments, load_tool, monkeypatch):
    def colour(*options):
        words = [*arguments[:-4], '--dataset', 'msrs', '--plain', '--scene', '1N', *options]
        figure = figure_of(load_tool, monkeypatch, words)
        image = np.asarray(figure.axes[2].images[0].get_array())
        return tuple(image[image.shape[0] * 40 // 96, image.shape[1] * 40 // 128])

    assert colour() == (64, 0, 128)
    assert colour('--palette', 'bright') == (84, 160, 255)


def test_masks_that_lack_are_named(arguments, case, run_main, tmp_path):
    (case / 'bad' / '2D.png').unlink()
    status, out, err = run_main(TOOL, *arguments, '--out', tmp_path / 'a.png')
    assert status == 0 and '--scene 2D' not in out
    assert (
        f'left out of the comparison, pairs without a mask of bad in {case / "bad"}: 1\n' in err
    )


def test_errors(arguments, case, run_main, tmp_path):
    out = ['--out', tmp_path / 'figure.png']

    def fail(message, *options):
        status, printed, err = run_main(TOOL, *arguments, *out, *options)
        assert status == 1 and 'error: ' in err and message in err, err
        assert not printed

    fail('no scene 3N with an image in every folder; such are 1N, 2D, 10N', '--scene', '3N')
    fail('each scene is shown once', '--scene', '1N', '--scene', '1N')
    fail('--count must be at least 1', '--count', 0)
    fail('images of methods with masks', '--images', f'x={case / "vi"}')
    fail('expected a name ending in', '--out', 'a.jpg')
    fail('nowhere', '--truth', 'nowhere')
    Image.fromarray(np.full((96, 128), 7, np.uint8)).save(case / 'bad' / '1N.png')
    fail(f'{case / "bad" / "1N.png"} and {case / "truth" / "1N.png"}: expected predicted')
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(case / 'bad' / '1N.png')
    fail('1N.png: expected two masks (H, W) of one size, got (9, 9) and (96, 128)')
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(case / 'bad' / '1N.png')
    fail('1N.png: mask not an index image')
    assert not (tmp_path / 'figure.png').exists()
