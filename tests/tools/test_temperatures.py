"""Temperatures and hues by the command line."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
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


def test_temperatures_beside_the_fused_images(kelvins, run_main):
    exif = Image.Exif()
    exif[0x8825] = {1: 'N', 6: 35.0}
    path = kelvins / 'vi' / 'b.png'
    Image.open(path).save(path, exif=exif)
    out, folder = kelvins / 'out', kelvins / 'degrees'
    command = (
        'fuse.py', '--ir', kelvins / 'ir', '--vi', kelvins / 'vi', '--out', out,
        '--model', 'max', '--ir-unit', 'centikelvin', '--ir-percentiles', '1', '99',
        '--temperatures', folder,
    )  # fmt: skip
    status, _, err = run_main(*command)
    assert status == 0, err
    for name in ('a', 'b', 'c'):
        counts = np.asarray(Image.open(kelvins / 'ir' / f'{name}.png'))
        celsius = tifffile.imread(folder / f'{name}.tif')
        assert celsius.dtype == np.float32
        np.testing.assert_allclose(celsius, counts / 100 - 273.15, atol=1e-3)
        for file in (out / f'{name}.png', folder / f'{name}.tif'):
            place = dict(Image.open(file).getexif().get_ifd(0x8825))
            assert place == ({1: 'N', 6: 35.0} if name == 'b' else {})
    assert '3 were there already' in run_main(*command)[1]
    (folder / 'c.tif').unlink()
    assert '1 fused image ' in run_main(*command)[1] and (folder / 'c.tif').exists()
    (folder / 'c.tif').write_bytes(b'x' * 99)
    status, _, err = run_main(*command)
    assert status == 1 and 'c.tif is there already and was not made here' in err


def test_temperatures_are_warped(kelvins):
    moved = [[1, 0, 5], [0, 1, 0], [0, 0, 1]]
    paths = kelvins / 'ir' / 'a.png', kelvins / 'vi' / 'a.png'
    fuse = FusionInferencer('max', show_progress=False)
    options = {'ir_celsius': (-10, 45), 'ir_unit': 'centikelvin', 'homography': moved}
    target = kelvins / 'a_celsius.tiff'
    fuse(*paths, out_dir=kelvins / 'a.png', temperatures=target, **options)
    counts = np.asarray(Image.open(paths[0])).astype(float)
    np.testing.assert_allclose(
        tifffile.imread(target)[:, 5:], counts[:, :-5] / 100 - 273.15, atol=1e-3
    )
    with pytest.raises(ValueError, match='give out_dir'):
        fuse(*paths, temperatures=target, **options)


def test_temperatures_of_video_frames(kelvins, run_main):
    command = (
        'fuse_video.py', '--ir', kelvins / 'ir', '--vi', kelvins / 'vi', '--out',
        kelvins / 'o.mkv', '--model', 'max', '--overwrite', '--temperatures',
        kelvins / 'degrees',
    )  # fmt: skip
    options = ('--ir-percentiles', '0', '100', '--ir-unit', 'centikelvin')
    status, _, err = run_main(*command, *options)
    assert status == 0, err
    for number, name in enumerate('abc'):
        counts = np.asarray(Image.open(kelvins / 'ir' / f'{name}.png'))
        celsius = tifffile.imread(kelvins / 'degrees' / f'{number:06d}.tif')
        np.testing.assert_allclose(celsius, counts / 100 - 273.15, atol=1e-3)
    status, _, err = run_main(*command, '--ir-range', '26000', '32000')
    assert status == 1 and 'a.png' in err and '--ir-unit' in err


def test_temperatures_that_are_not_known_or_have_no_file(kelvins, run_main):
    command = ('fuse.py', '--ir', kelvins / 'ir', '--vi', kelvins / 'vi', '--model', 'max')
    options = ('--ir-range', '26315', '31815')
    out = kelvins / 'out'
    status, _, err = run_main(*command, '--out', out, '--temperatures', out, *options)
    assert status == 1 and 'a.png' in err and '--ir-unit' in err
    assert not [*out.glob('*')]
    status, _, err = run_main(
        *command, '--out', out, '--extension', '.tif', '--temperatures', out, *options
    )
    assert status == 1 and 'one file' in err
    status, _, err = run_main(*command, '--out', out, '--temperatures', 'x.png', *options)
    assert status == 1 and '.tif' in err
