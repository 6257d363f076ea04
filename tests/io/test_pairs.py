import threading

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.io import pairs
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.matching import find_pairs, match_pairs
from tsjnet_mm.io.pairs import iterate_pairs, read_pairs
from tsjnet_mm.io.preparation import Homography, warp


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    ir = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    return ir, rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def _only(*args, **options):
    (pair,) = iterate_pairs(*args, **options)
    return pair


def test_files_folders_and_patterns_give_the_same(pair_folder):
    data = pair_folder(vi_extension='.bmp')
    expected = [
        (stem, str(data / 'ir' / f'{stem}.png'), str(data / 'vi' / f'{stem}.bmp'))
        for stem in ('001', '002', '010')
    ]
    assert find_pairs(data / 'ir', data / 'vi') == expected
    assert find_pairs(str(data / 'ir' / '*.png'), f'{data}/v*/*.bmp') == expected
    assert find_pairs(*expected[1][1:]) == expected[1:2]
    names = [pair.name for pair in iterate_pairs(data / 'ir', data / 'vi')]
    assert names == ['001', '002', '010']


def test_a_file_whose_name_looks_like_a_pattern(pair_folder):
    data = pair_folder(stems=('a[1]',))
    files = data / 'ir' / 'a[1].png', data / 'vi' / 'a[1].png'
    assert find_pairs(*files) == [('a[1]', *map(str, files))]


@pytest.mark.parametrize('levels', ['uint8', 'uint16', 'float32', 'float64', 'float16'])
def test_types_mean_the_same_image(levels, arrays):
    ir, vi = arrays
    if levels == 'uint16':
        ir, vi = ir.astype(np.uint16) * 257, vi.astype(np.uint16) * 257
    elif levels != 'uint8':
        ir, vi = (ir / 255).astype(levels), (vi / 255).astype(levels)
    pair = _only(ir, vi)
    assert pair.name == '000000' and pair.ir.dtype == pair.vi.dtype == np.float32
    np.testing.assert_allclose(pair.ir, arrays[0] / 255, atol=5e-4)
    np.testing.assert_allclose(pair.vi, arrays[1] / 255, atol=5e-4)


def test_tensors(arrays):
    ir, vi = (torch.from_numpy(array / np.float32(255)) for array in arrays)
    vi = vi.permute(2, 0, 1)
    for one in (ir, ir[None], ir[None].expand(3, -1, -1)):
        pair = _only(one, vi)
        np.testing.assert_allclose(pair.ir, arrays[0] / 255, atol=1e-6)
        np.testing.assert_allclose(pair.vi, arrays[1] / 255, atol=1e-6)
    batch = list(iterate_pairs(torch.stack([ir[None]] * 2), torch.stack([vi] * 2)))
    assert [pair.name for pair in batch] == ['000000', '000001']
    bfloat = _only(ir.bfloat16(), vi.bfloat16())
    np.testing.assert_allclose(bfloat.ir, arrays[0] / 255, atol=2e-3)


def test_grey_visible_images_are_repeated(arrays):
    ir, vi = arrays
    for grey in (vi[..., 0], vi[..., :1]):
        pair = _only(ir, grey)
        assert pair.vi.shape == (20, 30, 3)
        assert (pair.vi == pair.vi[..., :1]).all()


def test_generators_are_read_one_at_a_time(arrays):
    read = []

    def frames():
        for index in range(5):
            read.append(index)
            yield arrays[0]

    pairs = iterate_pairs(frames(), (arrays[1] for _ in range(5)))
    next(pairs)
    assert read == [0]
    assert len(list(pairs)) == 4


def test_lists_of_paths_take_the_visible_name(pair_folder):
    data = pair_folder()
    pair = _only([str(data / 'ir' / '001.png')], [data / 'vi' / '010.png'])
    assert pair.name == '010'
    ((name, *_),) = find_pairs(data / 'ir' / '001.png', data / 'vi' / '010.png')
    assert name == '010'


def test_skipped_pairs_are_not_read(pair_folder):
    data = pair_folder()
    (data / 'ir' / '001.png').write_bytes(b'broken')
    pairs = iterate_pairs(data / 'ir', data / 'vi', skip=lambda name: name == '001')
    assert [pair.name for pair in pairs] == ['002', '010']


def test_infrared_ranges(arrays):
    ir = np.arange(600, dtype=np.uint16).reshape(20, 30) + 7000
    pair = _only(ir, arrays[1], ir_range=(7000, 7599))
    assert pair.ir.min() == 0 and pair.ir.max() == 1
    pair = _only(ir, arrays[1], ir_percentiles=(10, 90))
    assert (pair.ir == 0).mean() == pytest.approx(0.1, abs=0.01)


def test_different_sizes(arrays):
    ir, vi = arrays
    message = (
        r'infrared image 000000: different sizes: expected 30x20 as visible image 000000 .*'
        r'homography=H\), found 20x10'
    )
    with pytest.raises(PairError, match=message):
        _only(ir[:10, :20], vi)
    assert _only(ir[:10, :20], vi, resize=True).ir.shape == (20, 30)
    large = np.kron(ir, np.ones((2, 2), np.uint8))
    np.testing.assert_allclose(_only(large, vi, resize=True).ir, ir / 255, atol=1e-6)


