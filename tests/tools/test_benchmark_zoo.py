import json

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from tsjnet_mm.evaluation import load_results
from tsjnet_mm.registry import MODELS, SCOPE


@pytest.fixture
def run(run_main, pair_folder, tmp_path):
    data = pair_folder(size=(72, 80), root='data')

    def start(*options):
        folders = ['--ir', data / 'ir', '--vi', data / 'vi', '--out', tmp_path / 'zoo']
        return run_main('benchmark_zoo.py', *folders, '--metrics', 'paper', *options)

    return start


def test_one_run_gives_images_quality_and_figures(run, tiny_config, tmp_path):
    config = tiny_config()
    with DefaultScope.overwrite_default_scope(SCOPE):
        fusor = MODELS.build(Config.fromfile(config).model)
    torch.save(fusor.state_dict(), tmp_path / 'weights.pth')
    mine = f'mine={config}={tmp_path / "weights.pth"}'
    options = ['--models', 'average', 'max', mine, '--skip-costs', '--workers', '1']
    status, out, error = run(*options, '--highlight', 'mine')
    assert status == 0, error
    folder = tmp_path / 'zoo'
    results = load_results(folder / 'results.json')
    assert results.methods == ('average', 'max', 'mine')
    assert results.convention == 'tsjnet'
    assert len(list((folder / 'fused' / 'mine').glob('*.png'))) == 3
    assert results.means()['average']['MSE'] < results.means()['max']['MSE']
    assert 'mine' in out
    assert '| average' in (folder / 'table.md').read_text()
    assert {'radar.pdf', 'grid.png'} <= {path.name for path in folder.iterdir()}
    status, out, error = run(*options)
    assert status == 0, error
    assert 'mine: 0 fused, 3 there already' in out + error


def test_costs(run, tmp_path):
    options = ['--models', 'average', 'laplacian', '--size', '64x48']
    status, out, error = run(*options, '--repeats', '1', '--threads', '1')
    assert status == 0, error
    costs = json.loads((tmp_path / 'zoo' / 'costs.json').read_text())
    assert costs['size'] == [64, 48]
    assert set(costs['costs']) == {'average', 'laplacian'}
    for cost in costs['costs'].values():
        assert cost['parameters'] == 0
        assert cost['seconds'] > 0
        assert cost['gigabytes'] > 0.1
    assert 'cost of a 64x48 pair' in out


@pytest.mark.parametrize(
    'models, message',
    [
        (['seafusion'], 'seafusion needs weights: seafusion=FILE'),
        (['seafusion=none.pth'], 'none.pth'),
        (['average', 'average'], 'two models have one row'),
        (['average', '--highlight', 'max'], '--highlight max is none of average'),
    ],
)
def test_mistakes_are_named(run, tmp_path, models, message):
    status, _, error = run('--models', *models)
    assert status == 1
    assert message in error
    assert not (tmp_path / 'zoo' / 'fused').exists()
