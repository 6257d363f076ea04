"""FLIR radiometric JPEGs that are made here, and images in a unit of temperature."""

import io
import math
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.io.dji import read_dji_counts
from tsjnet_mm.io.embedded import _extract, find_visible
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.pairs import iterate_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.radiometric import read_radiometric, read_visible_of_flir
from tsjnet_mm.video import fuse_video
from tsjnet_mm.video.video_files import FileFrames

R1, R2, B, F, OFFSET = 16556.0, 0.046, 1428.0, 1.0, -207
CELSIUS = np.array([[-10.0, 17.5, 45.0], [0.0, 20.0, 36.6]])


def black_body(celsius):
    return R1 / (R2 * (np.exp(B / (np.asarray(celsius) + 273.15)) - F)) - OFFSET


def camera_record(emissivity=1.0, distance=0.0, window=1.0):
    record = bytearray(0x320)
    record[:2] = b'\x02\0'
    floats = {0x20: emissivity, 0x24: distance, 0x28: 303.15, 0x2C: 293.15, 0x30: 283.15}
    floats |= {0x34: window, 0x3C: 0.5, 0x58: R1, 0x5C: B, 0x60: F, 0x70: 0.006569}
    floats |= {0x74: 0.01262, 0x78: -0.002276, 0x7C: -0.00667, 0x80: 1.9, 0x30C: R2}
    for offset, value in floats.items():
        struct.pack_into('<f', record, offset, value)
    struct.pack_into('<i', record, 0x308, OFFSET)
    return bytes(record)


def flir_jpeg(path, counts, camera=None, kind='png', segment=200, keep=None, more=()):
    """Write a JPEG with an FFF container in APP1 segments of ``segment`` bytes."""
    if kind == 'png':
        pixels = imagecodecs.png_encode(counts.byteswap())
    elif kind == 'tiff':
        file = io.BytesIO()
        tifffile.imwrite(file, counts)
        pixels = file.getvalue()
    else:
        pixels = counts.astype('<u2').tobytes()
    height, width = counts.shape
    raw = struct.pack('<HHH', 2, width, height).ljust(32, b'\0') + pixels
    camera = camera_record() if camera is None else camera
    records = [(1, raw), (0x20, camera), *more]
    count = len(records)
    head = b'FFF\0' + b'made here'.ljust(16, b'\0') + struct.pack('>III', 101, 64, count)
    entries, content = b'', b''
    for number, (record, data) in enumerate(records, start=1):
        start = 64 + count * 32 + len(content)
        entry = struct.pack('>HHIIII', record, 1, 100, number, start, len(data))
        entries, content = entries + entry.ljust(32, b'\0'), content + data
    container = head.ljust(64, b'\0') + entries + content
    parts = [container[i : i + segment] for i in range(0, len(container), segment)]
    file = io.BytesIO()
    Image.new('L', (8, 6), 90).save(file, 'JPEG')
    jpeg, segments = file.getvalue(), b''
    for number, part in enumerate(parts):
        if keep is None or number in keep:
            content = b'FLIR\0\x01' + bytes([number, len(parts) - 1]) + part
            segments += b'\xff\xe1' + struct.pack('>H', len(content) + 2) + content
    path.write_bytes(jpeg[:2] + segments + jpeg[2:])
    return path


@pytest.mark.parametrize('kind', ['png', 'tiff', 'plain'])
def test_temperatures_of_a_black_body(tmp_path, kind):
    counts = np.round(black_body(CELSIUS)).astype(np.uint16)
    path = flir_jpeg(tmp_path / 'a.jpg', counts, kind=kind)
    np.testing.assert_allclose(read_radiometric(path), CELSIUS, atol=0.02)


def test_air_window_and_reflection_are_taken_off(tmp_path):
    emissivity, window, distance = 0.9, 0.8, 8.0
    water = 0.5 * math.exp(1.5587 + 0.06939 * 20 - 0.00027816 * 400 + 0.00000068455 * 8000)
    root, half = math.sqrt(water), math.sqrt(distance / 2)
    air = 1.9 * math.exp(-half * (0.006569 - 0.002276 * root))
    air += -0.9 * math.exp(-half * (0.01262 - 0.00667 * root))
    # From the object outwards: reflection, air, window, air.
    seen = emissivity * black_body(CELSIUS) + (1 - emissivity) * black_body(30.0)
    seen = air * seen + (1 - air) * black_body(20.0)
    seen = window * seen + (1 - window) * black_body(10.0)
    seen = air * seen + (1 - air) * black_body(20.0)
    camera = camera_record(emissivity, distance, window)
    path = flir_jpeg(tmp_path / 'a.jpg', np.round(seen).astype(np.uint16), camera)
    np.testing.assert_allclose(read_radiometric(path), CELSIUS, atol=0.03)


