"""Files of known numbers, most of them written by tifffile: what comes out is what is in."""

import struct
import warnings
import zlib

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tsjnet_mm.datasets.transforms import LoadPair
from tsjnet_mm.io.decoding import MAX_PIXELS, apply_orientation
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import (
    check_sizes,
    image_size,
    read_header,
    read_image,
    read_infrared,
    read_mask,
    read_visible,
)

SIZE = (21, 34)
RNG = np.random.default_rng(5)
COUNTS = RNG.integers(7000, 9000, SIZE).astype(np.uint16)
KELVIN = COUNTS / 7 + 1e-9
COLOUR = RNG.integers(0, 65536, (*SIZE, 3)).astype(np.uint16)
ALPHA = RNG.integers(0, 65536, (*SIZE, 1)).astype(np.uint16)
LEVELS = RNG.integers(0, 256, SIZE).astype(np.uint8)


def write_png(path, array, colour_type, bits=16, chunks=()):
    """A PNG put together by hand; ``chunks`` come after the pixels."""

    def chunk(kind, data):
        checksum = struct.pack('>I', zlib.crc32(kind + data))
        return struct.pack('>I', len(data)) + kind + data + checksum

    height, width = array.shape[:2]
    rows = array.astype('>u2' if bits == 16 else 'u1')
    data = b''.join(b'\0' + row.tobytes() for row in rows)
    header = struct.pack('>IIBBBBB', width, height, bits, colour_type, 0, 0, 0)
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', header)
        + chunk(b'IDAT', zlib.compress(data))
        + b''.join(chunk(*item) for item in chunks)
        + chunk(b'IEND', b'')
    )


def write_netpbm(path, code, array, scale):
    height, width = array.shape[:2]
    head = f'{code}\n# a comment with 12 34\n{width} {height}\n{scale}\n'.encode()
    path.write_bytes(head + array.tobytes())


