from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.model import BaseModel
from mmengine.runner import Runner as WholeRunner

from tsjnet_mm.engine.hooks import AtomicCheckpointHook, AtomicLocalBackend
from tsjnet_mm.utils.checkpoints import CheckpointError, read_checkpoint


def test_backend_is_chosen_by_name_and_replaces_whole_files(tmp_path):
    backend = get_file_backend(str(tmp_path), backend_args={'backend': 'atomic'})
    assert isinstance(backend, AtomicLocalBackend)
    backend.put(b'first', tmp_path / 'x.pth')
    with pytest.raises(TypeError):
        backend.put('no bytes', tmp_path / 'x.pth')
    assert (tmp_path / 'x.pth').read_bytes() == b'first'
    backend.put_text('text', tmp_path / 'x.txt')
    assert (tmp_path / 'x.txt').read_text() == 'text'
    assert len(list(tmp_path.iterdir())) == 2


class Runner(SimpleNamespace):
    """As much of a runner as saving needs; fails at the steps in ``fail_at``."""

    def save_checkpoint(self, out_dir, filename, *_, **__):
        self.seen.append({path.name for path in Path(out_dir).glob('*.pth')})
        if len(self.seen) in self.fail_at:
            raise OSError('disk full')
        (Path(out_dir) / filename).write_text(filename)


@pytest.fixture
def saving(tmp_path):
    hook = AtomicCheckpointHook(interval=1, max_keep_ckpts=2)
    hook.keep_ckpt_ids = deque(maxlen=2)
    hook.out_dir, hook.by_epoch, hook.filename_tmpl = str(tmp_path), True, 'epoch_{}.pth'
    hook.file_backend, hook.file_client_args = AtomicLocalBackend(), None
    runner = Runner(
        work_dir=str(tmp_path),
        message_hub=SimpleNamespace(update_info=lambda *_: None),
        seen=[],
        fail_at=(),
    )
    return hook, runner


def test_oldest_goes_only_after_the_newest_is_there(saving, tmp_path):
    hook, runner = saving
    for epoch in (1, 2, 3):
        hook._save_checkpoint_with_step(runner, epoch, meta={})
    # While the third was written, both earlier ones still stood.
    assert runner.seen[2] == {'epoch_1.pth', 'epoch_2.pth'}
    assert {path.name for path in tmp_path.glob('*.pth')} == {'epoch_2.pth', 'epoch_3.pth'}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_3.pth')


def test_failed_save_leaves_the_previous_checkpoint_in_charge(saving, tmp_path):
    hook, runner = saving
    runner.fail_at = (3,)
    for epoch in (1, 2):
        hook._save_checkpoint_with_step(runner, epoch, meta={})
    with pytest.raises(OSError, match='disk full'):
        hook._save_checkpoint_with_step(runner, 3, meta={})
    assert {path.name for path in tmp_path.glob('*.pth')} == {'epoch_1.pth', 'epoch_2.pth'}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_2.pth')


class Number(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward(self, inputs, data_samples=None, mode='loss'):
        return {'loss': self.weight.square().sum()}


def train(work_dir, epochs, resume=False):
    WholeRunner(
        model=Number(),
        work_dir=str(work_dir),
        train_dataloader={
            'dataset': [{'inputs': torch.zeros(1)}] * 2,
            'batch_size': 1,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        },
        train_cfg={'by_epoch': True, 'max_epochs': epochs},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_hooks={
            'logger': None,
            'checkpoint': {'type': 'AtomicCheckpointHook', 'interval': 1},
        },
        default_scope='tsjnet_mm',
        resume=resume,
        experiment_name=f'{work_dir.name}{epochs}{resume}',
    ).train()


def test_earlier_checkpoints_are_set_aside_unless_they_are_resumed(tmp_path):
    train(tmp_path, 1)
    train(tmp_path, 2, resume=True)
    assert {path.name for path in tmp_path.glob('*.pth')} == {'epoch_1.pth', 'epoch_2.pth'}
    assert not (tmp_path / 'earlier_1').exists()
    train(tmp_path, 1)
    assert {path.name for path in tmp_path.glob('*.pth')} == {'epoch_1.pth'}
    aside = {path.name for path in (tmp_path / 'earlier_1').glob('*.pth')}
    assert aside == {'epoch_1.pth', 'epoch_2.pth'}


def test_a_changed_weight_is_seen_when_a_checkpoint_is_read(tmp_path, load_checkpoint):
    train(tmp_path, 1)
    path = tmp_path / 'epoch_1.pth'
    # Each of two steps takes a fifth of what there is.
    weight = read_checkpoint(path)['state_dict']['weight']
    torch.testing.assert_close(weight, torch.full((3,), 0.64))
    checkpoint = load_checkpoint(path)
    checkpoint['state_dict']['weight'][1] += 1e-3
    torch.save(checkpoint, path)
    with pytest.raises(CheckpointError, match='digest'):
        read_checkpoint(path)
