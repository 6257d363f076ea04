"""Select methods and metrics from one or several files of results."""

from collections.abc import Sequence
from pathlib import Path

from tsjnet_mm.utils.metric_names import resolve_metrics

from .results import EvaluationResults, load_results


def read_selection(
    paths: Sequence[str | Path],
    methods: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
) -> EvaluationResults:
    """Read results, join them where there are several, and keep some methods and metrics.

    Args:
        paths (Sequence[str | Path]): Files for
            :func:`~tsjnet_mm.evaluation.load_results`, for example one a method: of the same
            convention, metrics and images, in any order.
        methods (Sequence[str], optional): Those to keep, in this order. Defaults to all.
        metrics (Sequence[str], optional): Those to keep, in this order, as
            :func:`~tsjnet_mm.metrics.resolve_metrics` takes them. Defaults to
            all.

    Returns:
        EvaluationResults: The images in the order of the first file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A file holds no results, files do not fit together, or what is to be kept
            is not there; says which, and what is.
    """
    first = load_results(paths[0])
    values = dict(first.values)
    for path in paths[1:]:
        for method, row in _fitting_values(path, first, paths[0]).items():
            if method in values:
                raise ValueError(f'{path}: the method {method} is in an earlier file, too')
            values[method] = row
    where = ', '.join(map(str, paths))
    methods = tuple(values if methods is None else dict.fromkeys(methods))
    _check_known('methods', methods, values, where)
    metrics = first.metrics if metrics is None else resolve_metrics(metrics, first.convention)
    _check_known('metrics', metrics, first.metrics, where)
    kept = {method: {name: values[method][name] for name in metrics} for method in methods}
    return EvaluationResults(first.convention, metrics, methods, first.images, kept)


def _fitting_values(path, first, first_path):
    """The values of a further file, in the order of the first one's images."""
    results = load_results(path)
    for what in ('convention', 'metrics', 'images'):
        expected, found = (
            {value} if isinstance(value, str) else set(value)
            for value in (getattr(first, what), getattr(results, what))
        )
        if expected != found:
            missing, extra = (
                ', '.join(sorted(names)[:5]) or 'nothing'
                for names in (expected - found, found - expected)
            )
            raise ValueError(
                f'{path} and {first_path} differ in {what}: the former lacks {missing} and '
                f'has {extra} of its own'
            )
    position = {image: index for index, image in enumerate(results.images)}
    order = [position[image] for image in first.images]
    return {
        method: {name: [column[index] for index in order] for name, column in row.items()}
        for method, row in results.values.items()
    }


def _check_known(what, wanted, known, where):
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(
            f'{where}: no {what} {", ".join(unknown)}; there are {", ".join(known)}'
        )
