import doctest
import json

import numpy as np
import pytest

from tsjnet_mm.io import preparation as module
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.images import infrared_to_unit
from tsjnet_mm.io.preparation import Homography, Preparation, load_homography, warp

VI = np.zeros((20, 30, 3), np.uint8)
COUNTS = (np.arange(600, dtype=np.uint16) + 7000).reshape(20, 30)


@pytest.mark.parametrize(
    'options, message',
    [
        (
            {'ir_range': (200, 10)},
            r'ir_range must be .* low < high, such as 7000 9000, got \(200, 10\)',
        ),
        ({'ir_range': (5, 5)}, r'ir_range must be .* got \(5, 5\)'),
        ({'ir_range': (float('nan'), 5)}, 'ir_range must be two finite numbers'),
        ({'ir_range': (0, float('inf'))}, 'ir_range must be two finite numbers'),
        ({'ir_range': (0, 1, 2)}, 'ir_range must be two numbers'),
        ({'ir_range': 7}, 'ir_range must be two numbers'),
        ({'ir_percentiles': (99, 1)}, r'ir_percentiles must be .* got \(99, 1\)'),
        ({'ir_percentiles': (-1, 99)}, r'ir_percentiles must lie in 0\.\.100, got \(-1, 99\)'),
        ({'ir_percentiles': (1, 100.5)}, r'must lie in 0\.\.100, got \(1, 100\.5\)'),
        ({'ir_percentiles': (1, float('nan'))}, 'ir_percentiles must be two finite numbers'),
        ({'ir_range': (0, 1), 'ir_percentiles': (1, 99)}, 'ir_range or ir_percentiles, not'),
        ({'homography': [[1, 2], [3, 4]]}, r'expected a 3x3 matrix of numbers, found \(2, 2\)'),
        ({'homography': np.zeros((3, 3))}, 'cannot be inverted'),
        ({'homography': np.full((3, 3), np.inf)}, 'expected a 3x3 matrix of numbers'),
    ],
)
def test_what_cannot_be_meant_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Preparation(**options)


@pytest.mark.parametrize('limits', [{'value_range': (9, 1)}, {'percentiles': (50, 50)}])
def test_the_reader_refuses_it_too(limits):
    with pytest.raises(ValueError, match=next(iter(limits))):
        infrared_to_unit(COUNTS, 'x', **limits)


def test_is_a_value():
    one = Preparation([1, 2], None, True, np.eye(3))
    assert one == Preparation((1.0, 2.0), homography=np.eye(3).tolist(), resize=1)
    assert hash(one) == hash(Preparation((1, 2), None, True, np.eye(3)))
    with pytest.raises(AttributeError):
        one.ir_range = (3, 4)
    assert Preparation.of(one) is one
    assert Preparation.of(ir_range=(1, 2)) == Preparation((1, 2))
    assert Preparation.of(one, ir_range=None) is one
    with pytest.raises(ValueError, match='give preparation or ir_range, not both'):
        Preparation.of(one, ir_range=(1, 3))
    with pytest.raises(TypeError, match='range'):
        Preparation.of(range=(1, 3))


@pytest.mark.parametrize(
    'preparation',
    [
        Preparation(),
        Preparation(ir_range=(7000, 7100.5), resize=True),
        Preparation(ir_percentiles=(0.5, 99)),
        Preparation(homography=[[1, 0.1, 2.3], [0, 1.01, 1 / 3], [1e-5, 0, 1]]),
    ],
)
def test_comes_back_from_a_note(preparation):
    note = json.loads(json.dumps({**preparation.to_note(), 'fusor': 'x'}))
    assert Preparation.from_note(note) == preparation


def test_prepares_a_pair():
    ir, vi = Preparation(ir_range=(7000, 7599))(COUNTS, VI)
    np.testing.assert_allclose(ir, np.arange(600).reshape(20, 30) / 599, atol=1e-6)
    assert vi.shape == (20, 30, 3) and vi.dtype == np.float32
    ir, _ = Preparation((7000, 7599), resize=True)(COUNTS[:10, :15], VI)
    assert ir.shape == (20, 30)
    shift = np.array([[1, 0, 4], [0, 1, 2], [0, 0, 1]])
    moved, _ = Preparation((7000, 7599), homography=shift)(COUNTS, VI)
    np.testing.assert_allclose(moved[2:, 4:], (COUNTS[:-2, :-4] - 7000) / 599, atol=1e-6)
    np.testing.assert_allclose(moved, warp((COUNTS - 7000) / np.float32(599), shift, (20, 30)))


def test_resizing_averages_what_it_shrinks_and_interpolates_what_it_enlarges():
    fit = Preparation(resize=True).fit
    fine = np.random.default_rng(0).random((16, 24), np.float32)
    small = fit(fine, (4, 6), ('a', 'b'))
    np.testing.assert_allclose(small, fine.reshape(4, 4, 6, 4).mean((1, 3)), atol=1e-6)
    steps = np.float32([[0, 1], [0, 1]])
    large = fit(steps, (4, 4), ('a', 'b'))
    np.testing.assert_allclose(large, [[0, 0.25, 0.75, 1]] * 4, atol=1e-6)


