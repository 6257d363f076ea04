"""The weights in the package fuse as they did when their model card was written."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tsjnet_mm.apis import FusionInferencer, init_fusor, list_models
from tsjnet_mm.evaluation.image_folders import evaluate_folders
from tsjnet_mm.models.fusors.hub import published_weights

PAIR = Path(__file__).parents[1] / 'data' / 'drawn_pair'
#: What the fixture fuses by; the first is the default.
MODELS = {
    'driven': (),
    'light': ['tsjnet-light'],
    'tiny': ['tsjnet-tiny'],
    'pyramid': ['laplacian'],
}
#: Of the drawn pair in tests/data, measured when the weights were published.
RECORDED = {
    'driven': {'SSIM': 0.66592, 'PSNR': 17.741, 'MSE': 1093.96, 'CC': 0.68479, 'CV': 88.86},
    'light': {'SSIM': 0.67024, 'PSNR': 18.607, 'MSE': 896.09, 'CC': 0.70348, 'CV': 74.93},
    'tiny': {'SSIM': 0.67179, 'PSNR': 18.606, 'MSE': 896.36, 'CC': 0.7063, 'CV': 79.79},
}


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Infrared, visible, and fused by each model."""
    root = tmp_path_factory.mktemp('drawn')
    paths = {name: root / name for name in ('ir', 'vi', *MODELS)}
    for path in paths.values():
        path.mkdir()
    for name in ('ir', 'vi'):
        (paths[name] / 'scene.png').write_bytes((PAIR / f'{name}.png').read_bytes())
    for name, model in MODELS.items():
        FusionInferencer(*model, device='cpu', precision='fp32', show_progress=False)(
            paths['ir'], paths['vi'], out_dir=paths[name]
        )
    return paths


@pytest.mark.parametrize('method, recorded', RECORDED.items())
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


def test_driven_keeps_the_brightness_of_the_visible_image():
    """White skies over a black infrared sky, and dark ones under a bright infrared image."""
    fuse = {name: FusionInferencer(*MODELS[name], show_progress=False) for name in MODELS}
    for ir, vi in ((10, 240), (200, 20)):
        pair = np.full((96, 128), ir, np.uint8), np.full((96, 128, 3), vi, np.uint8)
        away = {
            name: abs(float(f(*pair)[0][32:-32, 32:-32].mean()) - vi)
            for name, f in fuse.items()
        }
        assert away['driven'] < 0.9 * away['light'], (ir, vi, away)


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
