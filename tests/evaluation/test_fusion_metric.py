import csv
import json
import os
import subprocess
import sys

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import PixelData

from tsjnet_mm.evaluation import FusionMetric
from tsjnet_mm.metrics import FUSION_METRICS, METRIC_SETS, measure
from tsjnet_mm.registry import METRICS
from tsjnet_mm.structures import FusionDataSample
from tsjnet_mm.utils import rgb_to_luma

IMAGES = 5
CHEAP = ('PSNR', 'MSE', 'CC')


def make_pair(index, size=(44, 50)):
    generator = torch.Generator().manual_seed(index)
    ir = torch.rand(1, *size, generator=generator)
    vi = torch.rand(3, *size, generator=generator)
    sample = FusionDataSample(metainfo={'ir_path': f'data/ir/{index:03d}.png'})
    fused = (ir + rgb_to_luma(vi)) / 2
    sample.fused = PixelData(
        data=(fused + 0.05 * torch.randn(fused.shape, generator=generator))
    )
    sample.fused.data.clamp_(0, 1)
    return ir, vi, sample


def make_batch(pairs):
    irs, vis, samples = zip(*pairs, strict=True)
    inputs = {'ir': list(irs), 'vi': list(vis)}
    return {'inputs': inputs, 'data_samples': list(samples)}, list(samples)


def run(metric, pairs, batch_size=2):
    evaluator = Evaluator(metric)
    for start in range(0, len(pairs), batch_size):
        batch, samples = make_batch(pairs[start : start + batch_size])
        evaluator.process(data_batch=batch, data_samples=samples)
    return evaluator.evaluate(len(pairs))


def test_means_of_the_functional_metrics():
    pairs = [
        make_pair(index, size) for index, size in enumerate([(44, 50), (41, 60), (64, 43)])
    ]
    result = run(METRICS.build({'type': 'FusionMetric'}), pairs)
    assert list(result) == [f'fusion/{name}' for name in METRIC_SETS['paper']]
    for name in METRIC_SETS['paper']:
        info, values = FUSION_METRICS[name], []
        for ir, vi, sample in pairs:
            images = ((sample.fused.data * 255).round(), ir * 255, rgb_to_luma(vi) * 255)
            values.append(info.function(*(image[None] for image in images)).item())
        assert result[f'fusion/{name}'] == pytest.approx(sum(values) / 3, rel=1e-9)


def test_fused_is_rounded_to_8_bit_but_the_sources_are_not():
    ir, vi, sample = make_pair(0)
    ir[:], vi[:], sample.fused.data[:] = 10.4 / 255, 10.4 / 255, 10.3 / 255
    result = run(FusionMetric(metrics=['MSE']), [(ir, vi, sample)])
    assert result['fusion/MSE'] == pytest.approx(0.16, rel=1e-4)


@pytest.mark.parametrize('convention', ['tsjnet', 'cddfuse', 'tang', 'vifb'])
def test_conventions(convention):
    ir, vi, sample = make_pair(0)
    names = ('PSNR', 'SSIM')
    result = run(FusionMetric(metrics=names, convention=convention), [(ir, vi, sample)])
    images = ((sample.fused.data * 255).round(), ir * 255, vi * 255)
    expected = measure(*(image[None] for image in images), names, convention)
    assert result == {f'fusion/{name}': expected[name].item() for name in names}


def test_all_that_the_convention_has():
    metric = FusionMetric(metrics='all', convention='tsjnet')
    assert set(metric.metrics) == set(METRIC_SETS['paper'])


def test_too_small_for_a_metric():
    with pytest.raises(ValueError, match=r'000.png: VIF: .* at least 41 pixels, got 40x50'):
        run(FusionMetric(), [make_pair(0, (40, 50))])


def test_grey_visible_and_out_of_range_fused():
    ir, _, sample = make_pair(0)
    grey = ir.clone()
    sample.fused.data[:] = 1.7
    result = run(FusionMetric(metrics=['MSE']), [(ir, grey, sample)])
    assert result['fusion/MSE'] == pytest.approx(((1 - ir) * 255).square().mean().item())


def test_options():
    pairs = [make_pair(0)]
    result = run(FusionMetric(metrics=['CC', 'SSIM'], prefix='val'), pairs)
    assert list(result) == ['val/CC', 'val/SSIM']
    with pytest.raises(ValueError, match="unknown metric 'FID'; known: SSIM, PSNR"):
        FusionMetric(metrics=['FID'])
    with pytest.raises(ValueError, match="unknown convention 'other'; known: plain, tsjnet"):
        FusionMetric(convention='other')
    with pytest.raises(ValueError, match='name at least one metric'):
        FusionMetric(metrics=[])


