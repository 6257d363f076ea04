import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import (
    IMAGE_EXTENSIONS,
    WRITTEN_FORMATS,
    check_writable,
    image_size,
    read_image,
    read_infrared,
    read_mask,
    read_visible,
    write_image,
)

SIZE = (20, 30)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_eight_bit_infrared_is_divided_by_255(tmp_path, rng):
    grey = rng.integers(0, 256, SIZE, dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / 'a.png')
    loaded = read_infrared(tmp_path / 'a.png')
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded, grey / 255, atol=1e-7)


@pytest.mark.parametrize('extension', ['.png', '.tif'])
@pytest.mark.parametrize('channels', [1, 3])
def test_sixteen_bits_are_kept(tmp_path, rng, extension, channels):
    grey = rng.integers(0, 65536, SIZE, dtype=np.uint16)
    stored = grey if channels == 1 else np.repeat(grey[..., None], 3, axis=-1)
    path = tmp_path / f'a{extension}'
    cv2.imwrite(str(path), stored)
    np.testing.assert_allclose(read_infrared(path), grey / 65535, atol=1e-7)


def test_sixteen_bit_colour_keeps_depth_and_order(tmp_path, rng):
    colour = rng.integers(0, 65536, (*SIZE, 3), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / 'a.png'), colour[..., ::-1])
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), colour)
    np.testing.assert_allclose(read_visible(tmp_path / 'a.png'), colour / 65535, atol=1e-7)


def test_ranges_of_raw_thermal_images(tmp_path):
    raw = np.linspace(7000, 9000, 600).reshape(SIZE).astype(np.uint16)
    cv2.imwrite(str(tmp_path / 'a.tif'), raw)
    with pytest.warns(UserWarning, match='ir_range'):
        flat = read_infrared(tmp_path / 'a.tif')
    assert flat.max() - flat.min() < 0.04
    fixed = read_infrared(tmp_path / 'a.tif', value_range=(7500, 8500))
    np.testing.assert_allclose(fixed, np.clip((raw - 7500.0) / 1000, 0, 1), atol=1e-6)
    stretched = read_infrared(tmp_path / 'a.tif', percentiles=(10, 90))
    low, high = np.percentile(raw, (10, 90))
    np.testing.assert_allclose(stretched, np.clip((raw - low) / (high - low), 0, 1), atol=1e-6)
    with pytest.raises(ValueError, match='not both'):
        read_infrared(tmp_path / 'a.tif', value_range=(0, 1), percentiles=(1, 99))


def test_constant_image_has_no_percentiles_to_stretch(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full(SIZE, 700, np.uint16))
    assert (read_infrared(tmp_path / 'a.png', percentiles=(1, 99)) == 0).all()


def test_full_sixteen_bit_range_does_not_warn(tmp_path, rng):
    cv2.imwrite(str(tmp_path / 'a.png'), rng.integers(0, 65536, SIZE, dtype=np.uint16))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        read_infrared(tmp_path / 'a.png')


def test_float_image_needs_unit_range_or_a_given_one(tmp_path):
    celsius = np.linspace(-20, 60, 600, dtype=np.float32).reshape(SIZE)
    Image.fromarray(celsius).save(tmp_path / 'hot.tif')
    with pytest.raises(PairError, match=r'hot\.tif.*ir_range.*float32 from -20'):
        read_infrared(tmp_path / 'hot.tif')
    loaded = read_infrared(tmp_path / 'hot.tif', value_range=(-20, 60))
    np.testing.assert_allclose(loaded, (celsius + 20) / 80, atol=1e-6)
    Image.fromarray((celsius + 20) / 80).save(tmp_path / 'unit.tif')
    np.testing.assert_allclose(read_infrared(tmp_path / 'unit.tif'), loaded, atol=1e-6)


def test_float_image_with_nan_is_refused(tmp_path):
    dead = np.zeros(SIZE, np.float32)
    dead[3, 4] = np.nan
    Image.fromarray(dead).save(tmp_path / 'dead.tif')
    with pytest.raises(PairError, match=r'dead\.tif.*finite'):
        read_infrared(tmp_path / 'dead.tif', value_range=(0, 1))


def test_false_colour_infrared_becomes_luma(tmp_path, rng):
    colour = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    Image.fromarray(colour).save(tmp_path / 'a.png')
    luma = colour @ np.array([0.299, 0.587, 0.114]) / 255
    np.testing.assert_allclose(read_infrared(tmp_path / 'a.png'), luma, atol=1e-6)


@pytest.mark.parametrize('mode', ['L', 'LA', '1', 'P', 'RGBA', 'RGB'])
def test_visible_of_any_mode_is_rgb(tmp_path, rng, mode):
    grey = np.where(rng.random(SIZE) < 0.5, 0, 255).astype(np.uint8)
    image = Image.fromarray(grey).convert(mode)
    if mode in ('LA', 'RGBA'):
        image.putalpha(Image.fromarray(rng.integers(0, 256, SIZE, dtype=np.uint8)))
    image.save(tmp_path / 'a.png')
    loaded = read_visible(tmp_path / 'a.png')
    assert loaded.shape == (*SIZE, 3)
    assert loaded.dtype == np.float32
    for channel in range(3):
        np.testing.assert_allclose(loaded[..., channel], grey / 255, atol=1e-7)


