import functools
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import load_homography
from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.io.resume import read_note


@pytest.fixture
def call(run_main):
    """Run the tool on a drawn pair; returns its status and what it printed."""
    return functools.partial(run_main, 'register.py')


@pytest.fixture
def pair(tmp_path):
    scene = draw_scene(0, 1, (320, 240), night=False)
    Image.fromarray(scene.ir).save(tmp_path / 'ir.png')
    Image.fromarray(scene.vi).save(tmp_path / 'vi.png')
    return (
        '--ir',
        tmp_path / 'ir.png',
        '--vi',
        tmp_path / 'vi.png',
        '--out',
        tmp_path / 'H.json',
    )


POINTS = '0,0,5,7\n300,0,305,7\n300,200,305,207\n0,200,5,207\n'


def test_mapping_and_preview_are_written(call, pair, tmp_path):
    (tmp_path / 'p.csv').write_text(POINTS)
    Image.open(tmp_path / 'ir.png').crop((5, 7, 320, 240)).save(tmp_path / 'ir.png')
    preview = tmp_path / 'H.png'
    status, out, err = call(*pair, '--points', tmp_path / 'p.csv', '--preview', preview)
    assert status == 0 and '0.00 visible pixels off' in out, err
    expected = [[1, 0, 5], [0, 1, 7], [0, 0, 1]]
    np.testing.assert_allclose(load_homography(tmp_path / 'H.json'), expected, atol=1e-4)
    board = np.array(Image.open(preview))
    assert board.shape == (240, 320, 3)
    # The infrared view begins at row 7: its first tile shows the visible image above.
    luma = cv2.cvtColor(np.array(Image.open(tmp_path / 'vi.png')), cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(luma, (1, 99))
    shown = ((luma - low) / (high - low)).clip(0, 1) * 255
    np.testing.assert_allclose(board[:7, :40].mean(2), shown[:7, :40], atol=2)
    assert abs(board[15:40, 5:40].mean(2) - shown[15:40, 5:40]).mean() > 5


def test_refusals_are_messages_and_write_nothing(call, pair, tmp_path):
    (tmp_path / 'p.csv').write_text('0,0,1,1\n')
    status, _, err = call(*pair, '--points', tmp_path / 'p.csv')
    assert (
        status == 1 and err == f'error: {tmp_path}/p.csv: expected at least 4 points, found 1\n'
    )
    status, _, err = call(*pair, '--points', tmp_path / 'none.csv')
    assert status == 1 and 'none.csv' in err
    assert not (tmp_path / 'H.json').exists()


@pytest.fixture
def folders(tmp_path):
    for folder in ('ir', 'vi'):
        (tmp_path / folder).mkdir()
    for i in range(2):
        scene = draw_scene(0, i, (320, 240), night=False)
        Image.fromarray(scene.ir).save(tmp_path / 'ir' / f'{i}.png')
        Image.fromarray(scene.vi).save(tmp_path / 'vi' / f'{i}.png')
    return '--ir', tmp_path / 'ir', '--vi', tmp_path / 'vi', '--out', tmp_path / 'H.json'


def check_identity(path):
    stored = json.loads(path.read_text())
    assert set(stored) == {'homography', 'ir_size', 'vi_size', 'error', 'pairs'}
    assert stored['ir_size'] == [320, 240]
    corners = cv2.perspectiveTransform(
        np.float64([[[0, 0]], [[319, 239]]]), np.array(stored['homography'])
    )
    np.testing.assert_allclose(corners[:, 0], [[0, 0], [319, 239]], atol=2)
    return stored['pairs']


@pytest.mark.slow
def test_folders_need_no_points(call, folders, tmp_path):
    status, out, err = call(*folders, '--preview', tmp_path / 'H.png')
    assert status == 0 and 'from 2 pairs: ' in out and 'parts agree' in out, err
    assert 'aligning' in err
    assert check_identity(tmp_path / 'H.json') == ['0', '1']
    width, height = Image.open(tmp_path / 'H.png').size
    assert width > 640 and height > 240


def test_one_pair_is_enough(call, pair, tmp_path):
    status, out, err = call(*pair)
    assert status == 0 and 'from 1 pair: ' in out, err
    assert check_identity(tmp_path / 'H.json') == ['vi']


@pytest.mark.slow
def test_videos_are_sampled(call, pair, tmp_path):
    for kind in ('ir', 'vi'):
        image = cv2.imread(str(tmp_path / f'{kind}.png'))
        codec = cv2.VideoWriter_fourcc(*'FFV1')
        video = cv2.VideoWriter(str(tmp_path / f'{kind}.mkv'), codec, 25, (320, 240))
        for _ in range(5):
            video.write(image)
        video.release()
    videos = '--ir', tmp_path / 'ir.mkv', '--vi', tmp_path / 'vi.mkv'
    status, _, err = call(*videos, '--out', tmp_path / 'H.json', '--max-pairs', 2)
    assert status == 0, err
    assert check_identity(tmp_path / 'H.json') == ['frame 0']


def test_refusals_of_folders(call, folders, tmp_path):
    status, _, err = call(*folders, '--max-pairs', 0)
    assert status == 2 and '--max-pairs' in err
    Image.new('L', (64, 48)).save(tmp_path / 'ir' / '1.png')
    status, _, err = call(*folders)
    assert status == 1 and 'ir/1.png: different sizes' in err
    for folder in ('ir', 'vi'):
        Image.new('L', (320, 240), 90).save(tmp_path / folder / '0.png')
        (tmp_path / folder / '1.png').unlink()
    status, _, err = call(*folders)
    assert status == 1 and err.splitlines()[-1].startswith('error: no mapping found in 1 pair:')
    assert not (tmp_path / 'H.json').exists()


def test_fuse_registers_first(run_main, pair, tmp_path):
    image = cv2.imread(str(tmp_path / 'ir.png'))
    shift = np.float64([[1, 0, 14], [0, 1, -9]])
    cv2.imwrite(str(tmp_path / 'moved.png'), cv2.warpAffine(image, shift, (320, 240)))
    paths = '--ir', tmp_path / 'moved.png', '--vi', tmp_path / 'vi.png'
    options = '--out', tmp_path / 'f.png', '--model', 'average', '--register', 'auto'
    status, out, err = run_main('fuse.py', *paths, *options)
    assert status == 0 and 'registered: affine from 1 pair: ' in out, err
    note = read_note(tmp_path / 'f.png')
    moved = np.array(note['homography']) @ (14, -9, 1)
    np.testing.assert_allclose(moved[:2] / moved[2], [0, 0], atol=2)
    status, _, err = run_main('fuse.py', *paths, *options, '--resize')
    assert status == 2 and '--register stands alone' in err
    Image.new('L', (320, 240), 90).save(tmp_path / 'moved.png')
    status, _, err = run_main('fuse.py', *paths, *options[:1], tmp_path / 'g.png', *options[2:])
    assert status == 1 and 'error: no mapping found in 1 pair: ' in err
    assert not (tmp_path / 'g.png').exists()
