"""The downstream protocol: the same network trained on each method's images, then tested."""

from __future__ import annotations

import importlib.util
import pprint
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.config import Config
from tqdm import tqdm

from tsjnet_mm.datasets import PairedFusionDataset
from tsjnet_mm.engine.launch import merge_options
from tsjnet_mm.evaluation.table import format_ranked
from tsjnet_mm.io.resume import digest_file, digest_note, read_note, write_record
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.guarded import guarded_command
from tsjnet_mm.utils.words import counted

from .downstream_config import fit_detection_config, fit_segmentation_config
from .downstream_scores import detection_scores, segmentation_scores
from .export_dataset import MANIFEST, export_dataset
from .runs import Run, RunFailed, finish_runs
from .runs import train_and_test as run_commands

__all__ = [
    'SOURCES',
    'TASKS',
    'Protocol',
    'RunFailed',
    'Task',
    'installed_tool',
    'train_and_test',
]

#: Rows of the sources, which every table has.
SOURCES = {'visible': 'vi', 'infrared': 'ir'}
#: Work dir of the Runner within a method's folder. It writes its own form of the config there.
RUN = 'run'


class Task(NamedTuple):
    """The task of a protocol: its library, layout and scores.

    Attributes:
        library (str): Package whose network it is.
        layout (str): Of the exported data.
        fit (Callable): Points a config at them.
    """

    library: str
    layout: str
    fit: object


TASKS = {
    'detection': Task('mmdet', 'coco', fit_detection_config),
    'segmentation': Task('mmseg', 'mmseg', fit_segmentation_config),
}


def installed_tool(library: str, name: str) -> Path:
    """Path of a script of an installed OpenMMLab package.

    Args:
        library (str): ``'mmdet'`` or ``'mmseg'``.
        name (str): Name of the script, e.g. ``'train.py'``.

    Returns:
        Path: The file.

    Raises:
        FileNotFoundError: The package carries no such script.
    """
    package = Path(importlib.util.find_spec(library).origin).parent
    candidates = [package / '.mim' / 'tools' / name, package.parent / 'tools' / name]
    for path in candidates:
        if path.is_file():
            return path
    raise FileNotFoundError(f'no {name} of {library} at {" or ".join(map(str, candidates))}')


def train_and_test(library: str, config: Path, folder: Path, gpus: int = 1) -> None:
    """Train a config from its last checkpoint, if it has one, and test the result.

    Both run the library's own scripts in processes of their own, in which no checkpoint can
    run code.

    Args:
        library (str): ``'mmdet'`` or ``'mmseg'``.
        config (Path): The config.
        folder (Path): The config's work dir is its subfolder :data:`RUN`; what the processes
            print is added to ``log.txt`` there.
        gpus (int): Processes to train with. Defaults to 1.

    Raises:
        RunFailed: A process failed.
    """
    cfg, work_dir, log = Config.fromfile(config), folder / RUN, folder / 'log.txt'
    # Of a config's load_from the libraries' scripts take no notice with --resume.
    resume = ['--resume'] if (work_dir / 'last_checkpoint').exists() else []
    train = guarded_command(
        installed_tool(library, 'train.py'), config, *resume, processes=gpus
    )
    test = installed_tool(library, 'test.py')
    run_commands(
        train, lambda path: guarded_command(test, config, path), cfg, work_dir, (log, log)
    )


