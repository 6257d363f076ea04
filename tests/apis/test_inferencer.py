import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.apis import FusionInferencer, init_fusor
from tsjnet_mm.apis.inferencer import choose_precision
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.registry import INFERENCERS, MODELS
from tsjnet_mm.utils import recolour, rgb_to_luma
from tsjnet_mm.utils.colour import recolour_in_gamut


@pytest.fixture
def inferencer():
    return FusionInferencer('max', show_progress=False)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    ir = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    return ir, rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def _luma(image):
    return image @ np.array([0.299, 0.587, 0.114])


def test_size_and_colour_of_the_visible_image(inferencer, arrays):
    ir, vi = arrays
    (fused,) = inferencer(ir, vi)
    assert fused.shape == vi.shape and fused.dtype == np.uint8
    wanted = np.maximum(ir, _luma(vi))
    unclipped = (fused > 2).all(-1) & (fused < 253).all(-1)
    assert unclipped.mean() > 0.3
    assert np.abs(_luma(fused) - wanted)[unclipped].max() <= 1
    chroma = (fused - _luma(fused)[..., None]) - (vi - _luma(vi)[..., None])
    assert np.abs(chroma[unclipped]).max() <= 1.1


def test_grey_on_request(inferencer, arrays):
    ir, vi = arrays
    (fused,) = inferencer(ir, vi, grey=True)
    assert fused.shape == ir.shape
    assert np.abs(fused - np.maximum(ir, _luma(vi))).max() <= 0.51


def test_no_stretch_unless_asked(inferencer):
    ir, vi = np.full((8, 8), 50, np.uint8), np.full((8, 8, 3), 40, np.uint8)
    ir[0] = 90
    (fused,) = inferencer(ir, vi, grey=True)
    assert (fused.min(), fused.max()) == (50, 90)
    (fused,) = inferencer(ir, vi, grey=True, stretch=True)
    assert (fused.min(), fused.max()) == (0, 255)
    (flat,) = inferencer(vi[..., 0], vi, grey=True, stretch=True)
    assert flat.max() == 0


def test_files_are_written_under_their_names(inferencer, pair_folder, tmp_path):
    data = pair_folder()
    out = tmp_path / 'new' / 'out'
    images = inferencer(data / 'ir', data / 'vi', out_dir=out)
    assert sorted(path.name for path in out.iterdir()) == ['001.png', '002.png', '010.png']
    for image, stem in zip(images, ('001', '002', '010'), strict=True):
        assert np.array_equal(np.asarray(Image.open(out / f'{stem}.png')), image)
    assert inferencer(data / 'ir', data / 'vi', out_dir=out, return_images=False) == []


