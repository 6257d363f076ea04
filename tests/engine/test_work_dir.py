import shutil
import subprocess
import sys

import pytest
import torch

from tsjnet_mm.engine.work_dir import (
    claimed_work_dir,
    find_resumable,
    saved_checkpoints,
    set_earlier_training_aside,
)
from tsjnet_mm.utils.checkpoints import CheckpointError

CLAIM = 'from tsjnet_mm.engine.work_dir import claimed_work_dir as claim\nimport sys\n'


def save(path, epoch, **changes):
    """A checkpoint with as much as resuming reads first."""
    content = {
        'state_dict': {'weight': torch.full((2, 2), float(epoch + 1))},
        'meta': {'epoch': epoch, 'iter': 10 * epoch},
        'message_hub': {},
        **changes,
    }
    torch.save({key: value for key, value in content.items() if value is not None}, path)
    return path


@pytest.fixture
def work_dir(tmp_path):
    """Epochs 7 and 8, the second the last; and weights that no training saved."""
    folder = tmp_path / 'work'
    folder.mkdir()
    save(folder / 'epoch_7.pth', 7)
    save(folder / 'epoch_8.pth', 8)
    save(folder / 'pretrained.pth', 0)
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_8.pth'))
    return folder


def test_one_training_at_a_time(tmp_path):
    folder = tmp_path / 'a' / 'work'
    waiting = 'with claim(sys.argv[1]): print("in", flush=True); sys.stdin.readline()'
    command = [sys.executable, '-c', CLAIM + waiting, str(folder)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == 'in\n'
        with (
            pytest.raises(ValueError, match=rf'work: another .*process {other.pid} on'),
            claimed_work_dir(folder),
        ):
            pass
        other.kill()
        other.wait()
    with claimed_work_dir(folder):
        pass


def test_unfinished_files_of_ended_processes_are_removed(tmp_path):
    ended = subprocess.run(
        [sys.executable, '-c', 'from tsjnet_mm.utils.files import owner_name as o; print(o())'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    left = tmp_path / f'.epoch_2.{ended}.0123abcd.part.pth'
    left.write_bytes(b'half')
    with claimed_work_dir(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ['.training.lock']


def test_checkpoints_in_the_order_of_their_steps(work_dir):
    for name in ('epoch_10.pth', 'best_fusion_SSIM_epoch_9.pth', 'epoch_x.pth'):
        shutil.copy(work_dir / 'epoch_7.pth', work_dir / name)
    assert [path.name for path in saved_checkpoints(work_dir)] == [
        'epoch_7.pth',
        'epoch_8.pth',
        'best_fusion_SSIM_epoch_9.pth',
        'epoch_10.pth',
    ]


def test_the_last_checkpoint_is_found(work_dir, tmp_path):
    assert find_resumable(work_dir) == work_dir / 'epoch_8.pth'
    assert find_resumable(work_dir / 'epoch_7.pth') == work_dir / 'epoch_7.pth'
    assert find_resumable(tmp_path / 'none') is None
    assert find_resumable('https://host/epoch_8.pth') == 'https://host/epoch_8.pth'
    moved = work_dir.rename(tmp_path / 'moved')
    assert find_resumable(moved) == moved / 'epoch_8.pth'
    (moved / 'last_checkpoint').write_text('C:\\runs\\work\\epoch_7.pth\n')
    assert find_resumable(moved) == moved / 'epoch_7.pth'


OFFER = r'; the last intact checkpoint there is epoch_{}.pth: --resume .*/epoch_{}.pth$'


@pytest.mark.parametrize(
    ('pointer', 'message'),
    [
        (None, r'^there is no .*work/last_checkpoint'),
        ('', r'work/last_checkpoint is empty'),
        ('\n', r'work/last_checkpoint is empty'),
        ('/gone/epoch_9.pth', r'work/last_checkpoint names epoch_9.pth, which is missing'),
        ('\0\xff', r'work/last_checkpoint names .*, which is missing'),
    ],
)
def test_a_pointer_to_nothing_offers_the_last_whole_checkpoint(work_dir, pointer, message):
    path = work_dir / 'last_checkpoint'
    path.unlink()
    if pointer is not None:
        path.write_bytes(pointer.encode('latin-1'))
    with pytest.raises(CheckpointError, match=message + OFFER.format(8, 8)):
        find_resumable(work_dir)


def cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def put_nan(path):
    save(path, 8, state_dict={'decoder.weight': torch.tensor([[1.0, float('nan')]])})


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (cut, 'epoch_8.pth is refused: it is damaged'),
        (lambda path: path.write_bytes(b''), 'epoch_8.pth is refused'),
        (put_nan, r'epoch_8.pth .*decoder.weight .*NaN'),
        (lambda path: save(path, 8, meta=None), 'epoch_8.pth does not hold the state of a tr'),
        (lambda path: save(path, 8, meta={'epoch': 8}), 'epoch_8.pth does not hold the state'),
        (lambda path: torch.save([1], path), 'epoch_8.pth'),
    ],
)
@pytest.mark.parametrize('auto', [True, False])
def test_a_broken_checkpoint_offers_the_last_whole_one(work_dir, damage, message, auto):
    save(work_dir / 'epoch_6.pth', 6)
    damage(work_dir / 'epoch_8.pth')
    start = work_dir if auto else work_dir / 'epoch_8.pth'
    with pytest.raises(CheckpointError, match=message + '.*' + OFFER.format(7, 7)):
        find_resumable(start)
    cut(work_dir / 'epoch_7.pth')
    with pytest.raises(CheckpointError, match=message + '.*' + OFFER.format(6, 6)):
        find_resumable(start)
    cut(work_dir / 'epoch_6.pth')
    with pytest.raises(
        CheckpointError, match='no other checkpoint there is intact: start again'
    ):
        find_resumable(start)


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*nope.pth'):
        find_resumable(tmp_path / 'nope.pth')


def test_an_earlier_training_moves_aside_and_stays_resumable(work_dir):
    aside = set_earlier_training_aside(work_dir)
    assert aside == work_dir / 'earlier_1'
    assert sorted(path.name for path in work_dir.iterdir()) == ['earlier_1', 'pretrained.pth']
    assert find_resumable(work_dir) is None
    assert find_resumable(aside) == aside / 'epoch_8.pth'
    assert set_earlier_training_aside(work_dir) is None
    save(work_dir / 'epoch_1.pth', 1)
    assert set_earlier_training_aside(work_dir) == work_dir / 'earlier_2'
