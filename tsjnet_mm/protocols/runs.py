"""Networks that are trained and tested, each in a folder that keeps its scores."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from tqdm import tqdm

from tsjnet_mm.io.resume import (
    differing_settings,
    digest_file,
    read_note,
    read_record,
    write_record,
)
from tsjnet_mm.io.text import read_text
from tsjnet_mm.utils.guarded import run_process

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

#: Entries of a config that decide on the weights, as where they are computed does not.
_SETTINGS = (
    *('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'),
    *('custom_hooks', 'randomness', 'load_from'),
)
_MACHINE = {
    'optim_wrapper': ('type', 'dtype', 'loss_scale', 'use_fp64'),
    'train_dataloader': ('persistent_workers', 'pin_memory', 'prefetch_factor'),
}
#: What a run may end with; anything else is a fault of the program.
_FAILURES = (OSError, ValueError, KeyError, AttributeError, SyntaxError)


class RunFailed(RuntimeError):
    """A run cannot be finished; the message says why, and names the log of a process."""


@contextlib.contextmanager
def claimed(folder: str | Path) -> Iterator[None]:
    """Lock the folder of a run against other processes while a block runs.

    Processes that :func:`call` starts keep the lock, too, so that a training keeps it to its
    end if its protocol was killed. Windows has no such lock.

    Args:
        folder (str | Path): The folder, made where missing.

    Raises:
        RunFailed: Another process has claimed it.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with open(Path(folder) / '.lock', 'w') as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunFailed(f'{folder} is in use by another run') from None
            os.set_inheritable(file.fileno(), True)
        yield


def call(command: Sequence[str | Path], log: str | Path) -> None:
    """Run a command to its end, its output appended to a log.

    Args:
        command (Sequence[str | Path]): Program and arguments.
        log (str | Path): The file.

    Raises:
        RunFailed: It failed; says the last line of the log.
    """
    with open(log, 'a', encoding='utf-8') as file:
        file.write(f'$ {" ".join(map(str, command))}\n')
        file.flush()
        status = run_process(
            [*map(str, command)],
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            close_fds=False,  # Python's own are not inheritable, but for that of `claimed`.
        )
    if status:
        *_, last = Path(log).read_text(encoding='utf-8', errors='replace').strip().splitlines()
        raise RunFailed(f'exit status {status}, see {log}: {last}')


def final_checkpoint(work_dir: str | Path, cfg: Config) -> Path:
    """Path of the checkpoint of the last epoch or iteration of a training.

    Args:
        work_dir (str | Path): The Runner's.
        cfg (Config): Its config.
    """
    loop = cfg.train_cfg
    last = f'epoch_{loop.max_epochs}' if loop.get('max_epochs') else f'iter_{loop.max_iters}'
    return Path(work_dir) / f'{last}.pth'


def last_checkpoint(work_dir: str | Path) -> Path | None:
    """The checkpoint that was saved last in a Runner's folder, or None."""
    pointer = Path(work_dir) / 'last_checkpoint'
    path = Path(read_text(pointer).strip()) if pointer.is_file() else pointer
    return path if path.is_file() and path != pointer else None


def train_and_test(
    train: Sequence[str | Path],
    test: Callable[[Path], Sequence[str | Path]],
    cfg: Config,
    work_dir: str | Path,
    logs: Sequence[Path],
) -> Path:
    """Train to the end, unless that is done, and test the checkpoint that is left.

    Args:
        train (Sequence[str | Path]): Command that trains; one that resumes, if it is to.
        test (Callable[[Path], Sequence[str | Path]]): From a checkpoint to the command that
            tests it.
        cfg (Config): The Runner's config.
        work_dir (str | Path): The Runner's folder.
        logs (Sequence[Path]): Log of the training, and of the test.

    Returns:
        Path: The checkpoint.

    Raises:
        RunFailed: A command failed, or the training left no checkpoint.
    """
    checkpoint = final_checkpoint(work_dir, cfg)
    if not checkpoint.is_file():
        call(train, logs[0])
        # A hook may have ended it early, or may name its files otherwise.
        left = checkpoint if checkpoint.is_file() else last_checkpoint(work_dir)
        if left is None:
            raise RunFailed(f'the training left no {checkpoint}')
        checkpoint = left
    call(test(checkpoint), logs[1])
    return checkpoint


