"""Test whether a method is significantly better than another, paired over the images.

Papers: Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics
Bulletin 1(6), 1945, with zeros as in Pratt, "Remarks on Zeros and Ties in the Wilcoxon Signed
Rank Procedures", JASA 54(287), 1959; Holm, "A Simple Sequentially Rejective Multiple Test
Procedure", Scandinavian Journal of Statistics 6(2), 1979; the effect size is Kerby's, "The
Simple Difference Formula", Comprehensive Psychology 3, 2014; the interval is Efron's
percentile bootstrap, Annals of Statistics 7(1), 1979.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import bootstrap, rankdata, wilcoxon

from tsjnet_mm.metrics import FUSION_METRICS

from .results import EvaluationResults

#: Below this corrected p a difference counts as shown, and what the interval covers.
SIGNIFICANCE_LEVEL, CONFIDENCE = 0.05, 0.95
#: With fewer images no values give a two-sided p below :data:`SIGNIFICANCE_LEVEL`.
MIN_IMAGES = 6

_RESAMPLES = 10000


class Comparison(NamedTuple):
    """One metric of one method against another's, over the same images.

    *Better* always means: in the metric's direction, so for a metric that is lower-is-better a
    smaller value.

    Attributes:
        metric (str): Its name.
        method (str): The method that is judged.
        other (str): What it is judged against.
        images (int): Number of images compared.
        left_out (int): Number of further images, where a value of either is not finite.
        mean (float): Of the method, over the compared images.
        other_mean (float): Of the other.
        low (float): Lower end of the interval of ``difference``.
        high (float): Upper end.
        better (float): Share of the images on which the method is better.
        equal (float): Share on which the two are equal.
        effect (float): Matched-pairs rank-biserial correlation, from -1 (worse on all images)
            over 0 to 1 (better on all).
        p (float): Two-sided p of the signed-rank test; 1 where the two are equal on all images.
        p_corrected (float): After Holm, over all comparisons made at once.
    """

    metric: str
    method: str
    other: str
    images: int
    left_out: int
    mean: float
    other_mean: float
    low: float
    high: float
    better: float
    equal: float
    effect: float
    p: float
    p_corrected: float

    @property
    def difference(self) -> float:
        """float: Mean over the images of the method's value minus the other's."""
        return self.mean - self.other_mean

    @property
    def verdict(self) -> str:
        """str: ``'better'``, ``'worse'`` or ``'not shown'``, at a corrected p below 0.05."""
        if self.p_corrected >= SIGNIFICANCE_LEVEL:
            return 'not shown'
        return 'better' if self.effect > 0 else 'worse'


def holm(p_values: Sequence[float]) -> list[float]:
    r"""Holm's correction of several tests: :math:`\max_{j \le i} (m - j)\,p_{(j)}`, at most 1.

    Rejecting where the result is below :math:`\alpha` keeps the chance of one false
    rejection or more among all tests below :math:`\alpha`.

    Args:
        p_values (Sequence[float]): One per test.

    Returns:
        list[float]: The corrected ones, in the same order.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for done, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, (len(p_values) - done) * p_values[index])
        corrected[index] = min(1.0, largest)
    return corrected


def rank_biserial(gains: Sequence[float] | np.ndarray) -> float:
    r"""Matched-pairs rank-biserial correlation :math:`(W_+ - W_-) / (1 + \dots + n)`.

    :math:`W_\pm` are the sums of the ranks of the absolute values of the positive and
    negative gains, ranked among all; zeros count for neither.

    Args:
        gains (Sequence[float] | np.ndarray): At least one, finite.

    Returns:
        float: In [-1, 1]; 0 where all are zero.
    """
    ranks = rankdata(np.abs(gains))
    return float((np.sign(gains) * ranks).sum() / ranks.sum())


def bootstrap_interval(
    differences: Sequence[float] | np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, 95% of 10000 resamples.

    Args:
        differences (Sequence[float] | np.ndarray): One per image, finite.
        seed (int): Of the resamples.

    Returns:
        tuple[float, float]: Lower and upper end.
    """
    found = bootstrap(
        (np.asarray(differences, np.float64),),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=500,  # Bounds the memory for thousands of images.
        confidence_level=CONFIDENCE,
        method='percentile',
        random_state=np.random.default_rng(seed),
    )
    low, high = found.confidence_interval
    return float(low), float(high)


def compare_methods(
    results: EvaluationResults, method: str, others: Sequence[str] | None = None, seed: int = 0
) -> list[Comparison]:
    """Compare a method with others, metric by metric, paired over the images.

    The test asks whether the differences are symmetric about zero: Wilcoxon's signed-rank
    test, two-sided, as scipy computes it (exact where images are few), corrected by
    :func:`holm` over all comparisons of the call. It takes images as independent; frames of
    one video are not, and make p too small and the interval too narrow.

    Args:
        results (EvaluationResults): See :func:`~tsjnet_mm.evaluation.load_results`.
        method (str): The method to judge.
        others (Sequence[str], optional): What to judge it against. Defaults to all others.
        seed (int): Of the bootstrap; each comparison starts from it, so none depends on which
            others are made.

    Returns:
        list[Comparison]: By other method, then by metric, in the order of ``others`` and of
        ``results.metrics``.

    Raises:
        ValueError: A method is unknown or compared with itself, there is no other, or fewer
            than 6 images have finite values of both.
    """
    others = [name for name in results.methods if name != method] if others is None else others
    known = ', '.join(results.methods)
    for name in (method, *others):
        if name not in results.methods:
            raise ValueError(f'unknown method {name!r}; known: {known}')
    if not others or method in others:
        raise ValueError(f'{method} needs other methods to be compared with; known: {known}')
    comparisons = [
        _compare(results.values, metric, method, other, seed)
        for other in others
        for metric in results.metrics
    ]
    corrected = holm([comparison.p for comparison in comparisons])
    return [
        comparison._replace(p_corrected=p)
        for comparison, p in zip(comparisons, corrected, strict=True)
    ]


def _compare(values, metric, method, other, seed):
    pairs = np.array([values[method][metric], values[other][metric]], np.float64)
    finite = pairs[:, np.isfinite(pairs).all(axis=0)]
    images = finite.shape[1]
    if images < MIN_IMAGES:
        raise ValueError(
            f'{metric} of {method} and {other}: expected at least {MIN_IMAGES} images with '
            f'finite values of both, found {images} of {pairs.shape[1]}: with fewer, a '
            f'two-sided signed-rank test gives {2 / 2 ** (MIN_IMAGES - 1)} or more whatever '
            f'the values, so it can never show a difference at the level {SIGNIFICANCE_LEVEL}'
        )
    differences = finite[0] - finite[1]
    gains = differences if FUSION_METRICS[metric].higher_is_better else -differences
    p = float(wilcoxon(gains, zero_method='pratt').pvalue) if gains.any() else 1.0
    low, high = bootstrap_interval(differences, seed)
    mean, other_mean = (math.fsum(row) / images for row in finite.tolist())
    return Comparison(
        metric=metric,
        method=method,
        other=other,
        images=images,
        left_out=pairs.shape[1] - images,
        mean=mean,
        other_mean=other_mean,
        low=low,
        high=high,
        better=float((gains > 0).mean()),
        equal=float((gains == 0).mean()),
        effect=rank_biserial(gains),
        p=p,
        p_corrected=p,
    )
