"""All fusion methods on one data set, in one run: their images, quality and cost."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tqdm import tqdm

from tsjnet_mm.apis.folder_fusion import fuse_to_folder
from tsjnet_mm.apis.inferencer import FusionInferencer
from tsjnet_mm.evaluation import EvaluationResults, load_results
from tsjnet_mm.evaluation.image_files import FusionFiles, find_files
from tsjnet_mm.evaluation.image_folders import evaluate_folders
from tsjnet_mm.evaluation.table import format_ranked, rank_methods
from tsjnet_mm.io.matching import PairSource, find_pairs
from tsjnet_mm.io.preparation import Preparation
from tsjnet_mm.io.resume import differing_settings, digest_files
from tsjnet_mm.metrics import FUSION_METRICS, resolve_metrics
from tsjnet_mm.utils.words import counted
from tsjnet_mm.version import __version__

from .costs import build_zoo_model, measure_costs

#: What methods are compared by, by convention: the paper's own metrics as its authors compute
#: them, and what shows whether contrast and edges were kept, which an average loses.
HEADLINE = {
    'tsjnet': ('SSIM', 'PSNR', 'MSE', 'CC', 'CV'),
    'plain': ('VIF', 'Qabf', 'SF', 'SD', 'EN', 'AG', 'SCD', 'MI'),
}
#: The pixel domain VIF, which differs from other metrics named VIF.
_LABELS = {('plain', 'VIF'): 'VIFp'}


def link_listed_pairs(
    ir: str | Path,
    vi: str | Path,
    stems: Iterable[str],
    folder: str | Path,
    ir_affix: str | Iterable[str] | None = None,
    vi_affix: str | Iterable[str] | None = None,
) -> tuple[Path, Path]:
    """Make folders with links to some pairs of two folders.

    Args:
        ir (str | Path): Folder of infrared images.
        vi (str | Path): Folder of visible images.
        stems (Iterable[str]): The pairs to take.
        folder (str | Path): Gets ``ir`` and ``vi``, which hold these pairs alone.

    Returns:
        tuple[Path, Path]: The two folders.

    Raises:
        ValueError: A pair is not there, or ``folder`` holds other files.
        FileNotFoundError, PairError: See :func:`.find_pairs`.
    """
    there = {stem: paths for stem, *paths in find_pairs(ir, vi, ir_affix, vi_affix)}
    missing = [stem for stem in stems if stem not in there]
    if missing:
        named = ', '.join(missing[:5])
        raise ValueError(
            f'{counted(len(missing), "listed pair is", "listed pairs are")} not in {ir} and '
            f'{vi}: {named}'
        )
    targets = Path(folder) / 'ir', Path(folder) / 'vi'
    for target in targets:
        target.mkdir(parents=True, exist_ok=True)
        for old in target.iterdir():
            if not old.is_symlink():
                raise ValueError(f'{old} is no link of an earlier run: choose another folder')
            old.unlink()
    for stem in stems:
        for path, target in zip(there[stem], targets, strict=True):
            path = Path(path)
            link = path.name if '/' not in stem else stem.replace('/', '_') + path.suffix
            os.symlink(path.absolute(), target / link)
    return targets


def comparison_table(
    results: dict[str, EvaluationResults],
    style: str = 'text',
    machines: Mapping[str, Mapping[str, float]] | None = None,
) -> str:
    """One table of results under several conventions, with the mean rank over all metrics.

    Args:
        results (dict[str, EvaluationResults]): By convention; the same methods and pairs.
        style (str): See :func:`~tsjnet_mm.evaluation.format_table`.
        machines (Mapping[str, Mapping[str, float]], optional): More columns, of which higher
            is better and which the mean rank leaves out: value of each method by column.

    Returns:
        str: The table, without a final newline.
    """
    rows, ranks, directions, legend = {}, {}, {'mean rank': False}, []
    for convention, result in results.items():
        means = result.means()
        labels = {name: _LABELS.get((convention, name), name) for name in result.metrics}
        for name, label in labels.items():
            directions[label] = FUSION_METRICS[name].higher_is_better
        legend.append(f'{", ".join(labels.values())} as {convention!r}')
        for method, row in rank_methods(means)[0].items():
            ranks.setdefault(method, []).extend(row.values())
            values = rows.setdefault(method, {})
            values.update({labels[name]: value for name, value in means[method].items()})
        pairs = len(result.images)
    if len(rows) > 1:
        for method, row in rows.items():
            ranked = ranks[method]
            row['mean rank'] = None if None in ranked else sum(ranked) / len(ranked)
    for column, values in (machines or {}).items():
        directions[column] = True
        for method, row in rows.items():
            row[column] = values.get(method)
    title = f'mean over {counted(pairs, "pair")}; {"; ".join(legend)}'
    return format_ranked(rows, title, directions.get, style)


class ZooBenchmark:
    """Fuse, measure and time every method of a zoo.

    Args:
        models (dict[str, tuple[str, str | Path | None]]): Row to name and weights, see
            :func:`build_zoo_model`.
        ir (str | Path): Folder of infrared images.
        vi (str | Path): Folder of visible images.
        out (str | Path): Folder of all that is written: ``fused/<row>/``,
            ``results_<convention>.json``, ``costs.json``.
        pairs (Iterable[str], optional): Stems of the pairs to take. Defaults to all.
        preparation (Preparation, optional): How the pairs are prepared.
        ir_affix (str | Iterable[str], optional): See :func:`.match_pairs`.
        vi_affix (str | Iterable[str], optional): See there.
        overwrite (bool): See :func:`fuse_to_folder`. Defaults to False.
        images (Mapping[str, str | Path], optional): More rows: name to the folder of images
            that were fused elsewhere.
        baselines (Iterable[str]): More rows, which come first: some of
            :data:`~tsjnet_mm.evaluation.image_folders.BASELINES`. Defaults to none.

    Raises:
        ValueError: There is no row, or a listed pair is not there.
        FileNotFoundError, PairError: See :func:`.find_pairs`.
    """

    def __init__(
        self,
        models: dict[str, tuple[str, str | Path | None]],
        ir: str | Path,
        vi: str | Path,
        out: str | Path,
        pairs: Iterable[str] | None = None,
        preparation: Preparation | None = None,
        ir_affix: str | Iterable[str] | None = None,
        vi_affix: str | Iterable[str] | None = None,
        overwrite: bool = False,
        images: Mapping[str, str | Path] | None = None,
        baselines: Iterable[str] = (),
    ) -> None:
        self.models, self.images = models, dict(images or {})
        self.baselines = tuple(baselines)
        if not (models or self.images or self.baselines):
            raise ValueError('a zoo needs at least one model')
        self.out = Path(out)
        self.sources = {'ir': os.path.abspath(ir), 'vi': os.path.abspath(vi)}
        if pairs is not None:
            ir, vi = link_listed_pairs(ir, vi, pairs, self.out / 'pairs', ir_affix, vi_affix)
        self.ir, self.vi = ir, vi
        self._options = {
            'preparation': preparation or Preparation(),
            'ir_affix': ir_affix,
            'vi_affix': vi_affix,
        }
        self._overwrite = overwrite

    def folder(self, row: str) -> Path:
        """Folder of a method's images."""
        return Path(self.images.get(row, self.out / 'fused' / row))

    @property
    def folders(self) -> dict[str, Path]:
        """Folders of all methods' images; the baselines have none."""
        return {row: self.folder(row) for row in (*self.models, *self.images)}

    def results_file(self, convention: str) -> Path:
        """File of the values under a convention."""
        return self.out / f'results_{convention}.json'

    def find_files(self, folders: Mapping[str, str | Path]) -> list[FusionFiles]:
        """list[FusionFiles]: The pairs, and what the methods of these folders made of them."""
        return find_files(folders, self.ir, self.vi, **self._options)[0]

    def find_pairs(self) -> list[PairSource]:
        """list[PairSource]: The pairs that every method fuses."""
        affixes = self._options['ir_affix'], self._options['vi_affix']
        return find_pairs(self.ir, self.vi, *affixes)

    def fuse(self, device: str | None = None, report: Callable = tqdm.write) -> None:
        """Fuse all pairs by each method; images that are there and up to date are kept.

        Args:
            device (str, optional): See :class:`FusionInferencer`.
            report (Callable): Called with a line for each method. Defaults to
                ``tqdm.write``.

        Raises:
            ValueError, FileNotFoundError, PairError: See :func:`build_zoo_model` and
                :func:`fuse_to_folder`. Nothing is fused if a model cannot be built.
        """
        for name, weights in self.models.values():
            build_zoo_model(name, weights)
        for row, (name, weights) in self.models.items():
            inferencer = FusionInferencer(
                build_zoo_model(name, weights), device=device, precision='fp32'
            )
            fused, kept = fuse_to_folder(
                inferencer,
                self.ir,
                self.vi,
                self.folder(row),
                overwrite=self._overwrite,
                **self._options,
            )
            report(f'{row}: {fused} fused, {kept} there already')

    def evaluate(
        self,
        metrics: dict[str, str | Iterable[str]] | None = None,
        workers: int = 1,
        report: Callable = tqdm.write,
    ) -> dict[str, EvaluationResults]:
        """Measure all images.

        Values in ``results_<convention>.json`` are kept where fused images and sources have the
        content that was measured; delete the file to measure anew.

        Args:
            metrics (dict[str, str | Iterable[str]], optional): By convention, see
                :func:`evaluate_folders`. Defaults to :data:`HEADLINE`.
            workers (int): Processes. Defaults to 1.
            report (Callable): Called with a line for each convention. Defaults to
                ``tqdm.write``.

        Returns:
            dict[str, EvaluationResults]: By convention; also written to
            ``results_<convention>.json``.
        """
        results = {}
        for convention, names in (metrics or HEADLINE).items():
            path = self.results_file(convention)
            names = resolve_metrics(names, convention)
            folders = self.folders
            rows = (*self.baselines, *folders)
            files = self.find_files(folders)
            note = self._note(names, files)
            values = self._measured(path, note)
            report(f'{convention}: {len(rows) - len(values)} to measure, {len(values)} kept')
            missing = [row for row in rows if row not in values]
            if missing:
                found = evaluate_folders(
                    {row: folders[row] for row in missing if row in folders},
                    self.ir,
                    self.vi,
                    names,
                    convention,
                    [row for row in missing if row not in folders],
                    workers=workers,
                    progress=True,
                    **self._options,
                )
                values.update(found.values)
            results[convention] = EvaluationResults(
                convention,
                names,
                rows,
                tuple(file.image for file in files),
                {row: values[row] for row in rows},
                {
                    **self.sources,
                    'fused': {row: str(folder) for row, folder in folders.items()},
                },
                note,
            )
            results[convention].save(path)
        return results

    def _note(self, metrics, files):
        """Settings that determine the values, with digests of each row's fused images."""
        return {
            'version': __version__,
            'metrics': metrics,
            'images': [file.image for file in files],
            'sources': [digest_files((file.ir, file.vi)) for file in files],
            'fused': {
                **dict.fromkeys(self.baselines, 'made of the sources'),
                **{
                    row: digest_files(file.fused[row] for file in files) for row in self.folders
                },
            },
        }

    def _measured(self, path, note):
        """The values in an earlier run's results of rows that nothing has changed for."""
        try:
            before = load_results(path)
        except (OSError, ValueError):
            return {}
        if set(differing_settings(before.note, note)) - {'fused'}:
            return {}
        fused = before.note['fused']
        return {
            row: before.values[row] for row in fused if fused[row] == note['fused'].get(row)
        }

    def costs(
        self, size: tuple[int, int] = (640, 480), repeats: int = 5, threads: int = 2
    ) -> dict[str, dict[str, float]]:
        """Costs of each network, see :func:`.measure_costs`; kept in ``costs.json``."""
        return measure_costs(self.models, self.out / 'costs.json', size, repeats, threads)
