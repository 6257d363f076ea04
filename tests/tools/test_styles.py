"""Thermal colours by every door: images, videos, Python, the web page."""

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.demo.fusor_choice import DemoModels
from tsjnet_mm.demo.options import Options
from tsjnet_mm.demo.upload_fusion import fuse_upload
from tsjnet_mm.io.resume import read_note
from tsjnet_mm.utils.styles import Style

CELSIUS = ('--ir-celsius', '0', '40', '--ir-unit', 'centikelvin')
ISOTHERM = ('--style', 'isotherm', '--isotherm', '30.5', '--model', 'max')


@pytest.fixture
def folders(tmp_path):
    """Pairs with 20 degrees everywhere, and 31 in a square that grows from pair to pair."""
    for kind in ('ir', 'vi'):
        (tmp_path / kind).mkdir()
    for number in (1, 2, 3):
        counts = np.full((72, 96), 29315, np.uint16)
        counts[: 10 * number, : 10 * number] = 30415
        Image.fromarray(counts).save(tmp_path / 'ir' / f'{number}.png')
        colour = np.full((72, 96, 3), (90, 60, 60), np.uint8)
        Image.fromarray(colour).save(tmp_path / 'vi' / f'{number}.png')
    return tmp_path


def coloured(image):
    return np.ptp(np.asarray(image).astype(int), axis=2) > 40


@pytest.mark.parametrize('legend', [(), ('--legend',)])
def test_fuse(folders, run_main, legend):
    command = ('fuse.py', '--ir', folders / 'ir', '--vi', folders / 'vi', '--out')
    out = folders / 'out'
    status, text, err = run_main(*command, out, *CELSIUS, *ISOTHERM, *legend)
    assert status == 0, err
    for number in (1, 2, 3):
        hot = coloured(Image.open(out / f'{number}.png'))[:, :50]
        assert hot[: 10 * number, : 10 * number].all()
        assert hot.sum() == 100 * number**2
    note = read_note(out / '1.png')
    assert (note['style'], note['isotherm'], note['legend']) == ('isotherm', 30.5, bool(legend))
    assert 'already' in run_main(*command, out, *CELSIUS, *ISOTHERM, *legend)[1]
    _, text, _ = run_main(*command, out, *CELSIUS, '--style', 'msx')
    assert text.startswith('3 fused images') and 'already' not in text


def test_video(folders, run_main):
    from tsjnet_mm.video.video_files import FileFrames

    out = folders / 'fused.mkv'
    status, _, err = run_main(
        'fuse_video.py', '--ir', folders / 'ir', '--vi', folders / 'vi', '--out', out,
        *CELSIUS, *ISOTHERM, '--batch-size', '2',
    )  # fmt: skip
    assert status == 0, err
    frames = [coloured(ir) for ir, _ in FileFrames(out, out)]
    sides = [10, 20, 30]
    for frame, side in zip(frames, sides, strict=True):
        assert frame[2 : side - 2, 2 : side - 2].all()
        assert not frame[side + 4 :].any()


def test_inferencer_and_page_give_what_the_command_gives(folders, run_main):
    paths = folders / 'ir' / '2.png', folders / 'vi' / '2.png'
    status, _, err = run_main(
        'fuse.py', '--ir', paths[0], '--vi', paths[1], '--out', folders / 'o.png',
        '--ir-percentiles', '1', '99', '--style', 'overlay', '--palette', 'turbo', '--legend',
    )  # fmt: skip
    assert status == 0, err
    expected = np.asarray(Image.open(folders / 'o.png'))
    style = Style('overlay', 'turbo', legend=True)
    inferencer = FusionInferencer('max', show_progress=False, style=style)
    np.testing.assert_array_equal(inferencer(*paths, ir_percentiles=(1, 99))[0], expected)
    models = DemoModels(device='cpu')
    chosen = Options(ir_range='percentiles', style='overlay', palette='turbo', legend=True)
    fusion = fuse_upload(models, 'max', *paths, folders, chosen)
    np.testing.assert_array_equal(np.asarray(Image.open(fusion.fused)), expected)
    assert fusion.fused.name == '2_overlay.png' and not fusion.is_measurable
    plain = fuse_upload(models, 'max', *paths, folders, Options(ir_range='percentiles'))
    grey = FusionInferencer('max', show_progress=False)(*paths, ir_percentiles=(1, 99))[0]
    np.testing.assert_array_equal(np.asarray(Image.open(plain.fused)), grey)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('--style', 'msx', '--grey'), 'grey is for the style luma'),
        (('--style', 'overlay', '--stretch'), 'stretch'),
        (('--style', 'isotherm'), 'isotherm'),
        (('--legend',), 'legend'),
        (('--palette', 'hot'), '--palette is for'),
    ],
)
def test_options_that_do_not_go_together(folders, run_main, options, message):
    status, _, err = run_main(
        'fuse.py', '--ir', folders / 'ir', '--vi', folders / 'vi', '--out', folders / 'out',
        *options,
    )  # fmt: skip
    assert status == 2 and message in err.splitlines()[-1]
    assert not (folders / 'out').exists()
