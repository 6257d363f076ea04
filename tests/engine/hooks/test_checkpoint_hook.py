from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.fileio import get_file_backend

from tsjnet_mm.engine.hooks import AtomicCheckpointHook, AtomicLocalBackend


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