def test_homography_moves_the_infrared_image(arrays):
    ir, vi = arrays
    shift = np.array([[1, 0, 4], [0, 1, 2], [0, 0, 1]])
    moved = _only(ir, vi, homography=shift).ir
    np.testing.assert_allclose(moved[2:, 4:], ir[:-2, :-4] / 255, atol=1e-6)
    # What the infrared camera did not see continues its border.
    np.testing.assert_allclose(moved[0, 4:], ir[0, :-4] / 255, atol=1e-6)
    scaled = warp(ir / np.float32(255), np.diag([2, 2, 1.0]), (40, 60))
    np.testing.assert_allclose(scaled[::2, ::2], ir / 255, atol=1e-6)


def test_errors_of_files(pair_folder, tmp_path):
    data = pair_folder()
    with pytest.raises(FileNotFoundError, match=r'no such file or folder: .*nowhere'):
        find_pairs(tmp_path / 'nowhere', data / 'vi')
    with pytest.raises(ValueError, match='two files or two folders'):
        find_pairs(data / 'ir', data / 'vi' / '001.png')
    with pytest.raises(FileNotFoundError, match=r'no images \(.png, .* in the pattern'):
        find_pairs(str(data / 'ir' / '*.gif'), data / 'vi')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match=r'in the folder .*empty'):
        find_pairs(tmp_path / 'empty', data / 'vi')
    (data / 'note.txt').write_text('x')
    with pytest.raises(PairError, match=r'note.txt: not an image'):
        find_pairs(data / 'note.txt', data / 'vi' / '001.png')
    (data / 'vi' / '010.png').unlink()
    (data / 'vi' / '002.png').unlink()
    with pytest.raises(PairError, match=r'002.png: no partner: .*found none \(and 1 more\)'):
        find_pairs(data / 'ir', data / 'vi')
    Image.new('L', (4, 4)).save(data / 'ir' / '001.bmp')
    with pytest.raises(PairError, match=r'001.png: ambiguous name: .* also .*001.bmp'):
        find_pairs(data / 'ir', data / 'vi')


def test_errors_and_warnings_name_the_file_of_their_image(pair_folder):
    data = pair_folder(stems=('001',))
    pair = data / 'ir' / '001.png', data / 'vi' / '001.png'
    with pytest.warns(UserWarning, match=r'ir.001\.png has no contrast'):
        _only(*pair, ir_range=(1000, 2000))
    homography = {'homography': Homography(np.eye(3), vi_size=(1, 1))}
    with pytest.raises(PairError, match=r'vi.001\.png: different sizes'):
        _only(*pair, **homography)


def test_errors_of_arrays(arrays):
    ir, vi = arrays
    with pytest.raises(TypeError, match='two images or two sequences'):
        _only(ir, [vi])
    with pytest.raises(TypeError, match=r'infrared image 000000: expected a path.* got int'):
        _only([3], [vi])
    with pytest.raises(
        PairError, match=r'unknown shape: .*\(H, W, 1 or 3\), found \(20, 30, 4\)'
    ):
        _only(ir, np.zeros((20, 30, 4), np.uint8))
    with pytest.raises(
        PairError, match=r'unknown shape: .*\(1 or 3, H, W\), found \(2, 20, 30\)'
    ):
        _only(torch.zeros(2, 20, 30), torch.zeros(3, 20, 30))
    with pytest.raises(PairError, match='visible image 000000: unknown value range'):
        _only(ir, vi.astype(np.float32))
    with pytest.raises(PairError, match='infrared image 000000: unusable values'):
        _only(np.full((20, 30), np.nan), vi)
    with pytest.raises(PairError, match='empty image'):
        _only(np.zeros((0, 30), np.uint8), vi)
    with pytest.raises(ValueError, match=r'shorter|longer'):
        list(iterate_pairs([ir, ir], [vi]))


