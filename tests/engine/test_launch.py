import pytest
import torch
from mmengine.config import Config

from tsjnet_mm.engine.launch import fit_to_machine, merge_options, parse_options


def config():
    return Config(
        {
            'optim_wrapper': {
                'type': 'AmpOptimWrapper',
                'dtype': 'float16',
                'loss_scale': 'dynamic',
                'optimizer': {'type': 'Adam', 'lr': 1e-3},
                'clip_grad': {'max_norm': 1.0},
            },
            'env_cfg': {'dist_cfg': {'backend': 'nccl'}},
            'find_unused_parameters': True,
        }
    )


def test_with_cuda_nothing_changes(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = config()
    fit_to_machine(cfg, 'pytorch')
    assert cfg.to_dict() == config().to_dict()


def test_without_cuda_single_precision(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cfg = config()
    fit_to_machine(cfg)
    assert cfg.optim_wrapper == {
        'type': 'OptimWrapper',
        'optimizer': {'type': 'Adam', 'lr': 1e-3},
        'clip_grad': {'max_norm': 1.0},
    }
    assert cfg.env_cfg.dist_cfg.backend == 'nccl'


def test_without_cuda_processes_speak_gloo(monkeypatch):
    started = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(
        'torch.distributed.init_process_group', lambda **options: started.append(options)
    )
    cfg = config()
    fit_to_machine(cfg, 'pytorch')
    assert started == [{'backend': 'gloo'}]
    assert cfg.env_cfg.dist_cfg.backend == 'gloo'
    assert cfg.model_wrapper_cfg['device_ids'] is None
    assert cfg.model_wrapper_cfg['find_unused_parameters'] is True


def test_without_cuda_slurm_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='slurm'):
        fit_to_machine(config(), 'slurm')


def test_options_of_a_config():
    words = ['a.b=1', 'c=[1,(2,x)]', 'd=e=f', 'g=', 'a.b=2']
    assert parse_options(words) == {'a.b': 2, 'c': [1, (2, 'x')], 'd': 'e=f', 'g': ''}


@pytest.mark.parametrize('word', ['a', '=1', 'a..b=1', '.a=1', 'a.=1', 'a=[1,(2', 'a=1,2)'])
def test_what_is_no_option_of_a_config(word):
    with pytest.raises(ValueError, match=r'^expected ') as raised:
        parse_options(['good=1', word])
    assert repr(word) in str(raised.value)
    assert ('brackets' if word.startswith('a=') else 'KEY=VALUE') in str(raised.value)


@pytest.mark.parametrize('key', ['epochs.more', 'hooks.1.type', 'hooks.first.type'])
def test_options_that_the_config_has_no_place_for(key):
    cfg = Config({'epochs': 3, 'hooks': [{'type': 'A'}]})
    with pytest.raises(ValueError, match=rf'--cfg-options {key}: no such entry in the config'):
        merge_options(cfg, {key: 1})
    merge_options(cfg, None)
    merge_options(cfg, {'hooks.0.type': 'B', 'new.key': 2})
    assert cfg.hooks[0].type == 'B' and cfg.new.key == 2
