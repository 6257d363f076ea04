"""The ablation protocol: each variant of a fusor trained, then measured on the same pairs."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

from tsjnet_mm.engine.launch import merge_options, parse_options
from tsjnet_mm.evaluation import EvaluationResults, load_results
from tsjnet_mm.evaluation.table import format_lines
from tsjnet_mm.metrics import FUSION_METRICS
from tsjnet_mm.utils import write_whole
from tsjnet_mm.utils.guarded import tsjnet_command
from tsjnet_mm.utils.model_index import config_dir, find_config
from tsjnet_mm.utils.words import counted

from .runs import Run, final_checkpoint, train_and_test

#: Rows of the paper's Table 3, and what the configs of these variants are called.
ROWS = {
    'w/o DSM': 'joint-wo-dsm',
    'w/o L_Det': 'joint-wo-det',
    'w/o L_Seg': 'joint-wo-seg',
    'w/o L_Det,Seg': 'joint-wo-det-seg',
    'TSJNet': 'joint',
}
#: Whose configs of these variants there are.
PRESETS = ('official', 'light', 'light-nano', 'small-nano')
#: Table 3 of the paper, on the 361 test pairs of MSRS, in its own digits.
PAPER = (
    ('method', 'SSIM↑', 'PSNR↑', 'MSE↓', 'CC↑', 'CV↓'),
    ('w/o DSM', '0.66', '14.83', '3731.88', '0.54', '560.46'),
    ('w/o L_Det', '0.55', '14.86', '2550.33', '0.54', '376.49'),
    ('w/o L_Seg', '0.50', '12.46', '4167.93', '0.60', '464.51'),
    ('w/o L_Det,Seg', '0.49', '12.43', '4246.27', '0.51', '363.24'),
    ('TSJNet', '0.69', '18.13', '1502.60', '0.62', '344.20'),
)


def preset_rows(preset: str) -> dict[str, Path]:
    """The configs of the paper's rows.

    Args:
        preset (str): One of :data:`PRESETS`.

    Returns:
        dict[str, Path]: By the name of the row.
    """
    folder = config_dir() / 'tsjnet'
    return {name: folder / f'tsjnet_{preset}_{kind}_40e_msrs.py' for name, kind in ROWS.items()}


@dataclasses.dataclass
class AblationRun(Run):
    """A row of the table: a config trained and tested by the tools of this package.

    Attributes:
        name (str): How the table calls it.
        config (Path): Its config file.
        folder (Path): Of its logs, checkpoints and results.
        metrics (Sequence[str]): Columns of the table.
        convention (str): What their names mean.
        options (Sequence[str]): Changes of the config, as ``--cfg-options`` takes them.
        test_config (str | Path, optional): Config with the test set. Defaults to its own.
        gpus (int): To train on. Defaults to 1.
    """

    name: str
    config: Path
    folder: Path
    metrics: Sequence[str]
    convention: str
    options: Sequence[str] = ()
    test_config: str | Path | None = None
    gpus: int = 1

    def __post_init__(self) -> None:
        self.record = self.folder / self.config.name
        self.scores = self.folder / f'test_{self.convention}.json'
        self._values = self.folder / 'test' / 'values.csv'
        self._measured = {'metrics': list(self.metrics), 'convention': self.convention}

    @cached_property
    def cfg(self) -> Config:
        """The config with its options, read when the row's turn comes."""
        cfg = Config.fromfile(self.config)
        merge_options(cfg, parse_options(self.options))
        if self.test_config:
            cfg.test_dataloader = Config.fromfile(find_config(self.test_config)).test_dataloader
        evaluator = {'type': 'FusionMetric', 'per_image_csv': str(self._values)}
        # A list: mmengine takes a dict with metrics for an evaluator of them.
        cfg.test_evaluator = [{**evaluator, **self._measured}]
        return cfg

    @property
    def settings(self) -> dict[str, Any]:
        """Metrics and pairs."""
        return {**self._measured, 'test_dataloader': self.cfg.test_dataloader}

    def compute(self) -> EvaluationResults:
        """Train and test; the results have the values of each image."""
        config = self._values.with_name(self.config.name)
        write_whole(config, self.cfg.pretty_text)
        self._values.unlink(missing_ok=True)
        options = ['--cfg-options', *self.options] if self.options else []
        train = tsjnet_command(
            *('train', self.config, '--work-dir', self.folder, '--resume'), processes=self.gpus
        )
        train_and_test(
            [*train, *options],
            lambda path: tsjnet_command('test', config, path, '--work-dir', config.parent),
            self.cfg,
            self.folder,
            (self.folder / 'train.log', self.folder / 'test.log'),
        )
        return self._read(self._values)

    def save(self, scores: EvaluationResults, note: dict[str, Any]) -> None:
        """Write the results with their note."""
        dataclasses.replace(scores, note=note).save(self.scores)

    def load(self) -> EvaluationResults:
        """Read the results; the row may have had another name."""
        return self._read(self.scores)

    def _read(self, path):
        found = load_results(path)
        (row,) = found.values.values()
        return dataclasses.replace(found, methods=(self.name,), values={self.name: row})


