import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from tsjnet_mm.io.exif import read_exif
from tsjnet_mm.io.images import read_image, write_image
from tsjnet_mm.io.resume import NOTE, is_done

TIME, LATITUDE = '2026:01:02 03:04:05', (48.0, 51.0, 29.63)


def write_photo(path, **tags):
    """A photo that is stored on its side, with tags of each kind."""
    exif = Image.Exif()
    exif.update({0x010F: 'Maker', 0x0110: 'Model', 0x0112: 6, 0x0132: TIME, 0x010E: 'holiday'})
    exif[0x8769] = {0x9003: TIME, 0x9291: '123', 0x927C: b'offsets', 0xA002: 99}
    degrees = tuple(IFDRational(*part) for part in ((48, 1), (51, 1), (2963, 100)))
    exif[0x8825] = {1: 'N', 2: degrees, 5: b'\0', 6: IFDRational(35, 1)}
    stored = Image.Exif()  # Of TIFF, Pillow takes only data that were read.
    stored.load(exif.tobytes())
    Image.new('RGB', (40, 30), 'red').save(path, exif=stored)
    return path


@pytest.mark.parametrize('source', ['jpg', 'png', 'webp', 'tif'])
@pytest.mark.parametrize('written', ['jpg', 'png', 'webp', 'tif', 'float'])
def test_time_and_place_are_kept(tmp_path, source, written):
    photo = write_photo(tmp_path / f'a.{source}')
    kind = (np.float32, 'tif') if written == 'float' else (np.uint8, written)
    image = np.zeros((40, 30) if written == 'float' else (40, 30, 3), kind[0])
    path = tmp_path / f'out.{kind[1]}'
    write_image(image, path, {NOTE: '{}'}, exif=read_exif([tmp_path / 'none.jpg', photo]))
    assert is_done(path, '{}') and read_image(path).shape[:2] == (40, 30)
    found = Image.open(path).getexif()
    assert (found[0x010F], found[0x0110], found[0x0132]) == ('Maker', 'Model', TIME)
    assert 0x0112 not in found or found[0x0112] == 1
    assert found.get(0x010E) in (None, f'{NOTE}: {{}}')
    assert dict(found.get_ifd(0x8769)) == {0x9003: TIME, 0x9291: '123'}
    place = found.get_ifd(0x8825)
    assert (place[1], place[5], place[6]) == ('N', b'\0', 35)
    assert tuple(map(float, place[2])) == pytest.approx(LATITUDE)
    assert read_exif([path]) == read_exif([photo])


def test_what_has_no_data(tmp_path):
    Image.new('L', (4, 4)).save(tmp_path / 'a.png')
    Image.new('L', (4, 4)).save(tmp_path / 'a.tif', dpi=(72, 72))
    (tmp_path / 'b.jpg').write_bytes(b'\xff\xd8\xff\xe1\0\x10Exif\0\0II*\0')
    others = [np.zeros((4, 4)), *(tmp_path / name for name in ('a.png', 'a.tif', 'b.jpg', 'c'))]
    assert read_exif(others) is None
    photo = write_photo(tmp_path / 'd.jpg')
    assert read_exif([*others, photo]) == read_exif([photo]) is not None
