"""Ranks of methods in a group of columns, with intervals, each competitor counted once.

The rank of a method is one more than the sum, over its competitors, of the share of columns in
which the competitor is better; equal values count half. So 1 means better than every competitor
in every column. It differs from a mean of ranks in three ways:

- A column is left out where two methods are compared and one of them was trained on it.
- Near-copies of one competitor count as one: each of k copies weighs 1/k.
- The interval is over images drawn with replacement, the same for all methods.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tsjnet_mm.evaluation.results import EvaluationResults
from tsjnet_mm.metrics import FUSION_METRICS

#: Relative difference of two means that is nothing but rounding.
_ROUNDING = 1e-9


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        higher_is_better (bool): Its direction.
        samples (dict[str, np.ndarray]): By row: (1 + R,) or (1,) values, over all images
            first and then over each resample of them; nan where it has no value.
    """

    higher_is_better: bool
    samples: dict[str, np.ndarray]


class GroupRank(NamedTuple):
    """Rank of a method in a group.

    Attributes:
        value (float): From 1, the best, to the number of competitors.
        low (float): Lower end of its 95 % interval.
        high (float): Upper end.
        competitors (int): How many it has been compared with, and itself.
        columns (tuple[str, ...]): Those that it was not trained on, and has.
    """

    value: float
    low: float
    high: float
    competitors: int
    columns: tuple[str, ...]


def metric_column(
    results: EvaluationResults, metric: str, weights: np.ndarray, rows: Iterable[str]
) -> Column:
    """The means of a metric over all images, and over each resample of them.

    Args:
        results (EvaluationResults): Values of each image; those not finite are left out.
        metric (str): Its name.
        weights (np.ndarray): (1 + R, N), see :func:`.resample_images`.
        rows (Iterable[str]): Of which methods.

    Returns:
        Column: By row.
    """
    samples = {}
    for row in rows:
        values = np.asarray(results.values[row][metric], np.float64)
        known = np.isfinite(values)
        count = weights @ known
        total = weights @ np.where(known, values, 0)
        samples[row] = np.divide(
            total, count, out=np.full(len(weights), np.nan), where=count > 0
        )
    return Column(FUSION_METRICS[metric].higher_is_better, samples)


def find_competitors(
    results: Sequence[EvaluationResults],
    models: Mapping[str, str],
    count_as_one: Iterable[Collection[str]],
    tolerance: float,
) -> dict[str, int]:
    """Which rows count as one competitor.

    Rows do if they are of one model, or of models that are said to be one, or if they are
    near-copies: if in each metric the mean absolute difference over the images is at most
    ``tolerance`` times the mean magnitude of the two.

    Args:
        results (Sequence[EvaluationResults]): Of the same rows, under several conventions.
        models (Mapping[str, str]): Row to the name of its model, where it has one.
        count_as_one (Iterable[Collection[str]]): Names of models that count as one.
        tolerance (float): See above; 0 finds equal rows alone.

    Returns:
        dict[str, int]: Row to the number of its competitor, by first member.
    """
    rows = results[0].methods
    families = [{*names} for names in count_as_one]
    links = []
    for second in range(len(rows)):
        for first in range(second):
            pair = rows[first], rows[second]
            named = [models.get(row) for row in pair]
            told = None not in named and (
                named[0] == named[1] or any({*named} <= family for family in families)
            )
            if told or _are_near(results, *pair, tolerance):
                links.append((first, second))
    ends = np.array(links, int).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(links), bool), tuple(ends)), (len(rows),) * 2)
    found = connected_components(graph, directed=False)[1]
    numbers = {old: new for new, old in enumerate(dict.fromkeys(found.tolist()))}
    return {row: numbers[old] for row, old in zip(rows, found.tolist(), strict=True)}


def _are_near(results, first, second, tolerance):
    for result in results:
        for metric in result.metrics:
            values = np.array([result.values[row][metric] for row in (first, second)])
            if (np.isfinite(values[0]) != np.isfinite(values[1])).any():
                return False
            values = values[:, np.isfinite(values[0])]
            distance = np.abs(values[0] - values[1]).sum()
            if distance > tolerance * np.abs(values).sum() / 2:
                return False
    return True


def rank_group(
    columns: Mapping[str, Column],
    competitors: Mapping[str, int],
    trained: Mapping[str, Collection[str]] | None = None,
) -> dict[str, GroupRank | None]:
    """Rank rows in a group of columns, see this module's description.

    Args:
        columns (Mapping[str, Column]): The group's, by name.
        competitors (Mapping[str, int]): Row to its number, see :func:`find_competitors`.
        trained (Mapping[str, Collection[str]], optional): Row to the columns that it was
            trained on.

    Returns:
        dict[str, GroupRank | None]: By row; None for one that has no column to be compared
        in, or no competitor.

    Example:
        >>> values = {'a': [3.0], 'b': [2.0], 'c': [1.0]}
        >>> column = Column(True, {row: np.array(value) for row, value in values.items()})
        >>> ranks = rank_group({'SD': column}, {'a': 0, 'b': 1, 'c': 1})
        >>> [ranks[row].value for row in 'abc']  # b and c are near-copies.
        [1.0, 2.0, 2.0]
    """
    trained = trained or {}
    count = max(
        (len(each) for column in columns.values() for each in column.samples.values()),
        default=1,
    )
    fair = {
        row: tuple(
            name
            for name, column in columns.items()
            if name not in trained.get(row, ()) and np.isfinite(column.samples[row][0])
        )
        for row in competitors
    }
    ranks = {}
    for row in competitors:
        met = {}
        for other in competitors:
            shared = [name for name in fair[row] if name in fair[other]]
            if competitors[other] != competitors[row] and shared:
                lost = [_loses(columns[name], row, other) for name in shared]
                share = np.mean([np.broadcast_to(each, count) for each in lost], axis=0)
                met.setdefault(competitors[other], []).append(share)
        if not met:
            ranks[row] = None
            continue
        samples = 1 + np.sum([np.mean(shares, axis=0) for shares in met.values()], axis=0)
        low, high = np.percentile(samples[1:] if count > 1 else samples, [2.5, 97.5])
        ranks[row] = GroupRank(
            float(samples[0]), float(low), float(high), len(met) + 1, fair[row]
        )
    return ranks


def _loses(column, row, other):
    """1 where the other is better, 1/2 where both are equal but for rounding."""
    mine, theirs = column.samples[row], column.samples[other]
    equal = np.isclose(mine, theirs, rtol=_ROUNDING, atol=0)
    better = theirs > mine if column.higher_is_better else theirs < mine
    return np.where(equal, 0.5, better)