def _training_settings(cfg):
    settings = {key: cfg.get(key) for key in _SETTINGS}
    for key, ignored in _MACHINE.items():
        entry = settings[key] or {}
        settings[key] = {name: value for name, value in entry.items() if name not in ignored}
    return settings


class Run:
    """A network that is trained and tested in a folder, where its scores are kept.

    A subclass has these attributes, and a method ``compute()`` that trains, tests and returns
    the scores.

    Attributes:
        name (str): What reports call it.
        folder (Path): Of its logs and scores.
        record (Path): The config as the Runner writes it into its folder.
        scores (Path): JSON file of the scores, see :mod:`tsjnet_mm.io.resume`.
        cfg (Config): Trains and tests it.
        settings (dict[str, Any]): What determines the scores besides the weights.
    """

    name: str
    folder: Path
    record: Path
    scores: Path
    cfg: Config
    settings: dict[str, Any]

    def check(self) -> None:
        """Refuse a folder that was trained with other settings.

        Raises:
            ValueError: It was; says which.
        """
        if not self.record.is_file():
            return
        found = Config.fromfile(self.record)
        before, now = _training_settings(found), _training_settings(self.cfg)
        # What resumed or tested is recorded with its own checkpoint, maybe of before a move.
        own = Path(found.get('load_from') or '').parent.name == self.record.parent.name
        if own or found.get('resume'):
            before['load_from'] = now['load_from']
        if differing := differing_settings(before, now):
            raise ValueError(
                f'{self.folder} holds a run of another config: it was trained with other '
                f'settings of {", ".join(differing)} (see {self.record.name} there): take '
                'another --work-dir, or remove the folder'
            )

    def note(self) -> dict[str, Any]:
        """Settings that determine the scores, with the digest of an existing checkpoint."""
        checkpoint = final_checkpoint(self.record.parent, self.cfg)
        digest = digest_file(checkpoint) if checkpoint.is_file() else None
        return {**self.settings, 'checkpoint': digest}

    def kept(self) -> Any:
        """The saved scores of this checkpoint and these settings, or None.

        Of a run whose checkpoint was removed they are kept, too.
        """
        found, wanted = read_note(self.scores) or {}, self.note()
        wanted['checkpoint'] = wanted['checkpoint'] or found.get('checkpoint')
        if not differing_settings(found, wanted):
            with contextlib.suppress(LookupError, ValueError):
                return self.load()
        return None

    def finish(self, report: Callable[[str], None]) -> Any:
        """Do the parts of training and testing that are not done.

        Args:
            report (Callable[[str], None]): Called with a line about what happens.

        Returns:
            Any: The scores.

        Raises:
            RunFailed: A process failed, or another one works in the folder.
            ValueError: See :meth:`check`.
        """
        with claimed(self.folder):
            self.check()
            scores = self.kept()
            if scores is not None:
                report(f'{self.name}: {self.scores} is there')
                return scores
            report(f'{self.name}: training and testing, see {self.folder}')
            scores = self.compute()
            self.save(scores, self.note())
            return scores

    def save(self, scores: Any, note: dict[str, Any]) -> None:
        """Write scores, which JSON can hold, with their note."""
        write_record(self.scores, note, {'scores': scores})

    def load(self) -> Any:
        """Read what :meth:`save` wrote; a ``LookupError`` or ``ValueError`` if damaged."""
        return (read_record(self.scores) or {})['scores']


def finish_runs(
    runs: Iterable[Run], report: Callable[[str], None] = tqdm.write
) -> tuple[list[tuple[Run, Any]], list[tuple[Run, str]]]:
    """Finish all runs, also if one of them fails.

    Args:
        runs (Iterable[Run]): The runs.
        report (Callable[[str], None]): Called with a line for each that is there
            already, starts or fails. Defaults to ``tqdm.write``.

    Returns:
        tuple[list[tuple[Run, Any]], list[tuple[Run, str]]]: Runs with their scores, and runs
        with the reason of their failure.
    """
    finished, failed = [], []
    for run in tqdm([*runs], 'training and testing', unit='run'):
        try:
            finished.append((run, run.finish(report)))
        except (RunFailed, *_FAILURES) as error:
            failed.append((run, str(error) or repr(error)))
            report(f'{run.name}: failed: {failed[-1][1]}')
    return finished, failed
