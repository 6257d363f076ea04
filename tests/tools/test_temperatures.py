"""Temperatures and hues by the command line."""

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets.transforms import LoadImagePair, LoadPair


@pytest.fixture
def kelvins(tmp_path):
    """Pairs whose infrared images have 16 bits of 0.01 K, and a red square that is hot."""
    rng = np.random.default_rng(0)
    for kind in ('ir', 'vi'):
        (tmp_path / kind).mkdir()
    for name in ('a', 'b', 'c'):
        counts = rng.integers(26000, 32000, (48, 64)).astype(np.uint16)
        colour = rng.integers(60, 120, (48, 64, 3), dtype=np.uint8)
        counts[10:30, 10:30], colour[10:30, 10:30] = 31815, (200, 20, 20)
        Image.fromarray(counts).save(tmp_path / 'ir' / f'{name}.png')
        Image.fromarray(colour).save(tmp_path / 'vi' / f'{name}.png')
    return tmp_path


def test_fuse(kelvins, run_main):
    sources = ('--ir', kelvins / 'ir', '--vi', kelvins / 'vi', '--model', 'max')
    celsius = ('--ir-celsius', '-10', '45', '--ir-unit', 'centikelvin')
    for folder, options in (
        ('celsius', celsius),
        ('range', ('--ir-range', '26315', '31815')),
        ('hue', (*celsius, '--keep-hue')),
    ):
        status, _, err = run_main('fuse.py', *sources, '--out', kelvins / folder, *options)
        assert status == 0, err
    for name in ('a', 'b', 'c'):
        one, other, hue = (
            np.asarray(Image.open(kelvins / folder / f'{name}.png')).astype(int)
            for folder in ('celsius', 'range', 'hue')
        )
        np.testing.assert_allclose(one, other, atol=1)
        red, green, blue = hue[20, 20]
        assert red >= 250 and max(green, blue) < 130
        assert one[20, 20].min() > 180  # Clipped: nearly white.


def test_other_tools_have_the_same_options(kelvins, run_main):
    sources = ('--ir', kelvins / 'ir', '--vi', kelvins / 'vi', '--workers', '1')
    command = ('evaluate.py', '--fused', kelvins / 'vi', *sources, '--metrics', 'MSE')
    celsius = ('--ir-celsius', '-10', '45', '--ir-unit', 'centikelvin')
    status, out, err = run_main(*command, *celsius)
    _, expected, _ = run_main(*command, '--ir-range', '26315', '31815')
    assert status == 0, err
    assert out == expected and 'MSE' in out


def test_without_a_unit_the_option_is_named(kelvins, run_main):
    status, _, err = run_main(
        'fuse.py', '--ir', kelvins / 'ir', '--vi', kelvins / 'vi', '--out', kelvins / 'out',
        '--ir-celsius', '-10', '45', '--model', 'max',
    )  # fmt: skip
    assert status == 1
    assert 'a.png' in err and '--ir-unit: celsius, kelvin, decikelvin, centikelvin' in err
    assert not (kelvins / 'out' / 'a.png').exists()


def test_transforms(kelvins):
    paths = {f'{kind}_path': str(kelvins / kind / 'a.png') for kind in ('ir', 'vi')}
    by_celsius = LoadPair(ir_celsius=(-10, 45), ir_unit='centikelvin')(dict(paths))['ir']
    by_range = LoadPair(ir_range=(26315, 31815))(dict(paths))['ir']
    np.testing.assert_allclose(by_celsius, by_range, atol=1e-6)
    assert by_celsius[20, 20] == pytest.approx(1, abs=1e-6)
    image = LoadImagePair(ir_celsius=(-10, 45), ir_unit='centikelvin')(dict(paths))['img']
    np.testing.assert_array_equal(image[..., 3], np.rint(by_celsius * 255))
