import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer, fuse_to_folder
from tsjnet_mm.datasets.transforms import LoadPair
from tsjnet_mm.demo.fusor_choice import DemoModels
from tsjnet_mm.demo.upload_fusion import fuse_upload
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.lens import Lens
from tsjnet_mm.io.pairs import Pair, iterate_pairs
from tsjnet_mm.io.resume import COVERED, read_note
from tsjnet_mm.io.warping import Homography, fill_unseen, seen_weights
from tsjnet_mm.registration.parallax import fuse_from_one
from tsjnet_mm.utils.styles import Style

SHIFT = [[1, 0, 40], [0, 1, 30], [0, 0, 1]]
OUTSIDE = np.ones((96, 128), bool)
OUTSIDE[30:, 40:] = False


@pytest.fixture
def images():
    """An infrared image whose left and upper edges are hot, and a colour image."""
    rng = np.random.default_rng(2)
    ir = rng.integers(0, 90, (96, 128), dtype=np.uint8)
    ir[:, :3] = ir[:3] = 255
    return ir, rng.integers(40, 200, (96, 128, 3), dtype=np.uint8)


@pytest.fixture
def files(images, tmp_path):
    for name, image in zip(('ir', 'vi'), images, strict=True):
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / 'a.png')
    return tmp_path


def inferencer(**options):
    return FusionInferencer('average', device='cpu', show_progress=False, **options)


def weights(matrix, ir_size=(96, 128), size=(96, 128), lens=None):
    return seen_weights(matrix and Homography(matrix), lens, ir_size, size)


def is_within(corners, size):
    """Pixels within a convex polygon, on one side of each of its edges."""
    down, right = np.mgrid[: size[0], : size[1]]
    sides = []
    for (x, y), (u, v) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        sides.append((u - x) * (down - y) - (v - y) * (right - x) >= 0)
    return np.all(sides, axis=0)


def test_a_shift_leaves_its_rows_and_columns_unseen():
    found = weights(SHIFT)
    np.testing.assert_array_equal(found == 0, OUTSIDE)
    # The diagonal is 160 pixels: the weight rises within 1.6 of them.
    np.testing.assert_allclose(found[60, 39:43], [0, 1 / 1.6, 1, 1], atol=1e-6)
    assert found.dtype == np.float32 and (found[40:, 50:] == 1).all()


def test_what_is_seen_is_the_mapped_outline_of_the_infrared_image():
    matrix = np.array([[0.7, -0.1, 30], [0.08, 0.75, 12], [4e-4, -2e-4, 1]])
    outline = np.array([[-0.5, -0.5], [127.5, -0.5], [127.5, 95.5], [-0.5, 95.5]])
    mapped = np.c_[outline, np.ones(4)] @ matrix.T
    found = weights(matrix.tolist(), size=(100, 140))
    np.testing.assert_array_equal(
        found > 0, is_within(mapped[:, :2] / mapped[:, 2:], (100, 140))
    )
    assert 0.3 < (found > 0).mean() < 0.7
    np.testing.assert_array_equal(weights((-matrix).tolist(), size=(100, 140)), found)


def test_a_larger_copy_of_the_same_view_is_seen_whole():
    assert weights([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]], (48, 64)) is None
    assert weights(None) is None
    assert weights([[2, 0, 2], [0, 2, 2], [0, 0, 1]], (48, 64))[0, 0] == 0


def test_a_perspective_shows_nothing_of_what_is_behind_the_camera():
    # Infrared row 25 is at infinity. Row 30 would be mapped to row 50, upside down.
    matrix = [[1, -4, 100], [0, -7, 200], [0, -0.04, 1]]
    assert not weights(matrix, (40, 40), (60, 60)).any()


@pytest.mark.parametrize('matrix', [None, [[1, 0, 5], [0, 1, 0], [0, 0, 1]]])
def test_what_straightening_a_lens_invents_is_not_seen(matrix):
    lens = Lens([[60, 0, 64], [0, 60, 48], [0, 0, 1]], [0.3, 0, 0, 0])
    shown = np.float32(lens.undistort(np.ones((96, 128), np.float32), 'a'))
    assert shown.all()  # the border is repeated
    found = weights(matrix, lens=lens)
    left = 0 if matrix is None else 5
    # In the middle row, column c is bent to 60 r (1 + 0.3 r^2) from it, r = (64 - c) / 60:
    # 63.7 pixels for c = 12, and for c = 11 65.4, more than the 64.5 to the image's edge.
    assert (found[48, : left + 12] == 0).all()
    assert found[48, left + 12] > 0 and found[48, 64] == 1


def test_fused_images_are_the_visible_one_outside(images):
    ir, vi = images
    for options in ({}, {'keep_hue': True}, {'denoise': 'chroma'}):
        (fused,) = inferencer(**options)(ir, vi, homography=SHIFT)
        np.testing.assert_array_equal(fused[OUTSIDE], vi[OUTSIDE])
    (grey,) = inferencer()(ir, vi, homography=SHIFT, grey=True)
    luma = vi @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey - luma)[OUTSIDE].max() <= 0.5 + 1e-4
    mean = (np.float64(ir)[3:-30, 3:-40] + luma[33:, 43:]) / 2
    assert np.abs(grey[33:, 43:] - mean).max() <= 0.5 + 1e-4


