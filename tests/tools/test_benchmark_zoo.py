import json
import os

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

from tsjnet_mm.evaluation import EvaluationResults, load_results
from tsjnet_mm.io.images import read_image, write_image
from tsjnet_mm.io.resume import NOTE, encode_note, read_note
from tsjnet_mm.protocols.benchmark import comparison_table
from tsjnet_mm.registry import MODELS, SCOPE


@pytest.fixture
def run(run_main, pair_folder, tmp_path):
    data = pair_folder(size=(72, 80), root='data')

    def start(*options):
        folders = ['--ir', data / 'ir', '--vi', data / 'vi', '--out', tmp_path / 'zoo']
        return run_main('benchmark_zoo.py', *folders, *options)

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
    results = load_results(folder / 'results_tsjnet.json')
    assert results.methods == ('average', 'max', 'mine')
    assert results.metrics == ('SSIM', 'PSNR', 'MSE', 'CC', 'CV')
    assert load_results(folder / 'results_plain.json').convention == 'plain'
    assert len(list((folder / 'fused' / 'mine').glob('*.png'))) == 3
    assert results.means()['average']['MSE'] < results.means()['max']['MSE']
    assert 'mine' in out
    table = (folder / 'table.md').read_text()
    assert '| average' in table
    (head,) = (line for line in table.splitlines() if line.startswith('| method'))
    columns = [cell.strip(' ↑↓') for cell in head.split('|')[2:-1]]
    names = 'SSIM PSNR MSE CC CV VIFp Qabf SF SD EN AG SCD MI'
    assert columns == [*names.split(), 'mean rank']
    drawn = {'radar_tsjnet.pdf', 'radar_plain.pdf', 'grid.png'}
    assert drawn <= {path.name for path in folder.iterdir()}
    status, out, error = run(*options)
    assert status == 0, error
    assert 'mine: 0 fused, 3 there already' in out + error


def test_only_new_images_are_measured(run, tmp_path):
    options = ['--skip-costs', '--workers', '1', '--convention', 'plain', '--metrics', 'SD']
    path = tmp_path / 'zoo' / 'results_plain.json'
    assert run('--models', 'average', 'max', *options)[0] == 0
    true = load_results(path).values
    content = json.loads(path.read_text())
    for row in content['values'].values():
        row['SD'] = [0.5] * 3
    path.write_text(json.dumps(content))
    fused = sorted((tmp_path / 'zoo' / 'fused' / 'max').iterdir())
    write_image(  # As a run of a network with other weights might: it is kept as it is.
        read_image(fused[0]) // 2, fused[0], {NOTE: encode_note(read_note(fused[0]))}
    )
    for image in (*fused, *(tmp_path / 'zoo' / 'fused' / 'average').iterdir()):
        os.utime(image, (path.stat().st_mtime + 1,) * 2)  # Dates do not count.
    assert run('--models', 'laplacian', 'average', 'max', *options)[0] == 0
    found = load_results(path)
    assert found.methods == ('laplacian', 'average', 'max')
    assert found.values['average']['SD'] == [0.5] * 3
    assert found.values['max']['SD'][0] == pytest.approx(true['max']['SD'][0] / 2, rel=0.02)
    assert found.values['max']['SD'][1:] == true['max']['SD'][1:]
    assert 0.5 not in found.values['laplacian']['SD']
    for source in (tmp_path / 'data' / 'ir').iterdir():
        os.utime(source, (path.stat().st_mtime + 1,) * 2)
    status, out, error = run('--models', 'average', 'max', *options)
    assert status == 0 and 'plain: 0 to measure, 2 kept' in out + error
    image = Image.open(source)  # Another file of the same pixels and an older date.
    image.save(source, compress_level=0)
    os.utime(source, (1, 1))
    assert run('--models', 'average', *options)[0] == 0
    assert load_results(path).values['average']['SD'] == true['average']['SD']


