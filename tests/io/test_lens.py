from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from tsjnet_mm.evaluation.image_files import read_files
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.lens import Lens, load_lens
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.thermal import thermal_map

MATRIX = np.array([[300.0, 0, 159.5], [0, 300, 119.5], [0, 0, 1]])
COEFFICIENTS = np.array([-0.3, 0.05, 0.001, -0.002, 0.0])


def write(path, names=('camera_matrix', 'distortion_coefficients'), size=(320, 240)):
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write('image_width', size[0])
    storage.write('image_height', size[1])
    storage.write(names[0], MATRIX)
    storage.write(names[1], COEFFICIENTS[None])
    storage.release()
    return path


def dots(points):
    image = np.zeros((240, 320), np.float32)
    for x, y in points:
        image += np.exp(-((np.arange(320) - x) ** 2 + (np.arange(240)[:, None] - y) ** 2) / 8)
    return image


def peak(image, x, y):
    part = image[y - 6 : y + 7, x - 6 : x + 7]
    rows, columns = np.indices(part.shape)
    centre = np.array([(columns * part).sum(), (rows * part).sum()]) / part.sum()
    return np.add(centre, (x - 6, y - 6))


@pytest.mark.parametrize('extension', ['yml', 'yaml', 'xml', 'json'])
def test_files_of_opencv_are_read(tmp_path, extension):
    lens = load_lens(write(tmp_path / f'lens.{extension}'))
    np.testing.assert_allclose(lens.camera_matrix, MATRIX)
    np.testing.assert_allclose(lens.distortion_coefficients, COEFFICIENTS)
    assert lens.size == (320, 240)
    assert Lens.of(lens.to_note()).distortion_coefficients == lens.distortion_coefficients
    other = load_lens(write(tmp_path / f'other.{extension}', ('K', 'D'), (0, 0)))
    assert other.size is None and other.camera_matrix == lens.camera_matrix


def test_what_the_lens_bent_is_straight():
    straight = np.float64([[60, 50], [250, 60], [160, 120], [70, 190]])
    rays = np.c_[(straight - MATRIX[:2, 2]) / 300, np.ones(4)]
    bent = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), MATRIX, COEFFICIENTS)[0][:, 0]
    assert np.abs(bent - straight).max() > 3
    lens = Lens(MATRIX, COEFFICIENTS)
    found = lens.undistort(dots(bent), 'x')
    for point in straight.astype(int):
        np.testing.assert_allclose(peak(found, *point), point, atol=0.3)
    colour = np.stack([dots(bent)] * 3, 2)
    np.testing.assert_allclose(lens.undistort(colour, 'x')[..., 1], found, atol=1e-6)


def test_a_preparation_straightens_each_camera(tmp_path):
    path = write(tmp_path / 'lens.yml')
    image = np.uint8(dots([(60, 50), (250, 60)]) * 255)
    lens = load_lens(path)
    expected = lens.undistort(np.float32(image) / 255, 'x')
    ir, vi = Preparation(ir_calibration=path)(image, image)
    np.testing.assert_allclose(ir, expected, atol=1e-6)
    np.testing.assert_array_equal(vi[..., 0], np.float32(image) / 255)
    both = Preparation(ir_calibration=path, vi_calibration=str(path))
    ir, vi = both(image, image)
    np.testing.assert_allclose(vi[..., 2], expected, atol=1e-6)
    again = Preparation.from_note(both.to_note())
    np.testing.assert_array_equal(again(image, image)[0], ir)
    assert 'ir_calibration' not in Preparation().to_note()
    with pytest.raises(PairError, match=r'ir\.png: different sizes: expected 320x240.*160x240'):
        both(image[:, :160], image[:, :160], ('ir.png', 'vi.png'))


def test_other_files_are_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file'):
        load_lens(tmp_path / 'none.yml')
    for name, content in (
        ('text.yml', 'hello'),
        ('empty.yml', ''),
        ('list.json', '[1, 2]'),
        ('else.yml', '%YAML:1.0\n---\na: 3\n'),
        ('scalar.yml', '%YAML:1.0\n---\ncamera_matrix: 3\ndistortion_coefficients: 4\n'),
        ('binary.yml', '\x00\x01\x02'),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(ValueError, match=f'{name}: expected an OpenCV calibration'):
            load_lens(tmp_path / name)
    for matrix, coefficients in (
        (MATRIX[:2], COEFFICIENTS),
        (MATRIX, [1, 2, 3]),
        (MATRIX, [np.nan] * 5),
        (-MATRIX, COEFFICIENTS),
        ('x', COEFFICIENTS),
    ):
        with pytest.raises(ValueError, match='the calibration: expected an OpenCV'):
            Lens(matrix, coefficients)


def test_temperatures_and_scores_are_of_the_straight_images(tmp_path):
    image = np.uint8(dots([(60, 50), (250, 60)]) * 255)
    cv2.imwrite(str(tmp_path / 'image.png'), image)
    path = write(tmp_path / 'lens.yml')
    straight = load_lens(path).undistort(np.float32(image), 'x')
    preparation = Preparation(ir_calibration=path, vi_calibration=path)
    thermal = thermal_map(image, preparation, (240, 320), ('ir', 'vi'))
    np.testing.assert_allclose(thermal.values, straight, atol=1e-3)
    names = dict.fromkeys(('ir', 'vi'), str(tmp_path / 'image.png'))
    files = SimpleNamespace(preparation=preparation, fused={}, **names)
    infrared, visible = read_files(files, 'plain')
    np.testing.assert_allclose(infrared[0], straight, atol=0.6)
    np.testing.assert_allclose(visible[0], straight, atol=0.6)