class DownstreamRun(Run):
    """A network trained on one method's images, those of one fold.

    Args:
        protocol (Protocol): Has the data, the config and how to train.
        name (str): The method.
        fold (int): Number of the fold, from 0.

    Raises:
        ValueError: The config would train on no batch.
    """

    def __init__(self, protocol: Protocol, name: str, fold: int) -> None:
        self.name = name
        self.folder = protocol.folder(name, fold)
        self.record = self.folder / RUN / 'config.py'
        self.scores = self.folder / 'scores.json'
        self.data = protocol.folds[fold]
        self.cfg = self._fit_config(protocol)
        tests = ('test_dataloader', 'test_evaluator', 'test_cfg')
        self.settings = {key: self.cfg.get(key) for key in tests}
        self._protocol = protocol

    def _fit_config(self, protocol):
        cfg = Config(protocol.config.to_dict())
        merge_options(cfg, protocol.cfg_options)
        loader, images = cfg.train_dataloader, len(self.data['train'])
        if loader.get('drop_last') and images < loader.batch_size:
            raise ValueError(
                f'{images} training images are fewer than a batch of {loader.batch_size}: add '
                f'--cfg-options train_dataloader.batch_size={images}'
            )
        protocol.task.fit(cfg, self.folder / 'data', self.data['train'].metainfo, self.folder)
        cfg.work_dir = str(self.folder.resolve() / RUN)
        cfg.randomness = {'seed': protocol.seed}
        imports = cfg.setdefault(
            'custom_imports', {'imports': [], 'allow_failed_imports': False}
        )
        imports['imports'] = list(dict.fromkeys([*imports['imports'], 'tsjnet_mm.registry']))
        return cfg

    def prepare(self) -> None:
        """Write the images and the config.

        Raises:
            ValueError: The folder holds a run of another config or of other images.
            FileNotFoundError, PairError: See :func:`export_dataset`.
        """
        self.check()
        is_trained = (self.folder / RUN / 'last_checkpoint').exists() or self.scores.exists()
        written, layout = 0, self._protocol.task.layout
        for split, dataset in self.data.items():
            images = self._protocol.images[self.name]
            if self.name not in SOURCES:
                split_folder = Path(images, split)
                images = split_folder if split_folder.is_dir() else Path(images)
            done = export_dataset(dataset, self.folder / 'data', split, images, layout)
            written += done.written
        record = self.folder / 'data.json'
        note = {'data': _digest_data(self.folder / 'data')}
        if is_trained and (written or read_note(record) not in (None, note)):
            changed = (
                counted(written, 'image has', 'images have')
                if written
                else 'images or labels have'
            )
            raise ValueError(
                f'{self.folder}: {changed} changed since it was trained on them: give another '
                '--work-dir, or remove the folder'
            )
        write_record(record, note, {})
        write_whole(self.folder / self.record.name, _as_python(self.cfg))

    def compute(self) -> dict[str, float | None]:
        """Train, test and measure what was found."""
        protocol, folder = self._protocol, self.folder
        protocol.run(protocol.task.library, folder / self.record.name, folder, protocol.gpus)
        data = folder / 'data'
        if protocol.task.library == 'mmdet':
            annotations = data / 'annotations' / 'test.json'
            return detection_scores(annotations, folder / 'results.bbox.json')
        classes = self.data['train'].metainfo['seg_classes']
        return segmentation_scores(data / 'ann_dir' / 'test', folder / 'masks', classes)