def test_an_ordinary_jpeg_has_no_temperatures(tmp_path):
    Image.new('RGB', (8, 6)).save(tmp_path / 'a.jpg')
    assert read_radiometric(tmp_path / 'a.jpg') is None


def test_pair_by_temperatures_and_by_its_picture(tmp_path):
    counts = np.round(black_body(CELSIUS)).astype(np.uint16)
    path = flir_jpeg(tmp_path / 'a.jpg', counts)
    Image.new('RGB', (3, 2)).save(tmp_path / 'a.png')
    pair = next(iterate_pairs(path, tmp_path / 'a.png', ir_celsius=(-10, 45)))
    np.testing.assert_allclose(pair.ir, (CELSIUS + 10) / 55, atol=1e-3)
    Image.new('RGB', (8, 6)).save(tmp_path / 'a.png')
    assert next(iterate_pairs(path, tmp_path / 'a.png')).ir.shape == (6, 8)


@pytest.mark.parametrize(
    ('keep', 'camera', 'message'),
    [
        ({0, 2, 3, 4, 5, 6, 7, 8}, None, 'segment 1 of'),
        (None, camera_record(0.0), 'emissivity is 0'),
        (None, b'\x02\0', 'buffer'),
    ],
)
def test_damaged_data_are_one_error_that_names_the_file(tmp_path, keep, camera, message):
    counts = np.full((4, 5), 9000, np.uint16)
    path = flir_jpeg(tmp_path / 'a.jpg', counts, camera, keep=keep)
    with pytest.raises(PairError, match=rf'a\.jpg.*{message}'):
        read_radiometric(path)


@pytest.mark.parametrize(
    ('unit', 'stored'),
    [
        ('celsius', np.float32([[-10, 17.5, 45]])),
        ('kelvin', np.float32([[263.15, 290.65, 318.15]])),
        ('centikelvin', np.uint16([[26315, 29065, 31815]])),
        ('decikelvin', np.float64([[2631.5, 2906.5, 3181.5]])),
    ],
)
def test_units(unit, stored):
    preparation = Preparation(ir_celsius=(-10, 45), ir_unit=unit)
    unit = preparation.prepare_infrared(stored, 'a')
    np.testing.assert_allclose(unit, [[0, 0.5, 1]], atol=1e-5)
    assert Preparation.from_note(preparation.to_note()) == preparation


def test_counts_without_a_unit_are_refused():
    with pytest.raises(PairError, match=r'a\.tif.*--ir-unit'):
        Preparation(ir_celsius=(0, 1)).prepare_infrared(np.ones((2, 2), np.uint16), 'a.tif')


@pytest.mark.parametrize(
    'options',
    [
        {'ir_celsius': (45, -10)},
        {'ir_celsius': (0, 1), 'ir_range': (0, 1)},
        {'ir_unit': 'kelvin'},
        {'ir_celsius': (0, 1), 'ir_unit': 'fahrenheit'},
    ],
)
def test_options_that_cannot_be_meant(options):
    with pytest.raises(ValueError, match=r'ir_celsius|ir_unit'):
        Preparation(**options)


def test_percentiles_are_of_the_temperatures(tmp_path):
    counts = np.round(black_body(CELSIUS)).astype(np.uint16)
    path = flir_jpeg(tmp_path / 'a.jpg', counts)
    Image.new('RGB', (3, 2)).save(tmp_path / 'a.png')
    pair = next(iterate_pairs(path, tmp_path / 'a.png', ir_percentiles=(0, 100)))
    np.testing.assert_allclose(pair.ir, (CELSIUS + 10) / 55, atol=1e-3)
    measured = pair.thermal()
    assert measured.is_celsius and measured.limits == pytest.approx((-10, 45), abs=0.02)
    np.testing.assert_allclose(measured.values, CELSIUS, atol=0.02)


