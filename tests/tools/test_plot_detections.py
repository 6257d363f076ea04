import json
import shutil

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import Ellipse
from PIL import Image

from tsjnet_mm.visualization import MISSING_COLOUR, WRONG_COLOUR

TOOL = 'analysis_tools/plot_detections.py'


@pytest.fixture
def case(pair_folder):
    """Three pairs with a car each; one method is right in two, the other in none."""
    base = pair_folder(stems=('1N', '2D', '10N'), size=(96, 128))
    names = ['1N', '2D', '10N']
    (base / 'truth.json').write_text(
        json.dumps(
            {
                'images': [
                    {'id': index, 'file_name': f'{name}.png'}
                    for index, name in enumerate(names)
                ],
                'categories': [{'id': 0, 'name': 'person'}, {'id': 1, 'name': 'car'}],
                'annotations': [
                    {'image_id': index, 'category_id': 1, 'bbox': [20, 30, 40, 20]}
                    for index in range(3)
                ],
            }
        )
    )

    def write(name, *entries):
        keys = ('image_id', 'category_id', 'score', 'bbox')
        content = [dict(zip(keys, entry, strict=True)) for entry in entries]
        (base / f'{name}.json').write_text(json.dumps(content))

    right = [20, 30, 40, 20]
    write('good', (0, 1, 0.9, right), (1, 1, 0.8, right), (2, 0, 0.7, [90, 10, 20, 20]))
    write('bad', (0, 0, 0.9, right), (1, 1, 0.2, right))
    shutil.copytree(base / 'vi', base / 'good')
    return base


@pytest.fixture
def plot(case, run_main):
    def run(*arguments, images=True):
        options = ['--images', f'good={case / "good"}'] if images else []
        return run_main(
            TOOL, '--ir', case / 'ir', '--vi', case / 'vi', '--annotations',
            case / 'truth.json', '--results', f'good={case / "good.json"}',
            f'bad={case / "bad.json"}', *options, *arguments,
        )  # fmt: skip

    return run


def test_counts_and_scenes(plot, tmp_path):
    png, pdf = tmp_path / 'out' / 'figure.png', tmp_path / 'figure.pdf'
    status, out, err = plot('--count', 2, '--highlight', 'good', '--out', png, pdf)
    assert status == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert lines[:3] == [
        ['method', 'objects', 'correct', 'missed', 'wrong'],
        ['good', '3', '2', '1', '1'],
        ['bad', '3', '0', '3', '1'],
    ]
    # Errors of the two: 0 and 2, 0 and 1, 2 and 1.
    assert lines[3:5] == [['--scene', '1N'], ['--scene', '2D']]
    assert pdf.read_bytes().count(b'/Subtype /Image') == 2 * 5
    again = tmp_path / 'again.png'
    plot('--scene', '1N', '--scene', '2D', '--highlight', 'good', '--out', again)
    assert again.read_bytes() == png.read_bytes()


def test_thresholds(plot, tmp_path):
    _, out, _ = plot('--score-thr', 0.1, '--out', tmp_path / 'a.png')
    assert ['bad', '3', '1', '2', '1'] in [line.split() for line in out.splitlines()]


def test_errors_are_marked_in_their_colours(plot, tmp_path, load_tool, monkeypatch):
    tool, seen = load_tool(TOOL), {}
    monkeypatch.setattr(
        'tsjnet_mm.visualization.save_figure', lambda figure, path: seen.update(figure=figure)
    )
    monkeypatch.setattr(
        'sys.argv',
        ['x', *case_arguments(tmp_path), '--scene', '1N', '--out', str(tmp_path / 'a.png')],
    )
    tool.main()
    ovals = [
        [patch for patch in axes.patches if isinstance(patch, Ellipse)]
        for axes in seen['figure'].axes
    ]
    # Infrared, visible, truth, good, bad: the last took the car for a person.
    assert [len(found) for found in ovals] == [0, 0, 0, 0, 2]
    colours = [patch.get_edgecolor() for patch in ovals[4]]
    assert colours == [to_rgba(MISSING_COLOUR), to_rgba(WRONG_COLOUR)]
    assert [text.get_text() for text in seen['figure'].axes[3].texts] == ['0.90']


def case_arguments(base):
    return [
        '--ir', str(base / 'ir'), '--vi', str(base / 'vi'), '--annotations',
        str(base / 'truth.json'), '--results', f'good={base / "good.json"}',
        f'bad={base / "bad.json"}',
    ]  # fmt: skip


def test_visible_images_where_a_method_has_none(plot, tmp_path):
    with_images, without = tmp_path / 'a.png', tmp_path / 'b.png'
    plot('--scene', '1N', '--out', with_images)
    plot('--scene', '1N', '--out', without, images=False)
    assert with_images.read_bytes() == without.read_bytes()


def test_errors(plot, case, tmp_path):
    out = ['--out', tmp_path / 'figure.png']
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(case / 'good' / '2D.png')
    for arguments, message in (
        (['--scene', '3N'], 'no scene 3N with an image in every folder; such are 1N, 2D, 10N'),
        (
            ['--scene', '2D'],
            f'2D.png: different sizes: expected 128x96 as {case / "ir" / "2D.png"}',
        ),
        (['--scene', '1N', '--scene', '1N'], 'each scene is shown once'),
        (['--count', 0], '--count must be at least 1'),
        (['--images', f'x={case / "good"}'], 'images, but no results of x'),
        (['--annotations', case / 'none.json'], 'none.json'),
        (['--annotations', case / 'good.json'], 'good.json: expected a COCO json'),
        (['--out', 'figure.jpg'], 'figure.jpg: expected a name ending in'),
    ):
        status, printed, err = plot(*out, *arguments)
        assert status == 1 and err.startswith('error: ') and message in err, err
        assert not printed
    status, _, err = plot(*out, '--results', 'x')
    assert status == 2 and "expected NAME=PATH, got 'x'" in err
    assert not (tmp_path / 'figure.png').exists()


def test_boxes_beyond_the_image(plot, case, tmp_path):
    truth = json.loads((case / 'truth.json').read_text())
    truth['annotations'][0]['bbox'] = [20, 30, 400, 20]
    (case / 'truth.json').write_text(json.dumps(truth))
    status, _, err = plot('--scene', '1N', '--out', tmp_path / 'a.png')
    assert status == 1 and '1N.png: size: expected an image that holds the box' in err