def test_warping_interpolates_and_is_done_to_equal_sizes_too():
    ramp = np.tile(np.float32([0, 0.2, 0.6, 1]), (3, 1))
    half = Preparation(homography=[[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])
    moved = half.fit(ramp, (3, 4), ('a', 'b'))
    # Beyond the left border its pixel goes on.
    np.testing.assert_allclose(moved, [[0, 0.1, 0.4, 0.8]] * 3, atol=1e-6)
    far = Preparation(homography=[[1, 0, 2], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(
        far.fit(ramp + 0.1, (3, 4), ('a', 'b')), [[0.1, 0.1, 0.1, 0.3]] * 3, atol=1e-6
    )


def test_percentiles_lie_between_values():
    counts = np.arange(0, 50, 10, dtype=np.uint16).reshape(1, 5)
    unit = Preparation(ir_percentiles=(10, 90)).prepare_infrared(counts, 'a.tif')
    # They are 4 and 36.
    np.testing.assert_allclose(unit, [[0, 6 / 32, 0.5, 26 / 32, 1]], atol=1e-6)


def _write(path, **content):
    path.write_text(json.dumps({'homography': np.eye(3).tolist(), **content}))
    return path


def test_a_mapping_belongs_to_the_sizes_it_was_made_for(tmp_path):
    path = _write(tmp_path / 'H.json', ir_size=[30, 20], vi_size=[30, 20])
    homography = load_homography(path)
    assert (homography.ir_size, homography.vi_size) == ((30, 20), (30, 20))
    grey = np.uint8(COUNTS % 256)
    Preparation(homography=str(path))(grey, VI)
    message = r'a\.png: different sizes: expected 30x20, the size .*H\.json was .* found 30x18'
    with pytest.raises(PairError, match=message):
        Preparation(homography=path)(grey[:18], VI, ('a.png', 'b.png'))
    with pytest.raises(PairError, match=r'b\.png: different sizes: .* found 29x20'):
        Preparation(homography=homography)(grey, VI[:, :29], ('a.png', 'b.png'))
    Preparation(homography=_write(tmp_path / 'any.json'))(grey[:18], VI)
    larger = _write(tmp_path / 'larger.json', ir_size=[15, 10], vi_size=[30, 20])
    ir, _ = Preparation(homography=larger)(grey[:10, :15], VI)
    assert ir.shape == (20, 30)


@pytest.mark.parametrize('size', [[30], [30, -1], ['30', 20], 30, [True, 2], [30.0, 20.0]])
def test_sizes_that_are_none(tmp_path, size):
    path = _write(tmp_path / 'H.json', ir_size=size)
    with pytest.raises(ValueError, match=r'H\.json: expected ir_size as two whole numbers'):
        load_homography(path)


def test_a_deeply_nested_file(tmp_path):
    (tmp_path / 'H.json').write_text('[' * 100000)
    with pytest.raises(ValueError, match=r'H\.json: expected a JSON object'):
        load_homography(tmp_path / 'H.json')


@pytest.mark.parametrize(
    'options, became',
    [
        ({'ir_range': (20000, 30000)}, 'with ir_range 20000 30000: .* 7000 to 7599 .* black'),
        ({'ir_range': (1, 2)}, 'with ir_range 1 2: .* become white'),
        ({'ir_range': (-1e9, 1e9)}, 'become one grey'),
    ],
)
def test_a_result_without_contrast_is_warned_of_by_name(options, became):
    with pytest.warns(UserWarning, match=rf'^a\.tif has no contrast.*{became}'):
        Preparation(**options)(COUNTS, VI, ('a.tif', 'b.png'))


def test_one_hot_pixel_does_not_hide_it():
    counts = COUNTS.repeat(4, 0).repeat(4, 1)
    counts[3, 3] = 0
    with pytest.warns(UserWarning, match='become white'):
        Preparation(ir_range=(10, 20)).prepare_infrared(counts, 'a.tif')


def test_constant_images():
    with pytest.warns(UserWarning, match='ir_percentiles 1 99: .* 9 to 9 become black'):
        Preparation(ir_percentiles=(1, 99)).prepare_infrared(np.full((9, 9), 9, np.uint8), 'a')
    with pytest.warns(UserWarning, match='no contrast: its values from 9 to 9 become one grey'):
        Preparation().prepare_infrared(np.full((9, 9), 9, np.uint8), 'a')


def test_usual_images_give_no_warning(recwarn):
    black_and_white = np.uint8(np.indices((20, 30)).sum(0) % 2 * 255)
    for options in ({}, {'ir_range': (0, 255)}, {'ir_percentiles': (1, 99)}):
        Preparation(**options)(black_and_white, VI)
    Preparation(ir_range=(7000, 7599))(COUNTS, VI)
    assert not recwarn.list


def test_homographies_are_arrays_too():
    homography = Homography(np.eye(3))
    assert np.array_equal(homography, np.eye(3)) and homography.tolist() == np.eye(3).tolist()


def test_docstring_examples():
    result = doctest.testmod(module)
    assert result.attempted and not result.failed