def test_batches_of_mixed_sizes_keep_the_order(arrays):
    ir, vi = arrays
    fusor = init_fusor('max')
    sizes, original = [], fusor.fuse
    fusor.fuse = lambda ir, vi: sizes.append(tuple(ir.shape)) or original(ir, vi)
    inferencer = FusionInferencer(fusor, show_progress=False)
    irs = [ir, ir // 2, ir[:10], ir[:10] // 2, ir // 3]
    vis = [vi, vi, vi[:10], vi[:10], vi]
    batched = inferencer(irs, vis, batch_size=4)
    assert sizes == [(2, 1, 20, 30), (2, 1, 10, 30), (1, 1, 20, 30)]
    singles = inferencer(irs, vis)
    assert all(map(np.array_equal, batched, singles))


def test_tiles_do_not_show(arrays):
    rng = np.random.default_rng(0)
    ir = rng.integers(0, 256, (150, 260), dtype=np.uint8)
    vi = rng.integers(0, 256, (150, 260, 3), dtype=np.uint8)
    whole = FusionInferencer('laplacian', tile=0, show_progress=False)(ir, vi)[0]
    tiled = FusionInferencer('max', tile=64, overlap=16, show_progress=False)(ir, vi)[0]
    untiled = FusionInferencer('max', tile=0, show_progress=False)(ir, vi)[0]
    # The weights of tiles sum to 1 but for rounding, which may tip a level.
    difference = np.abs(tiled.astype(int) - untiled)
    assert difference.max() <= 1 and difference.mean() < 1e-3
    # Four levels of a pyramid see further than a quarter of the overlap, but hardly.
    tiled = FusionInferencer('laplacian', tile=128, overlap=64, show_progress=False)(ir, vi)[0]
    assert np.abs(tiled.astype(int) - whole).mean() < 1


def test_tensor_interface_equals_the_fusor(inferencer):
    ir, vi = torch.rand(2, 1, 16, 20), torch.rand(2, 3, 16, 20)
    luma = torch.maximum(ir, rgb_to_luma(vi))
    torch.testing.assert_close(inferencer.fuse(ir, vi), recolour(luma, vi))
    keeping = FusionInferencer(inferencer.fusor, keep_hue=True)
    torch.testing.assert_close(keeping.fuse(ir, vi), recolour_in_gamut(luma, vi))
    assert keeping.describe() != inferencer.describe()
    torch.testing.assert_close(inferencer.fuse(ir, vi, grey=True), luma)


def test_bf16(tiny_fusor):
    images = torch.rand(1, 1, 32, 48), torch.rand(1, 3, 32, 48)
    torch.manual_seed(0)
    exact = FusionInferencer(tiny_fusor, precision='fp32')
    rough = FusionInferencer(exact.fusor, precision='bf16').fuse(*images)
    exact = exact.fuse(*images)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < 0.05


@pytest.mark.slow
def test_compiled(tiny_fusor):
    images = torch.rand(1, 1, 40, 90), torch.rand(1, 3, 40, 90)
    eager = FusionInferencer(tiny_fusor, precision='fp32')
    compiled = FusionInferencer(
        eager.fusor, precision='fp32', tile=64, overlap=16, compile=True
    )
    expected = FusionInferencer(eager.fusor, precision='fp32', tile=64, overlap=16)
    torch.testing.assert_close(
        compiled.fuse(*images), expected.fuse(*images), rtol=0, atol=1e-5
    )
    with pytest.raises(ValueError, match='ir must have shape'):
        compiled.fuse(images[1], images[1])


def test_the_callers_fusor_stays_as_it_is(tiny_fusor):
    fusor = MODELS.build(tiny_fusor).train()
    before = {name: value.clone() for name, value in fusor.state_dict().items()}
    FusionInferencer(fusor, precision='bf16').fuse(
        torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32)
    )
    assert fusor.training and fusor.inference_dtype is None
    assert all(weight.requires_grad for weight in fusor.parameters())
    for name, value in fusor.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_precision():
    cpu, cuda = torch.device('cpu'), torch.device('cuda')
    assert choose_precision('auto', cuda) == torch.float16
    assert choose_precision('auto', cpu) in (torch.float32, torch.bfloat16)
    assert choose_precision('bf16', cpu) == torch.bfloat16
    with pytest.raises(ValueError, match='fp16 is for GPUs'):
        choose_precision('fp16', cpu)
    with pytest.raises(ValueError, match="one of auto, fp32, bf16, fp16, got 'int8'"):
        choose_precision('int8', cpu)


def test_is_registered():
    built = INFERENCERS.build(
        {'type': 'FusionInferencer', 'model': 'average', 'show_progress': False}
    )
    ir = np.full((4, 4), 100, np.uint8)
    assert (built(ir, np.zeros((4, 4, 3), np.uint8), grey=True)[0] == 50).all()


def test_what_was_fused_before_an_error_is_kept(inferencer, pair_folder, tmp_path):
    data = pair_folder()
    (data / 'ir' / '002.png').write_bytes(b'broken')
    with pytest.raises(PairError, match=r'ir/002.png: unreadable file'):
        inferencer(data / 'ir', data / 'vi', out_dir=tmp_path / 'out')
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['001.png']


def test_errors(inferencer, arrays):
    with pytest.raises(ValueError, match='batch_size must be at least 1, got 0'):
        inferencer(*arrays, batch_size=0)
    small = FusionInferencer('laplacian', show_progress=False)
    with pytest.raises(
        ValueError, match=r'000000: LaplacianPyramidFusor fuses images from 16x16'
    ):
        small(arrays[0][:8], arrays[1][:8])
