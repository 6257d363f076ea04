"""The weights in the package fuse as they did when their model card was written."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tsjnet_mm.apis import FusionInferencer, init_fusor, list_models
from tsjnet_mm.evaluation.image_folders import evaluate_folders
from tsjnet_mm.models.fusors.hub import published_weights

PAIR = Path(__file__).parents[1] / 'data' / 'drawn_pair'
#: Of the drawn pair in tests/data, measured when the weights were published.
RECORDED = {'SSIM': 0.67024, 'PSNR': 18.607, 'MSE': 896.09, 'CC': 0.70348, 'CV': 74.93}


#: The same of `tsjnet-tiny`.
RECORDED_TINY = {'SSIM': 0.67179, 'PSNR': 18.606, 'MSE': 896.36, 'CC': 0.7063, 'CV': 79.79}


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Infrared, visible, fused by the default, and by the pyramid."""
    root = tmp_path_factory.mktemp('drawn')
    paths = {name: root / name for name in ('ir', 'vi', 'light', 'tiny', 'pyramid')}
    for path in paths.values():
        path.mkdir()
    for name in ('ir', 'vi'):
        (paths[name] / 'scene.png').write_bytes((PAIR / f'{name}.png').read_bytes())
    FusionInferencer(device='cpu', precision='fp32', show_progress=False)(
        paths['ir'], paths['vi'], out_dir=paths['light']
    )
    FusionInferencer('tsjnet-tiny', device='cpu', precision='fp32', show_progress=False)(
        paths['ir'], paths['vi'], out_dir=paths['tiny']
    )
    FusionInferencer('laplacian', device='cpu', show_progress=False)(
        paths['ir'], paths['vi'], out_dir=paths['pyramid']
    )
    return paths


@pytest.mark.parametrize('method, recorded', [('light', RECORDED), ('tiny', RECORDED_TINY)])
def test_recorded_metrics(folders, method, recorded):
    results = evaluate_folders(
        {method: folders[method]}, folders['ir'], folders['vi'], recorded, 'tsjnet'
    )
    found = results.means()[method]
    for name, value in recorded.items():
        assert found[name] == pytest.approx(value, rel=2e-3), name


def test_better_than_the_pyramid_on_a_scene_it_never_saw(folders):
    methods = {'light': folders['light'], 'pyramid': folders['pyramid']}
    sources = folders['ir'], folders['vi']
    means = evaluate_folders(methods, *sources, ['SSIM', 'MSE'], 'tsjnet').means()
    assert means['light']['SSIM'] > means['pyramid']['SSIM']
    assert means['light']['MSE'] < means['pyramid']['MSE']


@pytest.mark.parametrize('name', list_models(pretrained=True))
def test_small_and_undamaged(name):
    path = published_weights(name)
    assert path.stat().st_size < 10e6
    fusor = init_fusor(name)
    assert all(value.isfinite().all() for value in fusor.state_dict().values())


def test_no_grid_and_no_halo_on_flat_images():
    fusor = init_fusor('tsjnet-light')
    with torch.no_grad():
        for ir, vi in ((0.2, 0.2), (0.6, 0.3), (0.1, 0.8)):
            flat = [torch.full((1, 1, 96, 128), level) for level in (ir, vi)]
            fused = fusor.fuse(*flat)[..., 24:-24, 24:-24]
            assert np.ptp(fused.numpy()) < 4 / 255, (ir, vi)
