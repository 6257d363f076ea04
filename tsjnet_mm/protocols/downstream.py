"""The downstream protocol: the same network trained on each method's images, then tested."""

import contextlib
import importlib.util
import json
import pprint
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mmengine.config import Config
from tqdm import tqdm

from tsjnet_mm.engine.launch import merge_options
from tsjnet_mm.evaluation.table import format_ranked
from tsjnet_mm.io.text import expect, read_json, read_text
from tsjnet_mm.utils import whole_file
from tsjnet_mm.utils.guarded import guarded_command, run_process
from tsjnet_mm.utils.words import counted

from .downstream_config import fit_detection_config, fit_segmentation_config
from .downstream_scores import detection_scores, segmentation_scores
from .export_dataset import export_dataset

#: Rows of the sources, which every table has.
SOURCES = {'visible': 'vi', 'infrared': 'ir'}
#: Work dir of the Runner within a method's folder. It writes its own form of the config there.
RUN = 'run'


class Task(NamedTuple):
    """What a protocol trains and measures.

    Attributes:
        library (str): Package whose network it is.
        layout (str): Of the exported data.
        fit (Callable): Points a config at them.
        summary (str): Name of the mean score.
        names (str): Key of the class names in a dataset's metainfo.
    """

    library: str
    layout: str
    fit: object
    summary: str
    names: str


TASKS = {
    'detection': Task('mmdet', 'coco', fit_detection_config, 'mAP@.5', 'classes'),
    'segmentation': Task('mmseg', 'mmseg', fit_segmentation_config, 'mIoU', 'seg_classes'),
}


class RunFailed(RuntimeError):
    """Training or testing ended with an error; the message names the log."""


def installed_tool(library, name):
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


def train_and_test(library, config, folder, gpus=1):
    """Train a config, going on from its last checkpoint, and test the end of it.

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
    train = installed_tool(library, 'train.py')
    _run(guarded_command(train, config, '--resume', processes=gpus), folder / 'log.txt')
    checkpoint = Path(read_text(folder / RUN / 'last_checkpoint').strip())
    test = installed_tool(library, 'test.py')
    _run(guarded_command(test, config, checkpoint), folder / 'log.txt')


def _run(command, log):
    with open(log, 'a', encoding='utf-8') as file:
        status = run_process(command, stdout=file, stderr=subprocess.STDOUT)
    if status:
        lines = log.read_text(encoding='utf-8', errors='replace').strip().splitlines()
        raise RunFailed(f'{lines[-1] if lines else "it failed"} (all of it: {log})')


class Protocol:
    """Retrain one network on each method's images and compare.

    The visible and the infrared images alone always take part. Each method has a folder in
    ``work_dir`` with the exported data, the config, the Runner's work dir, log and, at the
    end, ``scores.json``. What is finished is not done again, and an interrupted training goes
    on from its last checkpoint.

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
        task,
        methods,
        folds,
        config,
        work_dir,
        seed=0,
        cfg_options=None,
        gpus=1,
        run=None,
    ):
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
        self._run = run or train_and_test

    def scores(self, report=tqdm.write):
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
        runs = [(name, fold) for name in self.images for fold in range(len(self.folds))]
        for name, fold in tqdm(runs, 'exporting', unit='dataset'):
            self._prepare(name, fold)
        rows, failed = {}, []
        for name, fold in tqdm(runs, 'training and testing', unit='run'):
            try:
                rows.setdefault(name, []).append(self._score(name, fold, report))
            except RunFailed as error:
                report(f'{name}: failed: {error}')
                failed.append(name)
        means = {name: _mean(scores) for name, scores in rows.items() if name not in failed}
        return means, list(dict.fromkeys(failed))

    def folder(self, name, fold=0):
        """The folder of a method's run."""
        folder = self.work_dir / name
        return folder / f'fold_{fold + 1}' if len(self.folds) > 1 else folder

    def table(self, rows, style='text'):
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

    def _prepare(self, name, fold):
        """Write a method's images and config."""
        folder = self.folder(name, fold)
        text = _as_python(self._config(fold, folder))
        with contextlib.suppress(FileNotFoundError):
            if read_text(folder / 'config.py') != text:
                raise ValueError(
                    f'{folder} holds a run of another config: give another --work-dir, or '
                    'remove the folder'
                )
        written = 0
        for split, dataset in self.folds[fold].items():
            images = self.images[name]
            if name not in SOURCES:
                split_folder = Path(images, split)
                images = split_folder if split_folder.is_dir() else Path(images)
            done = export_dataset(dataset, folder / 'data', split, images, self.task.layout)
            written += done.written
        if written and (folder / RUN / 'last_checkpoint').exists():
            raise ValueError(
                f'{folder}: {counted(written, "image has", "images have")} changed '
                'since it was trained on them: give another --work-dir, or remove the folder'
            )
        with whole_file(folder / 'config.py') as partial:
            partial.write_text(text)

    def _config(self, fold, folder):
        cfg = Config(self.config.to_dict())
        merge_options(cfg, self.cfg_options)
        loader, images = cfg.train_dataloader, len(self.folds[fold]['train'])
        if loader.get('drop_last') and images < loader.batch_size:
            raise ValueError(
                f'{images} training images are fewer than a batch of {loader.batch_size}: add '
                f'--cfg-options train_dataloader.batch_size={images}'
            )
        self.task.fit(cfg, folder / 'data', self.folds[fold]['train'].metainfo, folder)
        cfg.work_dir = str(folder.resolve() / RUN)
        cfg.randomness = {'seed': self.seed}
        imports = cfg.setdefault(
            'custom_imports', {'imports': [], 'allow_failed_imports': False}
        )
        imports['imports'] = list(dict.fromkeys([*imports['imports'], 'tsjnet_mm.registry']))
        return cfg

    def _score(self, name, fold, report):
        """A method's scores, from its folder or by training and testing."""
        folder = self.folder(name, fold)
        path = folder / 'scores.json'
        if path.exists():
            report(f'{name}: {path} is there')
            scores = read_json(path)
            with expect(path, 'the scores of a run (remove it, and they are measured anew)'):
                return {
                    str(key): None if value is None else float(value)
                    for key, value in scores.items()
                }
        report(f'{name}: training, see {folder / "log.txt"}')
        self._run(self.task.library, folder / 'config.py', folder, self.gpus)
        scores = self._measure(fold, folder)
        with whole_file(path) as partial:
            partial.write_text(json.dumps(scores, indent=2) + '\n')
        return scores

    def _measure(self, fold, folder):
        data = folder / 'data'
        if self.task.library == 'mmdet':
            annotations = data / 'annotations' / 'test.json'
            return detection_scores(annotations, folder / 'results.bbox.json')
        classes = self.folds[fold]['train'].metainfo['seg_classes']
        return segmentation_scores(data / 'ann_dir' / 'test', folder / 'masks', classes)


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
