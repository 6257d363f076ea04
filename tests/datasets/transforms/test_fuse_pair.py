import numpy as np
import pytest

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.registry import TRANSFORMS


@pytest.fixture
def image(pair_folder):
    base = pair_folder()
    load = TRANSFORMS.build({'type': 'tsjnet_mm.LoadImagePair'})
    return load({'img_path': str(base / 'vi' / '001.png')}), base


def test_gives_the_inferencers_pixels(image):
    results, base = image
    fused = TRANSFORMS.build({'type': 'tsjnet_mm.FusePair'})(results)['img']
    assert fused.dtype == np.uint8
    expected = FusionInferencer('laplacian', show_progress=False)(
        str(base / 'ir' / '001.png'), str(base / 'vi' / '001.png')
    )[0]
    np.testing.assert_array_equal(fused[..., ::-1], expected)


def test_grey_and_float(image):
    results, _ = image
    results['img'] = results['img'].astype(np.float32)
    fuse = TRANSFORMS.build({'type': 'tsjnet_mm.FusePair', 'model': 'max', 'grey': True})
    fused = fuse(results)['img']
    assert fused.dtype == np.float32
    assert fused.shape == (24, 32, 3)
    assert (fused[..., 0] == fused[..., 2]).all()
    assert 1 < fused.max() <= 255


def test_three_channels_are_refused():
    fuse = TRANSFORMS.build({'type': 'tsjnet_mm.FusePair'})
    with pytest.raises(ValueError, match='LoadImagePair'):
        fuse({'img': np.zeros((8, 8, 3), np.uint8)})