def test_other_metrics_are_measured(run, tmp_path):
    options = ['--skip-costs', '--workers', '1', '--convention', 'plain', '--metrics', 'SD']
    path = tmp_path / 'zoo' / 'results_plain.json'
    assert run('--models', 'average', *options)[0] == 0
    true = load_results(path).values
    content = json.loads(path.read_text())
    content['values']['average']['SD'] = [0.5] * 3
    path.write_text(json.dumps(content))
    assert run('--models', 'average', *options, '--metrics', 'SD', 'EN')[0] == 0
    assert load_results(path).values['average']['SD'] == true['average']['SD']


def test_values_of_other_sources_are_not_kept(run, tmp_path):
    options = ['--skip-costs', '--workers', '1', '--convention', 'plain', '--metrics', 'CC']
    assert run('--models', 'average', *options)[0] == 0
    path = tmp_path / 'zoo' / 'results_plain.json'
    before = load_results(path).values
    content = json.loads(path.read_text())
    sources = content['tsjnet_mm']['sources']
    assert [len(pair) for pair in sources] == [2] * 3
    sources[2][1] = sources[1][1]
    content['values']['average']['CC'] = [0.5] * 3
    path.write_text(json.dumps(content))
    status, out, error = run('--models', 'average', *options)
    assert status == 0 and 'plain: 1 to measure, 0 kept' in out + error
    assert load_results(path).values == before


def test_listed_pairs_under_another_convention(run, tmp_path):
    stems = sorted(path.stem for path in (tmp_path / 'data' / 'ir').iterdir())[:2]
    (tmp_path / 'list.txt').write_text('\n'.join(stems) + '\n')
    options = ['--models', 'average', 'max', '--skip-costs', '--workers', '1']
    options += ['--pairs', tmp_path / 'list.txt']
    status, _, error = run(*options, '--convention', 'cddfuse', '--metrics', 'SD', 'VIF')
    assert status == 0, error
    results = load_results(tmp_path / 'zoo' / 'results_cddfuse.json')
    assert list(results.images) == stems
    assert results.metrics == ('SD', 'VIF')
    assert not list((tmp_path / 'zoo').glob('radar*'))
    (tmp_path / 'list.txt').write_text('nobody\n')
    status, _, error = run(*options)
    assert status == 1
    assert '1 listed pair is not in' in error and 'nobody' in error
    mine = tmp_path / 'zoo' / 'pairs' / 'ir' / 'mine.png'
    mine.write_bytes(b'not a link')
    (tmp_path / 'list.txt').write_text(stems[0])
    status, _, error = run(*options)
    assert status == 1 and 'mine.png is no link of an earlier run' in error
    assert mine.read_bytes() == b'not a link'


def test_metrics_need_a_convention(run):
    status, _, error = run('--models', 'average', '--metrics', 'SD')
    assert status == 2 and '--metrics needs --convention' in error


def test_metrics_are_checked_before_anything_is_fused(run, tmp_path):
    options = ['--models', 'average', '--metrics', 'paper', '--convention', 'cddfuse']
    status, _, error = run(*options)
    assert status == 1 and 'CV is not defined under the convention' in error
    assert not (tmp_path / 'zoo').exists()


def test_mean_rank_is_over_all_conventions():
    def results(convention, metrics, values):
        return EvaluationResults(convention, metrics, tuple(values), ('a',), values)

    table = comparison_table(
        {
            'tsjnet': results('tsjnet', ('MSE',), {'x': {'MSE': [1.0]}, 'y': {'MSE': [2.0]}}),
            'plain': results(
                'plain',
                ('VIF', 'SD'),
                {'x': {'VIF': [0.2], 'SD': [9.0]}, 'y': {'VIF': [0.3], 'SD': [8.0]}},
            ),
        }
    )
    lines = table.splitlines()
    assert 'mean over 1 pair' in lines[0]
    assert lines[1].split() == ['method', 'MSE↓', 'VIFp↑', 'SD↑', 'mean', 'rank↓']
    assert lines[2].split() == ['x', '1.000¹', '0.200²', '9.000¹', '1.33¹']
    assert lines[3].split() == ['y', '2.000²', '0.300¹', '8.000²', '1.67²']


@pytest.mark.slow
def test_costs(run, tmp_path):
    options = ['--models', 'average', 'laplacian', '--size', '64x48', '--convention', 'tsjnet']
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
