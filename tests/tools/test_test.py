import torch
from mmengine.registry import DefaultScope

from tsjnet_mm.registry import MODELS


def test_one_table_for_the_model_and_baselines(tiny_config, tiny_fusor, run_main, tmp_path):
    with DefaultScope.overwrite_default_scope('tsjnet_mm'):
        torch.save(MODELS.build(tiny_fusor).state_dict(), tmp_path / 'weights.pth')
    out = tmp_path / 'tables' / 'table.txt'
    _, stdout, _ = run_main(
        'test.py', tiny_config(), tmp_path / 'weights.pth', '--baselines', 'average', 'max',
        '--out', out,
    )  # fmt: skip
    table = out.read_text()
    assert table.strip() in stdout
    lines = table.splitlines()
    assert 'convention: plain' in lines[0]
    assert [line.split()[0] for line in lines[2:]] == ['tiny', 'average', 'max']
    for name in ('SSIM', 'PSNR', 'MSE', 'VIF', 'CC', 'CV'):
        assert name in lines[1]
    average, largest = (line.split() for line in lines[3:])
    assert average[1:] != largest[1:]
