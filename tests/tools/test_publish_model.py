import hashlib

import pytest
import torch

from tsjnet_mm.apis import init_fusor, load_state_dict
from tsjnet_mm.registry import MODELS

TOOL = 'model_converters/publish_model.py'


@pytest.fixture
def checkpoint(tiny_fusor, tmp_path):
    """A joint model's checkpoint, and the fusor's weights in it."""
    weights = MODELS.build(tiny_fusor).state_dict()
    joint = {f'fusor.{name}': value for name, value in weights.items()}
    joint['detector.model.weight'] = torch.zeros(3)
    torch.save({'state_dict': joint, 'optimizer': {'lr': 1.0}}, tmp_path / 'epoch.pth')
    return tmp_path / 'epoch.pth', weights


@pytest.mark.parametrize('half', [False, True])
def test_fusor_alone_under_its_checksum(checkpoint, run_main, tmp_path, tiny_fusor, half):
    path, weights = checkpoint
    options = ['--half'] if half else []
    status, out, error = run_main(TOOL, path, '--out', tmp_path / 'out' / 'mine', *options)
    assert status == 0, error
    (written,) = (tmp_path / 'out').iterdir()
    checksum = hashlib.sha256(written.read_bytes()).hexdigest()
    assert written.name == f'mine-{checksum[:8]}.safetensors'
    assert checksum in out
    found = load_state_dict(written)
    assert found.keys() == weights.keys()
    for name, value in weights.items():
        expected = value.half() if half and value.is_floating_point() else value
        assert torch.equal(found[name], expected), name
    fusor = init_fusor(tiny_fusor, written)
    assert {value.dtype for value in fusor.parameters()} == {torch.float32}


def test_weights_between_those_of_two_checkpoints(run_main, tmp_path):
    start = {'a': torch.tensor([1.0, 2.0]), 'n': torch.tensor(3)}
    end = {'a': torch.tensor([3.0, -2.0]), 'n': torch.tensor(9)}
    torch.save({'state_dict': start}, tmp_path / 'start.pth')
    joint = {f'fusor.{name}': value for name, value in end.items()}
    torch.save({'state_dict': joint}, tmp_path / 'end.pth')
    command = [TOOL, tmp_path / 'end.pth', '--out', tmp_path / 'out' / 'mine']
    between = [*command, '--start', tmp_path / 'start.pth', '--share']
    assert run_main(*between, 0.25)[0] == 0
    found = load_state_dict(next((tmp_path / 'out').iterdir()))
    assert found['a'].tolist() == [1.5, 1.0] and found['n'] == 9
    assert run_main(*command, '--share', 0.5)[0] == 2
    status, _, error = run_main(*between, 1.5)
    assert status == 2 and '--share must be from 0 to 1, got 1.5' in error
    status, _, error = run_main(*command, '--start', 'tsjnet-light', '--share', 0.5)
    assert status == 1 and 'tsjnet-light and ' in error and 'of different networks' in error


def test_mistake_leaves_nothing(run_main, tmp_path):
    status, _, error = run_main(TOOL, tmp_path / 'no.pth', '--out', tmp_path / 'a' / 'b')
    assert status == 1
    assert 'no checkpoint at' in error
    assert not (tmp_path / 'a').exists()


def test_tied_weights_are_both_written(run_main, tmp_path):
    shared = torch.rand(3, 4)
    state = {'a': shared, 'b': shared, 'c': shared[:, ::2], 'd': torch.zeros(0), 'e': shared.T}
    torch.save(
        {'state_dict': {f'fusor.{key}': value for key, value in state.items()}},
        tmp_path / 'a.pth',
    )
    status, _, error = run_main(TOOL, tmp_path / 'a.pth', '--out', tmp_path / 'out' / 'mine')
    assert status == 0, error
    found = load_state_dict(next((tmp_path / 'out').iterdir()))
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], value) for name, value in state.items())


@pytest.mark.parametrize(
    'content, found',
    [
        ({}, 'found none'),
        ({'state_dict': {}}, 'found none'),
        ({'state_dict': [1]}, 'found none'),
        ({'state_dict': {1: torch.ones(2)}}, 'entries that are no tensors, or have no name: 1'),
        ({1: torch.ones(2)}, 'entries that are no tensors, or have no name: 1'),
        ([torch.ones(2)], 'expected a dict of weights'),
        ({'a': torch.ones(2, dtype=torch.complex128)}, 'complex128'),
    ],
)
def test_what_cannot_be_published(run_main, tmp_path, content, found):
    torch.save(content, tmp_path / 'a.pth')
    status, _, error = run_main(TOOL, tmp_path / 'a.pth', '--out', tmp_path / 'out' / 'mine')
    assert (status, error.count('\n')) == (1, 1)
    assert f'{tmp_path}/a.pth' in error and found in error
    assert not (tmp_path / 'out').exists()
