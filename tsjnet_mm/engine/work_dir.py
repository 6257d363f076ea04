"""The folder of a training: a lock, and its resumable checkpoints."""

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from mmengine.logging import print_log

from tsjnet_mm.utils.checkpoints import CheckpointError, read_checkpoint
from tsjnet_mm.utils.files import remove_stale_parts, write_whole

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_SAVED = re.compile(r'(?:epoch|iter|best_.+)_(\d+)\.pth')


@contextlib.contextmanager
def claimed_work_dir(work_dir: str | Path) -> Iterator[None]:
    """Lock a folder against other trainings while a block runs.

    The folder is made where it is missing, and unfinished files of ended processes in it are
    removed. The claim ends with the process, however it ends. Windows knows no such claim.

    Args:
        work_dir (str | Path): The folder.

    Raises:
        ValueError: Another process has claimed it; says which.
    """
    Path(work_dir).mkdir(parents=True, exist_ok=True)
    with open(Path(work_dir) / '.training.lock', 'a+', encoding='utf-8') as file:
        if fcntl:
            try:
                # Not flock: children that outlive a killed training would hold it, too.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                file.seek(0)
                raise ValueError(
                    f'{work_dir}: another training writes there ({file.read().strip()}): wait '
                    'until it has ended, or choose another --work-dir'
                ) from None
            except OSError as error:
                print_log(f'{work_dir}: cannot be locked against a second training ({error})')
        file.truncate(0)
        file.write(
            f'process {os.getpid()} on {socket.gethostname()}, since '
            f'{time.strftime("%Y-%m-%d %H:%M:%S")}\n'
        )
        file.flush()
        remove_stale_parts(work_dir)
        yield


def saved_checkpoints(folder: str | Path) -> list[Path]:
    """Checkpoints that trainings saved in a folder, those of later steps last."""
    found = ((_SAVED.fullmatch(path.name), path) for path in Path(folder).glob('*.pth'))
    steps = [(int(match[1]), path.name, path) for match, path in found if match]
    return [path for *_, path in sorted(steps)]


def find_resumable(start: str | Path) -> str | Path | None:
    """Find the checkpoint to resume from, and read it to see that it can be.

    Args:
        start (str | Path): A checkpoint, or a training's folder: its ``last_checkpoint``. A
            URL is not looked at.

    Returns:
        str | Path | None: The checkpoint; None if the folder has none or is missing.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        CheckpointError: It cannot be resumed from, or ``last_checkpoint`` names none. The
            message names the last one in the folder that can be.
    """
    if '://' in str(start):
        return start
    start = Path(start).expanduser()
    given = start.is_file() or start.suffix == '.pth'
    path = start if given else _last_checkpoint(start)
    if path is None:
        return None
    try:
        _check_resumable(path)
    except CheckpointError as error:
        raise CheckpointError(f'{error}; {_offer(path.parent, path)}') from error
    return path


def set_earlier_training_aside(folder: str | Path) -> Path | None:
    """Move the checkpoints of an earlier training into a sub folder.

    Args:
        folder (str | Path): Where they are and a new training begins.

    Returns:
        Path | None: The new folder, ``earlier_1`` or a higher number in ``folder``; None if
        there was no checkpoint.
    """
    folder = Path(folder)
    saved, pointer = saved_checkpoints(folder), folder / 'last_checkpoint'
    if not saved and not pointer.exists():
        return None
    number = 1
    while (folder / f'earlier_{number}').exists():
        number += 1
    aside = folder / f'earlier_{number}'
    aside.mkdir()
    if pointer.exists():
        last = aside / _name_in(pointer)
        write_whole(aside / pointer.name, str(last))
        pointer.unlink()
    for path in saved:
        path.rename(aside / path.name)
    return aside


def _name_in(pointer):
    """Name of the file in ``last_checkpoint``, without its folder."""
    return re.split(r'[\\/]', pointer.read_text(errors='replace').strip())[-1]


def _last_checkpoint(work_dir):
    pointer = work_dir / 'last_checkpoint'
    saved = saved_checkpoints(work_dir)
    if not pointer.exists():
        if saved:
            raise CheckpointError(f'there is no {pointer}; {_offer(work_dir)}')
        return None
    name = _name_in(pointer)
    if not name:
        raise CheckpointError(f'{pointer} is empty; {_offer(work_dir)}')
    path = Path(pointer.read_text(errors='replace').strip())
    if not path.is_file():  # The folder may have moved since.
        path = work_dir / name
    if not path.is_file():
        raise CheckpointError(f'{pointer} names {name}, which is missing; {_offer(work_dir)}')
    return path


def _check_resumable(path):
    checkpoint = read_checkpoint(path)
    parts = {'state_dict', 'meta', 'message_hub'}
    if (
        not isinstance(checkpoint, dict)
        or not parts <= checkpoint.keys()
        or not isinstance(checkpoint['meta'], dict)
        or not {'epoch', 'iter'} <= checkpoint['meta'].keys()
    ):
        raise CheckpointError(
            f'{path} does not hold the state of a training; to begin with its weights, use '
            f'--cfg-options load_from={path}'
        )


def _offer(folder, broken=None):
    """Remedy: the last checkpoint of a folder that can be resumed."""
    for path in reversed(saved_checkpoints(folder)):
        if path != broken:
            with contextlib.suppress(CheckpointError, OSError):
                _check_resumable(path)
                return f'the last intact checkpoint there is {path.name}: --resume {path}'
    return 'no other checkpoint there is intact: start again without --resume'