TIFFS = {
    'float64': (KELVIN, {}),
    'float64 deflate': (KELVIN, {'compression': 'deflate', 'predictor': True}),
    'float32 big endian': (KELVIN.astype(np.float32), {'byteorder': '>'}),
    'uint16': (COUNTS, {}),
    'uint16 WhiteIsZero': (COUNTS, {'photometric': 'miniswhite'}),
    'uint16 WhiteIsZero lzw': (COUNTS, {'photometric': 'miniswhite', 'compression': 'lzw'}),
    'float32 WhiteIsZero': (KELVIN.astype(np.float32), {'photometric': 'miniswhite'}),
    'uint16 big endian': (COUNTS, {'byteorder': '>'}),
    'uint16 lzw': (COUNTS, {'compression': 'lzw', 'predictor': True}),
    'uint16 deflate': (COUNTS, {'compression': 'deflate'}),
    'uint16 zstd': (COUNTS, {'compression': 'zstd'}),
    'uint16 packbits': (COUNTS, {'compression': 'packbits'}),
    'uint16 tiles': (COUNTS, {'tile': (16, 16), 'compression': 'lzw'}),
    'uint16 strips': (COUNTS, {'rowsperstrip': 4}),
    'uint16 BigTIFF': (COUNTS, {'bigtiff': True}),
    'uint16 stated range': (COUNTS, {'extratags': [(281, 'H', 1, 100), (280, 'H', 1, 9)]}),
    '12 bits': (COUNTS // 4, {'bitspersample': 12}),
    '14 bits': (COUNTS, {'bitspersample': 14}),
    'int16': (COUNTS.astype(np.int16) - 8000, {}),
    'int32': (COUNTS.astype(np.int32) - (1 << 29), {}),
    'uint32': (COUNTS.astype(np.uint32) + (1 << 31), {}),
    'uint64': (COUNTS.astype(np.uint64) << np.uint64(40), {}),
    'float16': (COUNTS.astype(np.float16), {}),
    'RGB': (COLOUR, {'photometric': 'rgb'}),
    'RGB lzw big endian': (
        COLOUR,
        {'photometric': 'rgb', 'compression': 'lzw', 'byteorder': '>'},
    ),
}


@pytest.mark.parametrize('name', TIFFS)
def test_tiff_gives_its_counts(tmp_path, name):
    array, options = TIFFS[name]
    path = tmp_path / 'a.tif'
    tifffile.imwrite(path, array, **options)
    found = read_image(path)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == (np.float32 if array.dtype == np.float16 else array.dtype)
    assert image_size(path) == SIZE


def test_tiff_with_planes_and_alpha(tmp_path):
    path = tmp_path / 'a.tif'
    planes = np.moveaxis(COLOUR, 2, 0)
    tifffile.imwrite(path, planes, photometric='rgb', planarconfig='separate')
    np.testing.assert_array_equal(read_image(path), COLOUR)
    assert image_size(path) == SIZE
    with_alpha = np.concatenate([COLOUR, ALPHA], 2)
    tifffile.imwrite(path, with_alpha, photometric='rgb', extrasamples=['unassalpha'])
    np.testing.assert_array_equal(read_image(path), COLOUR)
    with_alpha = np.concatenate([COUNTS[..., None], ALPHA], 2)
    options = {'photometric': 'minisblack', 'extrasamples': ['unassalpha']}
    tifffile.imwrite(path, with_alpha, planarconfig='contig', **options)
    np.testing.assert_array_equal(read_image(path), COUNTS)


def test_eight_bits_are_a_picture_and_a_mask_is_numbers(tmp_path):
    path = tmp_path / 'a.tif'
    tifffile.imwrite(path, LEVELS, photometric='miniswhite')
    np.testing.assert_array_equal(read_image(path), 255 - LEVELS)
    np.testing.assert_array_equal(read_mask(path), LEVELS)
    colours = RNG.integers(0, 65536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(path, LEVELS, photometric='palette', colormap=colours)
    np.testing.assert_array_equal(read_image(path), (colours >> 8).T[LEVELS])
    np.testing.assert_array_equal(read_mask(path), LEVELS)
    tifffile.imwrite(path, LEVELS % 16, bitspersample=4)
    np.testing.assert_array_equal(read_image(path), LEVELS % 16 * 17)
    np.testing.assert_array_equal(read_mask(path), LEVELS % 16)
    bits = LEVELS > 99
    for photometric, white in (('minisblack', bits), ('miniswhite', ~bits)):
        tifffile.imwrite(path, bits, photometric=photometric)
        np.testing.assert_array_equal(read_image(path), white * np.uint8(255))
        np.testing.assert_array_equal(read_mask(path), bits)
    Image.fromarray(bits).save(tmp_path / 'b.png')
    np.testing.assert_array_equal(read_image(tmp_path / 'b.png'), bits * np.uint8(255))
    np.testing.assert_array_equal(read_mask(tmp_path / 'b.png'), bits)


@pytest.mark.parametrize(
    ('colour_type', 'stored', 'expected'),
    [
        (0, COUNTS, COUNTS),
        (2, COLOUR, COLOUR),
        (4, np.dstack([COUNTS, ALPHA]), COUNTS),
        (6, np.dstack([COLOUR, ALPHA]), COLOUR),
    ],
)
def test_deep_png_gives_its_counts(tmp_path, colour_type, stored, expected):
    write_png(tmp_path / 'a.png', stored, colour_type)
    found = read_image(tmp_path / 'a.png')
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, expected)


def test_netpbm_gives_its_counts_whatever_its_maximum(tmp_path):
    path = tmp_path / 'a.pgm'
    for top in (9000, 16383, 65535):
        write_netpbm(path, 'P5', COUNTS.astype('>u2'), top)
        np.testing.assert_array_equal(read_image(path), COUNTS)
    path.write_text(f'P2\n{SIZE[1]} {SIZE[0]} 9000 # plain\n' + ' '.join(map(str, COUNTS.flat)))
    np.testing.assert_array_equal(read_image(path), COUNTS)
    write_netpbm(tmp_path / 'a.ppm', 'P6', (COLOUR // 16).astype('>u2'), 4095)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.ppm'), COLOUR // 16)
    write_netpbm(path, 'P5', LEVELS % 9, 8)
    np.testing.assert_array_equal(read_image(path), np.round(LEVELS % 9 * 31.875))
    np.testing.assert_array_equal(read_mask(path), LEVELS % 9)
    assert image_size(path) == SIZE
    cv2.imwrite(str(path), COUNTS)
    np.testing.assert_array_equal(read_image(path), COUNTS)


def test_float_formats_give_their_values(tmp_path):
    values = KELVIN.astype(np.float32)
    path = tmp_path / 'a.pfm'
    for order, scale in (('<f4', -1), ('>f4', 3.5)):
        write_netpbm(path, 'Pf', values[::-1].astype(order), scale)
        np.testing.assert_array_equal(read_image(path), values)
    cv2.imwrite(str(path), values)
    np.testing.assert_array_equal(read_image(path), values)
    colour = COLOUR.astype(np.float32) / 65535
    cv2.imwrite(str(path), colour[..., ::-1])
    np.testing.assert_array_equal(read_image(path), colour)
    np.testing.assert_array_equal(read_visible(path), colour)
    cv2.imwrite(str(tmp_path / 'a.hdr'), np.float32([[[0.5, 0.25, 1]]] * 9))
    np.testing.assert_array_equal(read_image(tmp_path / 'a.hdr'), [[[1, 0.25, 0.5]]] * 9)
    Image.fromarray(values).save(tmp_path / 'a.tif')
    np.testing.assert_array_equal(read_image(tmp_path / 'a.tif'), values)


@pytest.mark.parametrize('array', [COUNTS, COUNTS // 4, COLOUR], ids=['16', '12', 'RGB'])
def test_jpeg_2000_gives_its_counts(tmp_path, array):
    bits = 12 if array.max() < 4096 else 16
    data = imagecodecs.jpeg2k_encode(array, codecformat='jp2', level=0, bitspersample=bits)
    (tmp_path / 'a.jp2').write_bytes(data)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.jp2'), array)
    assert image_size(tmp_path / 'a.jp2') == SIZE


def test_large_counts_and_doubles_are_scaled_exactly(tmp_path):
    low = 3_000_000_000
    tifffile.imwrite(tmp_path / 'a.tif', (low + np.arange(12).reshape(3, 4)).astype(np.uint32))
    found = read_infrared(tmp_path / 'a.tif', value_range=(low, low + 11))
    np.testing.assert_allclose(found, np.arange(12).reshape(3, 4) / 11, atol=1e-7)
    tifffile.imwrite(tmp_path / 'b.tif', 1e9 + np.arange(12.0).reshape(3, 4))
    found = read_infrared(tmp_path / 'b.tif', percentiles=(0, 100))
    np.testing.assert_allclose(found, np.arange(12).reshape(3, 4) / 11, atol=1e-7)


def test_pixels_without_a_value_are_counted(tmp_path):
    for kind in (np.float32, np.float64):
        dead = KELVIN.astype(kind)
        dead[3, 4] = dead[5, 6] = np.nan
        dead[9, 9] = -np.inf
        tifffile.imwrite(tmp_path / 'dead.tif', dead)
        with pytest.raises(PairError) as caught:
            read_infrared(tmp_path / 'dead.tif', percentiles=(1, 99))
        assert 'NaN or infinity in 3 of 714 pixels, the first in row 3, column 4' in str(
            caught.value
        )
        assert 'unreadable' not in str(caught.value)


ORIENTATIONS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize('orientation', ORIENTATIONS)
@pytest.mark.parametrize('kind', ['png', 'jpg', 'webp', 'tif', 'deep', 'late'])
def test_orientation_is_obeyed(tmp_path, kind, orientation):
    """``ORIENTATIONS`` lay an upright image down; the reader has to set it up again."""
    upright = COLOUR if kind == 'deep' else (COLOUR >> 8).astype(np.uint8)
    stored = np.ascontiguousarray(ORIENTATIONS[orientation](upright))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if kind == 'deep':
        path = tmp_path / 'a.tif'
        tifffile.imwrite(path, stored, extratags=[(274, 'H', 1, orientation)])
    elif kind == 'late':
        path = tmp_path / 'a.png'
        write_png(path, stored, 2, bits=8, chunks=[(b'eXIf', exif.tobytes()[6:])])
    else:
        path = tmp_path / f'a.{kind}'
        options = {'jpg': {'quality': 100, 'subsampling': 0}, 'webp': {'lossless': True}}
        Image.fromarray(stored).save(path, exif=exif, **options.get(kind, {}))
    assert read_header(path).orientation == orientation
    assert image_size(path) == SIZE
    found = read_image(path)
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).max() <= (6 if kind == 'jpg' else 0)


def test_orientations_agree_with_pillow():
    from PIL import ImageOps

    image = Image.fromarray(LEVELS)
    for orientation in range(1, 9):
        image.getexif()[0x0112] = orientation
        expected = np.asarray(ImageOps.exif_transpose(image))
        np.testing.assert_array_equal(apply_orientation(LEVELS, orientation), expected)


def test_orientation_holds_for_masks(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(LEVELS)).save(tmp_path / 'm.png', exif=exif)
    np.testing.assert_array_equal(read_mask(tmp_path / 'm.png'), LEVELS)


def test_sizes_are_compared_before_anything_is_decoded(tmp_path, monkeypatch):
    from tsjnet_mm.io import formats
    from tsjnet_mm.io.pairs import iterate_pairs

    Image.fromarray(LEVELS).save(tmp_path / 'ir.png')
    Image.fromarray(LEVELS[:10]).save(tmp_path / 'vi.png')
    decoded, decode = [], formats._decode
    monkeypatch.setattr(
        formats,
        '_decode',
        lambda *args, **options: decoded.append(1) or decode(*args, **options),
    )
    with pytest.raises(PairError, match=r'different sizes: expected 34x10 .* found 34x21'):
        next(iterate_pairs(tmp_path / 'ir.png', tmp_path / 'vi.png'))
    paths = {'ir_path': str(tmp_path / 'ir.png'), 'vi_path': str(tmp_path / 'vi.png')}
    with pytest.raises(PairError, match=r'different sizes: expected 34x10 .* found 34x21$'):
        LoadPair()(paths)
    assert not decoded
    next(iterate_pairs(tmp_path / 'ir.png', tmp_path / 'vi.png', resize=True))
    assert len(decoded) == 2


def test_sizes_are_compared_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(LEVELS).save(tmp_path / 'ir.png')
    Image.fromarray(np.rot90(LEVELS)).save(tmp_path / 'vi.jpg', exif=exif)
    check_sizes(tmp_path / 'ir.png', tmp_path / 'vi.jpg')
    Image.fromarray(LEVELS).save(tmp_path / 'vi.jpg', exif=exif)
    message = r'ir\.png: different sizes.*21x34 as .*vi\.jpg.*orientations, 1 and 6'
    with pytest.raises(PairError, match=message):
        check_sizes(tmp_path / 'ir.png', tmp_path / 'vi.jpg')
    Image.fromarray(LEVELS[:10]).save(tmp_path / 'vi.jpg')
    with pytest.raises(PairError, match=r'expected 34x10 as .*vi\.jpg, found 34x21$'):
        check_sizes(tmp_path / 'ir.png', tmp_path / 'vi.jpg')


def save_frames(path):
    frames = [Image.fromarray(LEVELS), Image.fromarray(255 - LEVELS)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize('extension', ['.tif', '.png', '.webp', '.gif'])
@pytest.mark.parametrize('read', [image_size, read_image, read_mask])
def test_several_pages_are_refused(tmp_path, extension, read):
    save_frames(tmp_path / f'a{extension}')
    with pytest.raises(PairError, match=r'a\.\w+: several pages: expected .*found .'):
        read(tmp_path / f'a{extension}')


def test_overview_and_transparency_mask_are_no_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / 'a.tif') as tiff:
        tiff.write(COUNTS)
        tiff.write(COUNTS[::2, ::2], subfiletype=1)
        tiff.write(COUNTS > 8000, subfiletype=4)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.tif'), COUNTS)
    # Raw photos begin with a thumbnail, and may hold nothing else that is a page.
    with tifffile.TiffWriter(tmp_path / 'a.tif') as tiff:
        tiff.write(LEVELS[::4, ::4], subfiletype=1)
        tiff.write(COUNTS)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.tif'), COUNTS)
    tifffile.imwrite(tmp_path / 'a.tif', LEVELS, subfiletype=1)
    with pytest.raises(PairError, match=r'a\.tif: no full page'):
        read_image(tmp_path / 'a.tif')


def test_jpeg_in_tiff_is_a_picture(tmp_path):
    rows, columns = np.mgrid[:64, :96]
    smooth = np.stack([rows * 3, columns * 2, 200 - rows], -1).astype(np.uint8)
    for photometric in ('ycbcr', 'rgb'):
        options = {'photometric': photometric, 'compression': 'jpeg'}
        tifffile.imwrite(tmp_path / 'a.tif', smooth, **options)
        found = read_image(tmp_path / 'a.tif')
        np.testing.assert_array_equal(found, Image.open(tmp_path / 'a.tif').convert('RGB'))
    assert np.abs(found.astype(int) - smooth).mean() < 2


def test_dark_visible_image_of_few_bits_is_warned_of(tmp_path):
    tifffile.imwrite(tmp_path / 'a.tif', COLOUR // 16, photometric='rgb')
    with pytest.warns(UserWarning, match='16-bit visible image .* look dark; scale'):
        np.testing.assert_allclose(
            read_visible(tmp_path / 'a.tif'), COLOUR // 16 / 65535, atol=1e-7
        )
    tifffile.imwrite(tmp_path / 'a.tif', COLOUR, photometric='rgb')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        read_visible(tmp_path / 'a.tif')


def test_other_colours_are_named(tmp_path):
    Image.new('CMYK', (40, 30)).save(tmp_path / 'a.jpg')
    tifffile.imwrite(tmp_path / 'b.tif', np.zeros((9, 9, 4), np.uint8), photometric='separated')
    tifffile.imwrite(
        tmp_path / 'c.tif',
        np.zeros((9, 9, 6), np.uint16),
        photometric='minisblack',
        planarconfig='contig',
    )
    tifffile.imwrite(tmp_path / 'd.tif', np.zeros((9, 9), np.complex64))
    Image.new('LAB', (9, 9)).save(tmp_path / 'e.tif')
    for name, found in (
        ('a.jpg', 'CMYK'),
        ('b.tif', 'CMYK'),
        ('c.tif', '6 channels'),
        ('d.tif', 'sample format'),
        ('e.tif', 'LAB'),
    ):
        with pytest.raises(PairError, match=f'{name}: unknown .*found .*{found}') as caught:
            read_image(tmp_path / name)
        assert 'unreadable' not in str(caught.value)


@pytest.mark.parametrize(
    ('data', 'found'),
    [
        (b'\x93NUMPY\x01\0v\0{', 'a NumPy array'),
        (b'\x76\x2f\x31\x01\x02\0\0\0', 'an OpenEXR image'),
        (b'<!DOCTYPE html><html>', 'a web page'),
        (b'version https://git-lfs.github.com/spec/v1', 'a pointer of Git LFS'),
        (b'\0\0\0\x20ftypisom\0\0\2\0', 'a video'),
        (b'\0\0\0\x18ftypheic\0\0\0\0', 'an HEIC image'),
        (b'%PDF-1.4', 'a PDF'),
        (b'', '0 bytes, an empty file'),
    ],
)
def test_what_is_no_image_is_named(tmp_path, data, found):
    (tmp_path / 'a.png').write_bytes(data)
    for read in (image_size, read_image, read_mask):
        with pytest.raises(PairError, match=rf'a\.png: .*found {found}'):
            read(tmp_path / 'a.png')
    with pytest.raises(PairError, match='found Is a directory'):
        read_image(tmp_path)


def test_declared_pixels_are_bounded_before_decoding(tmp_path, monkeypatch):
    header = struct.pack('>IIBBBBB', 13000, 13000, 8, 2, 0, 0, 0)
    chunk = struct.pack('>I', 13) + b'IHDR' + header
    checksum = struct.pack('>I', zlib.crc32(b'IHDR' + header))
    bomb = b'\x89PNG\r\n\x1a\n' + chunk + checksum + b'\0\0\0\0IDAT5\xaf\x06\x1e'
    (tmp_path / 'bomb.png').write_bytes(bomb)
    write_netpbm(tmp_path / 'bomb.pgm', 'P5', LEVELS, 255)
    text = (tmp_path / 'bomb.pgm').read_bytes().replace(b'34 21', b'99999 99999')
    (tmp_path / 'bomb.pgm').write_bytes(text)
    tifffile.imwrite(tmp_path / 'bomb.tif', LEVELS)
    tags = {256: 1 << 20, 257: 1 << 20}
    with tifffile.TiffFile(tmp_path / 'bomb.tif', mode='r+') as tiff:
        for tag, value in tags.items():
            tiff.pages[0].tags[tag].overwrite(value, dtype='I')
    for name in ('bomb.png', 'bomb.pgm', 'bomb.tif'):
        for read in (image_size, read_image, read_mask):
            message = rf'{name}: too many pixels: expected at most 134 million .*PIXELS'
            with warnings.catch_warnings(), pytest.raises(PairError, match=message):
                warnings.simplefilter('ignore')
                read(tmp_path / name)
    assert MAX_PIXELS > 100e6  # pairs of 100 megapixels are read
    monkeypatch.setenv('TSJNET_MM_MAX_PIXELS', '3e8')
    assert image_size(tmp_path / 'bomb.png') == (13000, 13000)
    monkeypatch.setenv('TSJNET_MM_MAX_PIXELS', '713')
    Image.fromarray(LEVELS).save(tmp_path / 'a.png')
    with pytest.raises(PairError, match='too many pixels'):
        read_image(tmp_path / 'a.png')
    monkeypatch.setenv('TSJNET_MM_MAX_PIXELS', '714')
    assert read_image(tmp_path / 'a.png').shape == SIZE
    monkeypatch.setenv('TSJNET_MM_MAX_PIXELS', 'many')
    with pytest.raises(ValueError, match='TSJNET_MM_MAX_PIXELS: expected a number'):
        read_image(tmp_path / 'a.png')


@pytest.mark.parametrize('extension', ['.pgm', '.pfm', '.hdr', '.jp2', '.tif', '.png', '.jpg'])
def test_cut_files_are_refused(tmp_path, extension):
    path = tmp_path / f'cut{extension}'
    array = {'.pfm': KELVIN, '.hdr': np.dstack([KELVIN] * 3)}.get(extension)
    if extension == '.jp2':
        path.write_bytes(imagecodecs.jpeg2k_encode(COUNTS, codecformat='jp2', level=0))
    else:
        cv2.imwrite(str(path), COUNTS if array is None else array.astype(np.float32))
    whole = path.read_bytes()
    read_image(path)
    for share in (0.02, 0.3, 0.7, 0.97):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(PairError, match=rf'cut{extension}: unreadable file'):
            read_image(path)


@pytest.mark.parametrize('array', [LEVELS, COUNTS, COLOUR], ids=['8', '16', 'RGB'])
def test_damaged_png_is_refused(tmp_path, array):
    cv2.imwrite(str(tmp_path / 'a.png'), array)
    whole = (tmp_path / 'a.png').read_bytes()
    for place in range(60, len(whole) - 16, len(whole) // 25):
        data = bytearray(whole)
        data[place] ^= 4
        (tmp_path / 'a.png').write_bytes(data)
        with pytest.raises(PairError, match=r'a\.png: unreadable file'):
            read_image(tmp_path / 'a.png')


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('m.jpg', {'quality': 100}),
        ('m.webp', {'quality': 90}),
        ('m.jp2', {}),
        ('m.tif', {'compression': 'jpeg'}),
    ],
)
def test_lossy_mask_is_refused(tmp_path, name, options):
    Image.fromarray(LEVELS % 3).convert('RGB' if name == 'm.webp' else 'L').save(
        tmp_path / name, **options
    )
    with pytest.raises(PairError, match=rf'{name}: mask stored with loss.*such as PNG'):
        read_mask(tmp_path / name)
    (tmp_path / 'm.png').write_bytes((tmp_path / name).read_bytes())
    with pytest.raises(PairError, match='mask stored with loss'):
        read_mask(tmp_path / 'm.png')  # named PNG, but what it holds counts