class Protocol:
    """Retrain one network on each method's images and compare.

    The visible and the infrared images alone always take part. Each method has a folder in
    ``work_dir`` with the exported data, the config, the Runner's work dir, log and, at the
    end, ``scores.json``. Finished methods are not trained again, and an interrupted
    training continues from its last checkpoint.

    Args:
        task (str): ``'detection'`` or ``'segmentation'``.
        methods (dict[str, str | Path]): Name to folder of fused images, of all pairs or with
            a subfolder for each split.
        folds (Sequence[dict[str, PairedFusionDataset]]): The data: ``train`` and ``test``;
            several for cross-validation, whose scores are averaged.
        config (str | Path | Config): Of any network of mmdet or mmseg.
        work_dir (str | Path): Folder of all runs.
        seed (int): Seed of all runs. Defaults to 0.
        cfg_options (dict, optional): Changes of the config.
        gpus (int): See :func:`train_and_test`.
        run (Callable, optional): Trains and tests. Defaults to :func:`train_and_test`.

    Raises:
        ValueError: The task is unknown, a method's name is taken or cannot be a folder's, or
            the two splits share a pair.
    """

    def __init__(
        self,
        task: str,
        methods: dict[str, str | Path],
        folds: Sequence[dict[str, PairedFusionDataset]],
        config: str | Path | Config,
        work_dir: str | Path,
        seed: int = 0,
        cfg_options: dict | None = None,
        gpus: int = 1,
        run: Callable | None = None,
    ) -> None:
        if task not in TASKS:
            raise ValueError(f'task must be one of {sorted(TASKS)}, got {task!r}')
        for name in methods:
            if name in SOURCES or not name or name != Path(name).name:
                raise ValueError(
                    f'{name!r} cannot be the name of a method: it names a folder, and '
                    f'{" and ".join(SOURCES)} are the sources'
                )
        for number, fold in enumerate(folds, start=1):
            shared = set.intersection(
                *(
                    {fold[split].get_data_info(i)['vi_path'] for i in range(len(fold[split]))}
                    for split in ('train', 'test')
                )
            )
            if shared:
                raise ValueError(
                    f'fold {number} has {counted(len(shared), "pair")} both in train and in '
                    f'test, such as {min(shared)}'
                )
        self.task = TASKS[task]
        self.images = {**SOURCES, **methods}
        self.folds = folds
        self.config = Config.fromfile(config) if not isinstance(config, Config) else config
        self.work_dir = Path(work_dir)
        self.cfg_options = cfg_options or {}
        self.seed = seed
        self.gpus = gpus
        self.run = run or train_and_test

    def scores(
        self, report: Callable = tqdm.write
    ) -> tuple[dict[str, dict[str, float | None]], list[str]]:
        """Train and test what is not yet.

        Args:
            report (Callable): Called with a line for each run that starts, is there already
                or fails. Defaults to ``tqdm.write``.

        Returns:
            tuple[dict[str, dict[str, float | None]], list[str]]: Method to class to score in
            percent, the mean over the folds, for those whose runs all ended well; and the
            names of the others.

        Raises:
            ValueError: A folder holds a run of another config or of other images; like the
                following before anything is trained.
            FileNotFoundError, PairError: See :func:`export_dataset`.
        """
        runs = [
            DownstreamRun(self, name, fold)
            for name in self.images
            for fold in range(len(self.folds))
        ]
        for run in tqdm(runs, 'exporting', unit='dataset'):
            run.prepare()
        finished, failed = finish_runs(runs, report)
        failed = [*dict.fromkeys(run.name for run, _ in failed)]
        rows = {}
        for run, scores in finished:
            if run.name not in failed:
                rows.setdefault(run.name, []).append(scores)
        return {name: _mean(scores) for name, scores in rows.items()}, failed

    def folder(self, name: str, fold: int = 0) -> Path:
        """The folder of a method's run."""
        folder = self.work_dir / name
        return folder / f'fold_{fold + 1}' if len(self.folds) > 1 else folder

    def table(self, rows: dict, style: str = 'text') -> str:
        """The paper's Table 2 of some scores.

        Args:
            rows (dict): See :meth:`scores`.
            style (str): ``'text'`` or ``'markdown'``. Defaults to ``'text'``.

        Returns:
            str: The table.
        """
        measure = 'AP@0.5' if self.task.library == 'mmdet' else 'IoU'
        tested = sum(len(fold['test']) for fold in self.folds)
        trained = '/'.join(dict.fromkeys(str(len(fold['train'])) for fold in self.folds))
        tested = counted(tested, 'image')
        title = f'{measure} in percent, {tested}, trained on {trained}, seed {self.seed}'
        if len(self.folds) > 1:
            title += f', mean of {len(self.folds)} folds'
        return format_ranked(rows, title, lambda name: True, style)


def _digest_data(folder):
    """Of the notes of exported images, and the bytes of all other files but the manifest."""
    files = sorted(
        path for path in folder.rglob('*') if path.is_file() and path.name != MANIFEST
    )
    return digest_note(
        {str(path.relative_to(folder)): read_note(path) or digest_file(path) for path in files}
    )


def _as_python(cfg):
    """A config as text, in a blink; mmengine's own formatting takes seconds."""
    lines = [
        f'{key} = {pprint.pformat(value, width=96, sort_dicts=False)}'
        for key, value in cfg.to_dict().items()
    ]
    return '\n'.join(lines) + '\n'


def _mean(folds):
    """Mean of each score over the folds that have it."""
    known = {
        name: [scores[name] for scores in folds if scores[name] is not None]
        for name in folds[0]
    }
    return {name: float(np.mean(values)) if values else None for name, values in known.items()}