def test_a_batch_may_have_pairs_that_are_seen_whole(images):
    ir, vi = images
    pairs = [next(iterate_pairs(ir, vi, **options)) for options in ({}, {'homography': SHIFT})]
    fuse = inferencer()
    together = [image for _, image in fuse.fuse_pairs(pairs, batch_size=2)]
    for pair, image in zip(pairs, together, strict=True):
        ((_, alone),) = fuse.fuse_pairs([pair])
        np.testing.assert_array_equal(image, alone)
    assert pairs[0].seen is None and pairs[0].covered == 1
    assert pairs[1].covered == pytest.approx(66 * 88 / (96 * 128))


def test_measured_values_are_nan_outside(images, files):
    ir = images[0]
    counts = np.uint16(ir) + 29315
    Image.fromarray(counts).save(files / 'ir' / 'a.png')
    options = {'homography': SHIFT, 'ir_range': (29315, 29570), 'ir_unit': 'centikelvin'}
    inferencer()(
        *(files / name / 'a.png' for name in ('ir', 'vi')),
        out_dir=files / 'o',
        temperatures=files / 't',
        **options,
    )
    written = np.asarray(Image.open(files / 't' / 'a.tif'))
    np.testing.assert_array_equal(np.isnan(written), OUTSIDE)
    np.testing.assert_allclose(written[30:, 40:], 20 + ir[:-30, :-40] / 100, atol=1e-4)
    with pytest.raises(PairError, match='values from 29315 to 29570 of no known unit'):
        inferencer()(
            *(files / name / 'a.png' for name in ('ir', 'vi')),
            out_dir=files / 'p',
            temperatures=files / 'u',
            homography=SHIFT,
            ir_range=(29315, 29570),
        )


@pytest.mark.parametrize('style', ['overlay', 'msx'])
def test_thermal_colours_end_at_the_edge_of_the_view(images, style):
    ir, vi = images
    (drawn,) = inferencer(style=style)(ir, vi, homography=SHIFT)
    np.testing.assert_array_equal(drawn[OUTSIDE], vi[OUTSIDE])
    assert (drawn[~OUTSIDE] != vi[~OUTSIDE]).mean() > 0.9


def test_nothing_is_hot_outside(images):
    ir, vi = images
    style = Style('isotherm', isotherm=200)
    (drawn,) = inferencer(style=style)(ir, vi, homography=SHIFT)
    coloured = drawn.max(2) > drawn.min(2)
    expected = np.zeros_like(OUTSIDE)
    expected[30:33, 40:] = expected[30:, 40:43] = True  # the hot edges, where they are
    np.testing.assert_array_equal(coloured, expected)


def test_metrics_compare_the_visible_luma_outside(images):
    ir, vi = images
    pair = next(iterate_pairs(ir, vi, homography=SHIFT))
    luma = vi @ np.float32([0.299, 0.587, 0.114]) / 255
    np.testing.assert_allclose(pair.filled[OUTSIDE], luma[OUTSIDE], atol=1e-6)
    np.testing.assert_allclose(pair.filled[33:, 43:], pair.ir[33:, 43:], atol=1e-6)
    assert fill_unseen(pair.ir, pair.vi, None) is pair.ir


def test_no_misaligned_region_takes_colours_from_outside(images, monkeypatch):
    ir, vi = np.float32(images[0]) / 255, np.float32(images[1]) / 255
    found = type('Found', (), {'mask': np.ones_like(ir)})
    monkeypatch.setattr('tsjnet_mm.registration.parallax.measure_parallax', lambda *_: found)
    seen = np.float32(~OUTSIDE)
    taken = fuse_from_one(Pair('a', ir, vi, seen=seen), 'infrared')
    np.testing.assert_array_equal(taken.vi[OUTSIDE], vi[OUTSIDE])
    assert (taken.vi != vi)[~OUTSIDE].mean() > 0.9


def test_a_file_tells_what_is_covered_and_a_second_run_keeps_it(files):
    folders = files / 'ir', files / 'vi', files / 'o'
    assert fuse_to_folder(inferencer(), *folders, homography=SHIFT) == (1, 0)
    note = read_note(files / 'o' / 'a.png')
    assert note[COVERED] == round(66 * 88 / (96 * 128), 3) and note['outside'] == 'visible'
    assert fuse_to_folder(inferencer(), *folders, homography=SHIFT) == (0, 1)
    moved = [[1, 0, 41], *SHIFT[1:]]
    assert fuse_to_folder(inferencer(), *folders, homography=moved) == (1, 0)
    assert fuse_to_folder(inferencer(), *folders) == (1, 0)
    assert COVERED not in read_note(files / 'o' / 'a.png')


def test_losses_compare_the_visible_luma_outside(images, files):
    paths = {f'{name}_path': str(files / name / 'a.png') for name in ('ir', 'vi')}
    loaded = LoadPair(homography=SHIFT)(paths)
    luma = images[1] @ np.float32([0.299, 0.587, 0.114]) / 255
    np.testing.assert_allclose(loaded['ir'][OUTSIDE], luma[OUTSIDE], atol=1e-6)


def test_the_web_page_measures_the_visible_luma_outside(images, files):
    models = DemoModels(device='cpu', precision='fp32')
    paths = files / 'ir' / 'a.png', files / 'vi' / 'a.png'
    done = fuse_upload(models, 'average', *paths, files, homography=Homography(SHIFT))
    measured = np.asarray(Image.open(done.sources[0]))
    luma = images[1] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(measured - luma)[OUTSIDE].max() <= 0.5 + 1e-4
    assert (np.asarray(Image.open(done.views['infrared']))[OUTSIDE] == 0).all()