def make_runs(
    configs: Mapping[str, str | Path],
    work_dir: str | Path,
    seeds: Sequence[int] = (),
    options: Sequence[str] = (),
    **others: Any,
) -> list[AblationRun]:
    """The runs of a table's rows.

    Args:
        configs (Mapping[str, str | Path]): Config file of each row, or ``tsjnet_mm::`` and its
            path in this package.
        work_dir (str | Path): Each run has its folder in it, named after its config and seed.
        seeds (Sequence[int]): Train each row once with each of these. Defaults to the one
            of its config.
        options (Sequence[str]): See :class:`AblationRun`.
        **others: Of :class:`AblationRun`.

    Returns:
        list[AblationRun]: In the order of the rows; one after the other with each seed, so that
        a table can be made early.

    Raises:
        ValueError: Two rows would have one folder, or a seed is there twice.
        FileNotFoundError: A config is missing.
    """
    if len({Path(path).stem for path in configs.values()}) != len(configs):
        raise ValueError('each row needs a config file with a name of its own')
    if len({*seeds}) != len(seeds):
        raise ValueError(f'each seed must be there once, got {" ".join(map(str, seeds))}')
    configs = {
        name: find_config(path) if '::' in str(path) else path for name, path in configs.items()
    }
    for name, path in configs.items():
        if not Path(path).is_file():
            raise FileNotFoundError(f'{path}: no such config, of the row {name}')
    work_dir = Path(work_dir).resolve()
    runs = []
    for seed in seeds or (None,):
        for name, path in configs.items():
            given = list(options) if seed is None else [*options, f'randomness.seed={seed}']
            folder = work_dir / (Path(path).stem + ('' if seed is None else f'-seed{seed}'))
            shown = seeded_name(name, seed)
            runs.append(AblationRun(shown, Path(path), folder, options=given, **others))
    return runs


def seeded_name(name: str, seed: int | None) -> str:
    """What the run of a row with a seed is called; the row's name without one."""
    return name if seed is None else f'{name}, seed {seed}'


def over_seeds(
    joined: EvaluationResults, names: Sequence[str], seeds: Sequence[int]
) -> list[list[str]]:
    """Each row's mean and standard deviation over its seeds.

    Args:
        joined (EvaluationResults): Of the runs with each seed.
        names (Sequence[str]): Of the rows.
        seeds (Sequence[int]): At least one; runs that are missing are left out.

    Returns:
        list[list[str]]: Lines for :func:`format_lines`: the head, then a line for each row that
        has a run, with the number of its seeds. The deviation is that of a sample (divided
        by n - 1); a single run has none.
    """
    means = joined.means()
    lines = [['method', 'seeds', *map(_with_arrow, joined.metrics)]]
    for name in names:
        found = [means[run] for seed in seeds if (run := seeded_name(name, seed)) in means]
        if found:
            columns = [[row[metric] for row in found] for metric in joined.metrics]
            lines.append([name, str(len(found)), *map(_mean_and_deviation, columns)])
    return lines


def _with_arrow(metric):
    return metric + ('↑' if FUSION_METRICS[metric].higher_is_better else '↓')


def _mean_and_deviation(values):
    """To the second digit of the deviation."""
    if len(values) == 1:
        return f'{values[0]:.4g}'
    deviation = statistics.stdev(values)
    digits = 4 if not deviation else max(0, 1 - math.floor(math.log10(deviation)))
    return f'{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}'


def join_results(
    finished: Sequence[tuple[AblationRun, EvaluationResults]],
) -> EvaluationResults:
    """One evaluation of all rows that have results.

    Args:
        finished (Sequence[tuple[AblationRun, EvaluationResults]]): At least one row.

    Returns:
        EvaluationResults: A method for each row.

    Raises:
        ValueError: Two were tested on different images.
    """
    (first, results), *others = finished
    for run, other in others:
        if other.images != results.images:
            raise ValueError(f'{run.name} was tested on other images than {first.name}')
    return dataclasses.replace(
        results,
        methods=tuple(run.name for run, _ in finished),
        values={run.name: found.values[run.name] for run, found in finished},
        paths={run.name: str(final_checkpoint(run.folder, run.cfg)) for run, _ in finished},
        note={},
    )


def format_tables(
    joined: EvaluationResults,
    paper: bool,
    style: str,
    names: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> str:
    """The table, and optionally the paper's below it.

    Args:
        joined (EvaluationResults): See :func:`join_results`.
        paper (bool): Whether to add the paper's.
        style (str): ``'text'`` or ``'markdown'``.
        names (Sequence[str]): Of the rows; needed with ``seeds``.
        seeds (Sequence[int]): That the rows were trained with; their table is
            :func:`over_seeds`. Defaults to those of the configs.
    """
    if seeds:
        pairs = counted(len(joined.images), 'pair')
        parts = [
            f'convention: {joined.convention}, {pairs}; mean ± standard deviation over seeds',
            format_lines(over_seeds(joined, names, seeds), style),
        ]
    else:
        parts = [joined.table(style)]
    if paper:
        parts += ["The paper's Table 3, 361 pairs of MSRS:", format_lines(PAPER, style)]
    return '\n\n'.join(parts)