@pytest.fixture
def files(tmp_path):
    """Write tiny images of these names; returns their folder."""

    def write(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new('L', (4, 4)).save(path)
        return tmp_path

    return write


def _relative(root, pairs):
    return [tuple(part.replace(f'{root}/', '') for part in pair) for pair in pairs]


@pytest.mark.parametrize(
    'ir, vi',
    [
        ('x_ir.png', 'x_vis.png'),
        ('FLIR_00001_PreviewData.jpeg', 'FLIR_00001_RGB.jpg'),
        ('FLIR_00001_PreviewData.jpeg', 'FLIR_00001.jpg'),
        ('x.png', 'x_rgb.png'),
        ('IR_7.tif', 'VIS_7.tif'),
        ('scene_ir_7.png', 'scene_vis_7.png'),
    ],
)
def test_one_folder_for_both(files, ir, vi):
    root = files(ir, vi, ir.replace('7', '8').replace('x', 'y').replace('1', '2'))
    files(vi.replace('7', '8').replace('x', 'y').replace('1', '2'))
    pairs = _relative(root, find_pairs(root, root))
    assert (vi.rpartition('.')[0], ir, vi) in pairs and len(pairs) == 2
    assert find_pairs(f'{root}/*', root) == find_pairs(root, root)


def test_one_folder_without_a_hint(files):
    root = files('1.png', '2.png')
    with pytest.raises(PairError, match=r'names that say which images are infrared .*ir_affix'):
        find_pairs(root, root)
    root = files('1_T.png', '2_T.png')
    pairs = find_pairs(root, root, ir_affix='_T')
    assert _relative(root, pairs) == [('1', '1_T.png', '1.png'), ('2', '2_T.png', '2.png')]


def test_one_folder_with_an_image_more(files):
    root = files('x_ir.png', 'x_vis.png', 'x.png')
    with pytest.raises(PairError, match=r'x_vis\.png: ambiguous name: .*also .*x\.png'):
        find_pairs(root, root)


@pytest.mark.parametrize('pattern', [False, True])
def test_the_layout_of_kaist(files, pattern):
    clips = ('set00/V000', 'set00/V001', 'set06/V000')
    for clip in clips:
        root = files(f'{clip}/lwir/I00000.jpg', f'{clip}/visible/I00000.jpg')
    sources = (f'{root}/**/lwir/*.jpg', f'{root}/**/visible/*.jpg') if pattern else (root, root)
    assert _relative(root, find_pairs(*sources)) == [
        (f'{clip}/I00000', f'{clip}/lwir/I00000.jpg', f'{clip}/visible/I00000.jpg')
        for clip in clips
    ]


def test_names_stay_stems_where_stems_are_unique(files):
    root = files('IR/a/1.tif', 'IR/b/2.tif', 'VI/a/1.png', 'VI/c/2.png')
    pairs = find_pairs(f'{root}/IR/**/*.tif', f'{root}/VI/**/*.png')
    assert [pair.name for pair in pairs] == ['1', '2']


def test_what_lacks_a_partner_is_listed(files):
    root = files('ir/1_ir.png', 'ir/2.png', 'ir/3.png', 'vi/1.png', 'vi/4.png')
    found = match_pairs(root / 'ir', root / 'vi')
    assert [pair.name for pair in found.pairs] == ['1']
    assert [pair.name for pair in found.ir_only] == ['2', '3']
    assert [pair.vi for pair in found.vi_only] == [f'{root}/vi/4.png']


def test_natural_order(files):
    root = files(*(f'{kind}/f{i}.png' for kind in ('ir', 'vi') for i in (10, 9, 1)))
    assert [pair.name for pair in find_pairs(root / 'ir', root / 'vi')] == ['f1', 'f9', 'f10']


def test_paths_of_a_list_are_named_apart(pair_folder):
    one, other = pair_folder(root='a'), pair_folder(root='b')
    lists = [[root / kind / '001.png' for root in (one, other)] for kind in ('ir', 'vi')]
    assert [pair.name for pair in iterate_pairs(*lists)] == ['a/001', 'b/001']


def test_a_batch_beside_a_single_image():
    for shapes in (((3, 1, 8, 9), (3, 8, 9)), ((1, 8, 9), (1, 3, 8, 9))):
        ir, vi = (torch.rand(shape) for shape in shapes)
        with pytest.raises(
            PairError, match=r'unknown shape: expected \(B, 1 or 3, H, W\) both'
        ):
            list(iterate_pairs(ir, vi))


def test_options_are_refused_before_anything_is_read():
    with pytest.raises(ValueError, match='ir_range'):
        iterate_pairs('nowhere', 'nowhere', ir_range=(9, 1))


@pytest.mark.parametrize('most', [2**23, 1])
def test_pairs_that_are_read_ahead_are_the_same_in_their_order(pair_folder, monkeypatch, most):
    """Large ones (here all above a pixel) are read when they are asked for."""
    data = pair_folder(stems=tuple(f'{number:03d}' for number in range(9)))
    sources = find_pairs(data / 'ir', data / 'vi')
    expected = list(read_pairs(sources))
    threads, read = [], pairs._read_pair

    def noting(*args):
        threads.append(threading.current_thread())
        return read(*args)

    monkeypatch.setattr(pairs, '_read_pair', noting)
    monkeypatch.setattr(pairs, '_MOST_PIXELS_AHEAD', most)
    found = read_pairs(iter(sources), workers=2)
    first = next(found)
    assert len(threads) == 1 if most == 1 else len(threads) >= 1
    for pair, wanted in zip([first, *found], expected, strict=True):
        assert pair.name == wanted.name
        np.testing.assert_array_equal(pair.ir, wanted.ir)
        np.testing.assert_array_equal(pair.vi, wanted.vi)
    is_main = [thread is threading.main_thread() for thread in threads]
    assert is_main == [most == 1] * 9
    (data / 'vi' / '004.png').write_bytes(b'broken')
    found, names = read_pairs(sources, workers=2), []
    with pytest.raises(PairError, match=r'004\.png: unreadable'):
        names += (pair.name for pair in found)