@pytest.mark.parametrize('extension', ['.png', '.jpg', '.bmp', '.tif'])
def test_truncated_file_raises(tmp_path, rng, extension):
    path = tmp_path / f'cut{extension}'
    Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    for read in (read_visible, read_infrared):
        with pytest.raises(PairError, match=f'cut{extension}: unreadable file'):
            read(path)


@pytest.mark.parametrize('extension', ['.png', '.tif'])
def test_truncated_sixteen_bit_colour_raises(tmp_path, rng, extension):
    path = tmp_path / f'cut{extension}'
    cv2.imwrite(str(path), rng.integers(0, 65536, (*SIZE, 3), dtype=np.uint16))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(PairError, match=f'cut{extension}: unreadable file'):
        read_image(path)


@pytest.mark.parametrize('read', [image_size, read_image, read_mask])
def test_not_an_image_raises(tmp_path, read):
    (tmp_path / 'text.png').write_text('no image')
    with pytest.raises(PairError, match=r'text\.png: unreadable file.*8 bytes'):
        read(tmp_path / 'text.png')
    with pytest.raises(PairError, match=r'gone\.png: unreadable file.*no such file'):
        read(tmp_path / 'gone.png')


@pytest.mark.parametrize('mode', ['L', 'P'])
def test_mask_indices_survive(tmp_path, rng, mode):
    indices = rng.integers(0, 9, SIZE, dtype=np.uint8)
    indices[0, 0] = 255
    image = Image.fromarray(indices)
    if mode == 'P':
        image = image.copy()
        image.putpalette([value % 256 for value in range(0, 768 * 7, 7)])
    image.save(tmp_path / 'm.png')
    mask = read_mask(tmp_path / 'm.png')
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, indices)


def test_mask_in_colours_or_of_large_indices_raises(tmp_path):
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / 'm.png')
    with pytest.raises(PairError, match=r'm\.png: mask not an index image.*mode RGB'):
        read_mask(tmp_path / 'm.png')
    cv2.imwrite(str(tmp_path / 'n.png'), np.full(SIZE, 300, np.uint16))
    with pytest.raises(PairError, match=r'n\.png: mask index out of range.*300'):
        read_mask(tmp_path / 'n.png')


@pytest.fixture
def scene():
    """Smooth and colourful, as photographs are, with edges of pure colour."""
    rows, columns = np.mgrid[:60, :80]
    image = np.stack([rows * 4, columns * 3, 255 - rows * 2], -1).astype(np.uint8)
    image[20:40, 30:50] = (255, 0, 0)
    image[25:35, 35:45] = (0, 255, 0)
    return image


@pytest.mark.parametrize('extension', WRITTEN_FORMATS)
def test_written_images_come_back(tmp_path, scene, extension):
    path = tmp_path / 'new' / f'a{extension}'
    for image in (scene, scene[..., 1]):
        if extension == '.pgm' and image.ndim == 3:
            with pytest.raises(ValueError, match=r'a\.pgm: a \.pgm holds grey'):
                write_image(image, path)
            continue
        write_image(image, path)
        found = np.asarray(Image.open(path).convert('L' if image.ndim == 2 else 'RGB'))
        assert found.shape == image.shape
        limit = 1.5 if extension in ('.jpg', '.jpeg') else 0
        assert np.abs(found.astype(int) - image).mean() <= limit
        levels = np.round(read_visible(path) * 255)
        np.testing.assert_array_equal(
            levels[..., 1], found if image.ndim == 2 else found[..., 1]
        )
    assert extension in IMAGE_EXTENSIONS
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_jpeg_keeps_its_colours_and_obeys_the_quality(tmp_path, scene):
    sizes = {}
    for quality in (None, 95, 30, 100):
        write_image(scene, tmp_path / 'a.jpg', quality=quality)
        with Image.open(tmp_path / 'a.jpg') as image:
            assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # 4:4:4
        sizes[quality] = (tmp_path / 'a.jpg').stat().st_size
    assert sizes[None] == sizes[95]
    assert sizes[30] < sizes[95] < sizes[100]
    write_image(scene, tmp_path / 'a.webp', quality=80)
    assert (np.asarray(Image.open(tmp_path / 'a.webp')) != scene).any()


@pytest.mark.parametrize('with_filter', [True, False])  # False: OpenCV before 4.12
def test_png_keeps_pixels_and_notes(tmp_path, scene, monkeypatch, with_filter):
    if not with_filter:
        monkeypatch.delattr(cv2, 'IMWRITE_PNG_FILTER', raising=False)
    notes = {'made by': 'a test', 'place': 'Zürich', 'note': '東京'}
    for image in (scene, scene[..., 0], scene[:, ::-1]):
        write_image(image, tmp_path / 'a.png', notes)
        with Image.open(tmp_path / 'a.png') as found:
            assert found.text == notes
            np.testing.assert_array_equal(np.asarray(found), image)


@pytest.mark.parametrize('extension', ['.gif', '.ico', '.psd', '.xyz', '', '.pdf', '.eps'])
def test_other_formats_are_not_written(tmp_path, scene, extension):
    with pytest.raises(ValueError, match=r'unknown image format .*give one of \.png, \.jpg'):
        write_image(scene, tmp_path / f'a{extension}')
    assert not list(tmp_path.iterdir())


def test_impossible_quality_is_refused():
    for quality in (0, 101, -5):
        with pytest.raises(ValueError, match=r'quality must be in 1\.\.100'):
            check_writable('.jpg', quality)
    with pytest.raises(ValueError, match=r'\.png is lossless'):
        check_writable('.png', 90)
    check_writable('.JPG', 90)
