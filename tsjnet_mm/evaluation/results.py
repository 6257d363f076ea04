"""The values of an evaluation, image by image: average, write and read them."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tsjnet_mm.io.resume import NOTE, encode_note
from tsjnet_mm.io.text import LARGE_LIMIT, TextError, parse_json, read_csv, read_text, shorten
from tsjnet_mm.metrics import check_metrics
from tsjnet_mm.utils.files import check_ending, write_whole
from tsjnet_mm.utils.words import counted
from tsjnet_mm.version import __version__

from .table import format_table, rank_methods

_KEYS = ('method', 'image', 'convention')


@dataclass(frozen=True)
class EvaluationResults:
    """Value of each metric for each image of each method, under one convention.

    Attributes:
        convention (str): What the metrics' names mean.
        metrics (tuple[str, ...]): Their names, in
            :data:`~tsjnet_mm.metrics.FUSION_METRICS`.
        methods (tuple[str, ...]): Names of the methods, in the order of the table's rows.
        images (tuple[str, ...]): Names of the pairs, which all methods have.
        values (Mapping[str, Mapping[str, list[float]]]): Method to metric to the values in
            the order of ``images``.
        paths (Mapping): Where the images came from, for the record; JSON keeps it.
        note (Mapping): What a later run knows them by, see :mod:`tsjnet_mm.io.resume`; JSON
            keeps it, too.

    Raises:
        ValueError: A metric is unknown or not defined under the convention, there is no
            method or no image, a name comes twice, or values are missing.
    """

    convention: str
    metrics: tuple[str, ...]
    methods: tuple[str, ...]
    images: tuple[str, ...]
    values: Mapping[str, Mapping[str, list[float]]]
    paths: Mapping = field(default_factory=dict)
    note: Mapping = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_metrics(self.metrics, self.convention)
        for kind in ('metrics', 'methods', 'images'):
            names = getattr(self, kind)
            if not names or len(set(names)) < len(names):
                raise ValueError(f'{kind} must be there, each once, got {list(names)}')
        for method in self.methods:
            for metric in self.metrics:
                count = len(self.values.get(method, {}).get(metric, ()))
                if count != len(self.images):
                    raise ValueError(
                        f'{method}: expected {len(self.images)} values of {metric}, one an '
                        f'image, found {count}'
                    )

    def means(self) -> dict[str, dict[str, float]]:
        """Average over the images.

        A value that is not finite (the PSNR of a fused image that equals a source) is left
        out, as :class:`~tsjnet_mm.evaluation.FusionMetric` does.

        Returns:
            dict[str, dict[str, float]]: Method to metric to mean; ``nan`` where no image
            has a finite value.
        """
        return {
            method: {
                metric: finite_mean(self.values[method][metric]) for metric in self.metrics
            }
            for method in self.methods
        }

    def not_finite(self) -> dict[tuple[str, str], int]:
        """Values that :meth:`means` leaves out.

        Returns:
            dict[tuple[str, str], int]: Method and metric to the number of images whose
            value is not finite, where there are any.
        """
        counts = {
            (method, metric): sum(not math.isfinite(v) for v in self.values[method][metric])
            for method in self.methods
            for metric in self.metrics
        }
        return {key: count for key, count in counts.items() if count}

    def table(self, style: str = 'text') -> str:
        """The means as a table with ranks, see :func:`format_table`, and what they leave out.

        Args:
            style (str): ``'text'`` or ``'markdown'``. Defaults to ``'text'``.

        Returns:
            str: The table, without a final newline.

        Raises:
            ValueError: There is no such style.
        """
        pairs = len(self.images)
        text = format_table(self.means(), self.convention, pairs, style)
        notes = [
            f'{metric} of {method}: not finite for {count} of {counted(pairs, "pair")}, which '
            'its mean leaves out'
            for (method, metric), count in self.not_finite().items()
        ]
        separator = '\n\n' if style == 'markdown' else '\n'
        return separator.join([text, *notes])

    def save(self, path: str | Path) -> None:
        """Write the results, completely or not at all.

        Args:
            path (str | Path): ``.csv``: a line for each image of each method; ``.json``:
                everything, with means and ranks (strings ``"nan"`` and ``"inf"`` for
                what JSON has no number for); ``.md``: the table. The first two can be read
                again by :func:`load_results`.

        Raises:
            ValueError: The file has another extension.
        """
        writer = WRITERS[check_ending(path, WRITERS)]
        write_whole(path, writer(self))


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the values that are finite; ``nan`` if no value is finite."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan


def csv_text(rows: Iterable[Sequence]) -> str:
    """Rows as the text of a CSV file."""
    file = io.StringIO(newline='')
    csv.writer(file).writerows(rows)
    return file.getvalue()


def _to_csv(results):
    rows = [[*_KEYS, *results.metrics]]
    for method in results.methods:
        columns = [results.values[method][metric] for metric in results.metrics]
        for image, *values in zip(results.images, *columns, strict=True):
            rows.append([method, image, results.convention, *values])
    return csv_text(rows)


def _strict(value):
    """JSON has no nan and no infinity; ``float`` reads these strings again."""
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _to_json(results):
    means = results.means()
    ranks, mean_ranks = rank_methods(means)
    content = {
        'version': __version__,
        'convention': results.convention,
        'pairs': len(results.images),
        'paths': results.paths,
        'metrics': results.metrics,
        'methods': results.methods,
        'means': means,
        'ranks': ranks,
        'mean_ranks': mean_ranks,
        'images': results.images,
        'values': results.values,
    }
    if results.note:
        content[NOTE] = json.loads(encode_note(results.note))
    return json.dumps(_strict(content), indent=1, ensure_ascii=False, allow_nan=False) + '\n'


def _to_markdown(results):
    return results.table('markdown') + '\n'


#: Extension to the function that makes the content of the file.
WRITERS = {'.csv': _to_csv, '.json': _to_json, '.md': _to_markdown}


def load_results(path: str | Path) -> EvaluationResults:
    """Read results that were written as CSV or JSON.

    Args:
        path (str | Path): A file of :meth:`EvaluationResults.save`, or the per-image CSV of
            :class:`~tsjnet_mm.evaluation.FusionMetric`, whose one method takes the name of
            the file.

    Returns:
        EvaluationResults: With ``convention``, ``metrics``, ``methods``, ``images`` and
        ``values[method][metric]``, a list of floats in the order of ``images``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is of another kind, damaged, mixes conventions, or lacks values;
            names the file.
    """
    path = Path(path)
    readers = {'.csv': _read_csv, '.json': _read_json}
    read = readers[check_ending(path, readers)]
    try:
        return read(path)
    except TextError:
        raise
    except (AttributeError, LookupError, TypeError) as error:
        raise TextError(
            f'{path}: no results of an evaluation ({shorten(repr(error))})'
        ) from error
    except (ArithmeticError, ValueError) as error:
        raise TextError(f'{path}: {shorten(error, 300)}') from error


def _read_json(path):
    content = parse_json(read_text(path, limit=LARGE_LIMIT))
    values = {
        method: {metric: [float(value) for value in column] for metric, column in row.items()}
        for method, row in content['values'].items()
    }
    for name, value in (('paths', content['paths']), ('note', content.get(NOTE, {}))):
        if not isinstance(value, dict):
            raise TypeError(f'{name} {value!r}')
    return EvaluationResults(
        content['convention'],
        tuple(content['metrics']),
        tuple(content['methods']),
        tuple(content['images']),
        values,
        content['paths'],
        content.get(NOTE, {}),
    )


def _read_csv(path):
    (_, head), *lines = read_csv(path) or [(1, [])]
    metrics = tuple(name for name in head if name not in _KEYS)
    conventions, table = {}, {}
    for number, fields in lines:
        if len(fields) != len(head):
            raise ValueError(f'line {number} has not as many fields as the head')
        row = dict(zip(head, fields, strict=True))
        conventions[row['convention']] = None
        images = table.setdefault(row.get('method', path.stem), {})
        if row['image'] in images:
            raise ValueError(f'line {number} repeats the image {row["image"]}')
        images[row['image']] = [float(row[metric]) for metric in metrics]
    if len(conventions) != 1:
        raise ValueError(
            f'expected one convention, found {", ".join(conventions) or "no line"}'
        )
    images = next(iter(table.values()))
    for method, rows in table.items():
        if rows.keys() != images.keys():
            differing = ', '.join(sorted(rows.keys() ^ images.keys())[:10])
            raise ValueError(f'{method} and {next(iter(table))} differ in images: {differing}')
    values = {
        method: {
            metric: [rows[image][i] for image in images] for i, metric in enumerate(metrics)
        }
        for method, rows in table.items()
    }
    return EvaluationResults(
        next(iter(conventions)), metrics, tuple(table), tuple(images), values
    )