def test_measured_values_of_other_sources(tmp_path):
    counts, vi = np.uint16([[28315, 29315], [30315, 31315]]), np.zeros((2, 2, 3), np.uint8)
    values = [[10, 20], [30, 40]]
    for options, limits in (
        ({'ir_celsius': (0, 50)}, (0, 50)),
        ({'ir_range': (27315, 32315)}, (0, 50)),
        ({'ir_percentiles': (0, 100)}, (10, 40)),
    ):
        pair = next(iterate_pairs(counts, vi, ir_unit='centikelvin', **options))
        np.testing.assert_allclose(pair.thermal().values, values, atol=1e-4)
        assert pair.thermal().limits == pytest.approx(limits)
        assert pair.thermal().is_celsius
    stored = next(iterate_pairs(counts, vi, ir_range=(1, 2))).thermal()
    assert not stored.is_celsius and stored.limits == (1, 2)
    np.testing.assert_array_equal(stored.values, counts)
    eight = next(iterate_pairs(counts.astype(np.uint8), vi)).thermal()
    assert eight.limits == (0, 255)
    grown = next(
        iterate_pairs(counts, np.zeros((4, 4, 3), np.uint8), ir_range=(1, 2), resize=True)
    )
    assert grown.thermal().values.shape == (4, 4)
    moved = np.array([[1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
    pair = next(iterate_pairs(counts, vi, ir_range=(1, 2), homography=moved))
    np.testing.assert_array_equal(pair.thermal().values[:, 1], counts[:, 0])


def test_the_picture_of_a_radiometric_file_has_no_values(tmp_path):
    path = flir_jpeg(tmp_path / 'a.jpg', np.full((4, 5), 9000, np.uint16))
    Image.new('RGB', (8, 6)).save(tmp_path / 'a.png')
    pair = next(iterate_pairs(path, tmp_path / 'a.png'))
    with pytest.raises(PairError, match=r'a\.jpg.*--ir-celsius'):
        pair.thermal()


def test_frames_of_a_video_are_radiometric(tmp_path):
    for kind in ('ir', 'vi'):
        (tmp_path / kind).mkdir()
    for number in range(3):
        celsius = np.full((64, 80), 20.0)
        celsius[:30, :30] = 40 + 20 * number
        counts = np.round(black_body(celsius)).astype(np.uint16)
        flir_jpeg(tmp_path / 'ir' / f'{number}.jpg', counts, segment=60000)
        Image.new('RGB', (80, 64)).save(tmp_path / 'vi' / f'{number}.png')
    inferencer = FusionInferencer('max', show_progress=False)
    sources = tmp_path / 'ir', tmp_path / 'vi'
    for options in ({'ir_percentiles': (0, 100)}, {'ir_celsius': (20, 40)}):
        out = tmp_path / f'{next(iter(options))}.mkv'
        fuse_video(inferencer, *sources, out, temporal_filter=False, **options)
        frames = [ir for ir, _ in FileFrames(out, out)]
        assert len(frames) == 3
        for frame in frames:  # One range for all, of the first frame.
            assert frame[15, 15].min() > 250 and frame[60, 70].max() < 5


def visible_record(visible):
    file = io.BytesIO()
    Image.fromarray(visible).save(file, 'PNG')
    height, width = visible.shape[:2]
    return 0x0E, struct.pack('<HHH', 3, width, height).ljust(32, b'\0') + file.getvalue()


def test_visible_image_within_the_file(tmp_path):
    counts = np.full((24, 32), 9000, np.uint16)
    visible = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    picture = 0x2A, struct.pack('<fhh', 1.5, 4, -3).ljust(32, b'\0')
    for more, expected in (
        ([visible_record(visible)], visible),
        ([visible_record(visible), picture], visible[12:72, 24:104]),
    ):
        path = flir_jpeg(tmp_path / 'a.jpg', counts, segment=60000, more=more)
        np.testing.assert_array_equal(read_visible_of_flir(path), expected)
        found = find_visible(path, 'embedded')
        np.testing.assert_array_equal(np.asarray(Image.open(found)), expected)
        _extract.cache_clear()
    far = 0x2A, struct.pack('<fhh', 1.5, 40, -3).ljust(32, b'\0')
    flir_jpeg(path, counts, segment=60000, more=[visible_record(visible), far])
    with pytest.raises(PairError, match=r'a\.jpg.*field of view'):
        read_visible_of_flir(path)
    flir_jpeg(path, counts, segment=60000, more=[(0x0E, b'\0' * 50)])
    with pytest.raises(PairError, match=r'a\.jpg.*visible image in it'):
        read_visible_of_flir(path)
    for other in (flir_jpeg(path, counts), tmp_path / 'b.png'):
        Image.new('L', (4, 4)).save(tmp_path / 'b.png')
        with pytest.raises(PairError, match=r'visible image in it \(give --vi'):
            read_visible_of_flir(other)


def test_counts_of_another_size_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    counts = np.full((24, 32), 9000, np.uint16)
    whole = flir_jpeg(tmp_path / 'a.jpg', counts).read_bytes()
    head = struct.pack('<HHH', 2, 32, 24)
    monkeypatch.setattr(imagecodecs, 'png_decode', lambda data: pytest.fail('decoded'))
    (tmp_path / 'b.jpg').write_bytes(whole.replace(head, struct.pack('<HHH', 2, 32, 23)))
    with pytest.raises(PairError, match=r'b\.jpg.*counts of 32x24 where its header says 32x23'):
        read_radiometric(tmp_path / 'b.jpg')
    (tmp_path / 'c.jpg').write_bytes(whole.replace(head, struct.pack('<HHH', 2, 65535, 65535)))
    with pytest.raises(PairError, match='65535x65535 counts, more than any such sensor'):
        read_radiometric(tmp_path / 'c.jpg')
    flir_jpeg(tmp_path / 'd.jpg', counts, kind='tiff')
    whole = (tmp_path / 'd.jpg').read_bytes()
    (tmp_path / 'd.jpg').write_bytes(whole.replace(head, struct.pack('<HHH', 2, 31, 24)))
    with pytest.raises(PairError, match='counts of 32x24 where its header says 31x24'):
        read_radiometric(tmp_path / 'd.jpg')


def test_pairs_of_one_folder(tmp_path):
    (tmp_path / 'ir').mkdir()
    for name, grey in (('a', 50), ('b', 200)):
        visible = np.full((48, 64, 3), grey, np.uint8)
        counts = np.round(black_body(np.full((24, 32), 20.0))).astype(np.uint16)
        path = tmp_path / 'ir' / f'{name}.jpg'
        flir_jpeg(path, counts, segment=60000, more=[visible_record(visible)])
    inferencer = FusionInferencer('max', show_progress=False)
    options = {'ir_celsius': (20.5, 60), 'resize': True}
    with pytest.warns(UserWarning, match='no contrast'):
        inferencer(tmp_path / 'ir', 'embedded', out_dir=tmp_path / 'out', **options)
    for name, grey in (('a', 50), ('b', 200)):
        image = np.asarray(Image.open(tmp_path / 'out' / f'{name}.png'))
        assert image.shape == (48, 64, 3) and (image == grey).all()


def dji_jpeg(path, counts, make='DJI', appended=b''):
    """Write a JPEG with raw counts in APP3 segments."""
    exif = Image.Exif()
    exif[0x010F] = make
    file = io.BytesIO()
    Image.new('L', (640, 512), 90).save(file, 'JPEG', exif=exif)
    data, segments = counts.astype('<u2').tobytes() + appended, b''
    for start in range(0, len(data), 65000):
        part = data[start : start + 65000]
        segments += b'\xff\xe3' + struct.pack('>H', len(part) + 2) + part
    jpeg = file.getvalue()
    path.write_bytes(jpeg[:2] + segments + jpeg[2:])
    return path


def test_counts_of_dji(tmp_path):
    counts = np.arange(512 * 640).reshape(512, 640) % 4096 + 8000
    path = dji_jpeg(tmp_path / 'a.jpg', counts, appended=b'\1' * 512)
    np.testing.assert_array_equal(read_dji_counts(path), counts)
    vi = np.zeros((512, 640, 3), np.uint8)
    for options in ({'ir_percentiles': (0, 100)}, {'ir_range': (8000, 12095)}):
        pair = next(iterate_pairs([path], [vi], **options))
        np.testing.assert_allclose(pair.ir, (counts - 8000) / 4095, atol=1e-6)
        np.testing.assert_array_equal(pair.thermal().values, counts)
        assert not pair.thermal().is_celsius
    for options in (
        {'ir_celsius': (0, 50)},
        {'ir_celsius': (0, 50), 'ir_unit': 'celsius'},
        {'ir_percentiles': (1, 99), 'ir_unit': 'kelvin'},
    ):
        with pytest.raises(PairError, match=r"a\.jpg.*DJI's Thermal SDK"):
            next(iterate_pairs([path], [vi], **options))
    with pytest.warns(UserWarning, match='no contrast'):
        picture = next(iterate_pairs([path], [vi]))
    assert len(np.unique(picture.ir)) == 1
    with pytest.raises(PairError, match=r'a\.jpg.*--ir-percentiles'):
        picture.thermal()
    path.write_bytes(dji_jpeg(path, counts[:300]).read_bytes())
    with pytest.raises(PairError, match=r'a\.jpg.*384000 bytes'):
        read_dji_counts(path)
    assert read_dji_counts(dji_jpeg(path, counts, make='Other')) is None