def test_csv_of_single_images(tmp_path):
    path = tmp_path / 'results' / 'msrs.csv'
    pairs = [make_pair(index) for index in range(3)]
    for _ in range(2):  # The second run replaces the first one's file.
        result = run(FusionMetric(metrics=CHEAP, per_image_csv=path), pairs)
    with open(path, encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['image'] for row in rows] == ['000.png', '001.png', '002.png']
    assert {row['convention'] for row in rows} == {'plain'}
    for name in CHEAP:
        mean = sum(float(row[name]) for row in rows) / 3
        assert mean == pytest.approx(result[f'fusion/{name}'], rel=1e-12)
    assert [entry.name for entry in path.parent.iterdir()] == ['msrs.csv']


def test_failed_csv_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / 'msrs.csv'
    path.write_text('old')
    monkeypatch.setattr('os.replace', lambda *_: (_ for _ in ()).throw(OSError('disk full')))
    with pytest.raises(OSError, match='disk full'):
        run(FusionMetric(metrics=['CC'], per_image_csv=path), [make_pair(0)])
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ['old']


@pytest.fixture
def logged(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'tsjnet_mm.evaluation.fusion_metric.print_log',
        lambda message, **_: messages.append(message),
    )
    return messages


def test_log_names_the_convention(logged):
    run(FusionMetric(metrics=['CC']), [make_pair(0)])
    assert len(logged) == 1
    assert 'convention plain' in logged[0] and '1 image,' in logged[0]


def test_infinite_psnr_is_named_and_left_out(logged):
    pairs = [make_pair(index) for index in range(3)]
    ir = (pairs[1][0] * 255).round() / 255
    pairs[1][2].fused.data[:] = ir
    pairs[1] = (ir, *pairs[1][1:])
    result = run(FusionMetric(metrics=['PSNR']), pairs)
    expected = run(FusionMetric(metrics=['PSNR']), [pairs[0], pairs[2]])
    assert result == pytest.approx(expected)
    assert 'PSNR is not finite for 1 of 3 images' in logged[0]
    assert 'data/ir/001.png (inf)' in logged[0]


def test_no_finite_value_at_all(logged):
    ir, _, sample = make_pair(0)
    black = torch.zeros_like(ir)
    sample.fused.data[:] = 0
    result = run(FusionMetric(metrics=['PSNR', 'MSE', 'CC']), [(black, black, sample)])
    assert result['fusion/PSNR'] != result['fusion/PSNR']
    assert result['fusion/MSE'] == 0 and result['fusion/CC'] == 0
    assert 'PSNR is not finite for 1 of 1 image,' in logged[0]


def test_errors_name_the_pair():
    ir, vi, sample = make_pair(7)
    sample.fused.data[0, 3, 4] = torch.nan
    with pytest.raises(ValueError, match=r'ir/007.png: .* not finite'):
        run(FusionMetric(), [(ir, vi, sample)])
    with pytest.raises(ValueError, match=r'007.png: expected .* 49\), got .* 50\)'):
        run(FusionMetric(), [(ir[..., 1:], vi[..., 1:], sample)])
    del sample.fused
    with pytest.raises(KeyError, match=r"007.png: .* no field 'fused'"):
        run(FusionMetric(), [(ir, vi, sample)])


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_prediction_on_the_gpu():
    ir, vi, sample = make_pair(0)
    expected = run(FusionMetric(), [(ir, vi, sample)])
    result = run(FusionMetric(), [(ir, vi, sample.to('cuda'))])
    assert result == pytest.approx(expected, rel=1e-9)


def test_two_processes_equal_one(tmp_path):
    """Five images on two ranks: the sampler repeats one, which must not count twice."""
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(tmp_path)], env=environment)
        for rank in range(2)
    ]
    try:
        assert [process.wait(timeout=120) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    expected = run(FusionMetric(metrics=CHEAP), [make_pair(index) for index in range(IMAGES)])
    for rank in range(2):
        result = json.loads((tmp_path / f'{rank}.json').read_text())
        assert result == pytest.approx(expected, rel=1e-12)
    with open(tmp_path / 'images.csv', encoding='utf-8', newline='') as file:
        names = [row['image'] for row in csv.DictReader(file)]
    assert names == [f'{index:03d}.png' for index in range(IMAGES)]


def _rank(rank, folder):
    from mmengine.dataset import DefaultSampler

    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2
    )
    metric = FusionMetric(metrics=CHEAP, per_image_csv=f'{folder}/images.csv')
    indices = list(DefaultSampler(range(IMAGES), shuffle=False))
    assert len(indices) == 3
    evaluator = Evaluator(metric)
    for index in indices:
        batch, samples = make_batch([make_pair(index)])
        evaluator.process(data_batch=batch, data_samples=samples)
    result = evaluator.evaluate(IMAGES)
    with open(f'{folder}/{rank}.json', 'w') as file:
        json.dump(result, file)
    torch.distributed.destroy_process_group()


if __name__ == '__main__':
    _rank(int(sys.argv[1]), sys.argv[2])
