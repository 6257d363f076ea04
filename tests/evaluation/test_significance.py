import doctest
import itertools
import math

import numpy as np
import pytest

from tsjnet_mm.evaluation import EvaluationResults, significance
from tsjnet_mm.evaluation.significance import (
    bootstrap_interval,
    compare_methods,
    holm,
    rank_biserial,
)


def results(metric='SSIM', **methods):
    """Results of one metric, from a list of values for each method."""
    images = tuple(f'{index:03d}' for index in range(len(next(iter(methods.values())))))
    values = {method: {metric: list(column)} for method, column in methods.items()}
    return EvaluationResults('plain', (metric,), tuple(methods), images, values)


def literal_signed_rank_p(differences):
    """Exact two-sided p, by trying all signs of the ranks that are not of zeros.

    Ranks are those of Pratt: mean ranks of the absolute values, zeros among them.
    """
    size = [abs(d) for d in differences]
    ranks = [
        sum(other < one for other in size) + (sum(other == one for other in size) + 1) / 2
        for one in size
    ]
    ranks = [rank for rank, one in zip(ranks, size, strict=True) if one]
    signs = [np.sign(d) for d in differences if d]

    def distance(signs):
        return abs(sum(sign * rank for sign, rank in zip(signs, ranks, strict=True)))

    observed = distance(signs)
    others = [distance(s) for s in itertools.product((-1, 1), repeat=len(ranks))]
    return sum(other >= observed - 1e-9 for other in others) / len(others)


@pytest.mark.parametrize(
    'differences',
    [
        [0.3, -0.1, 0.7, 0.2, 0.5, 0.4, -0.25, 0.9],
        [1.0, 1.0, 2.0, -1.0, 2.0, 3.0, -2.0, 4.0],
        [0.0, 1.0, 0.0, 2.0, -1.5, 3.0, 4.0, 5.0, 6.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 2.0],
    ],
    ids=['distinct', 'ties', 'zeros', 'both'],
)
def test_p_of_few_images_is_exact(differences):
    (found,) = compare_methods(results(a=differences, b=[0.0] * len(differences)), 'a')
    assert found.p == pytest.approx(literal_signed_rank_p(differences), rel=1e-9)
    assert found.p_corrected == found.p


def test_numbers_of_a_comparison():
    a = [0.9, 0.5, 0.7, 0.8, 0.6, 0.7]
    b = [0.5, 0.6, 0.5, 0.5, 0.6, 0.1]
    (found,) = compare_methods(results(a=a, b=b), 'a')
    assert (found.metric, found.method, found.other) == ('SSIM', 'a', 'b')
    assert (found.images, found.left_out) == (6, 0)
    assert found.mean == pytest.approx(0.7) and found.other_mean == pytest.approx(2.8 / 6)
    assert found.difference == pytest.approx(1.4 / 6)
    assert found.better == pytest.approx(4 / 6) and found.equal == pytest.approx(1 / 6)
    # Gains .4 -.1 .2 .3 0 .6 have the ranks 5 2 3 4 1 6.
    assert found.effect == pytest.approx((5 - 2 + 3 + 4 + 6) / 21)
    assert found.low < found.difference < found.high


def test_better_is_in_the_direction_of_the_metric():
    low, high = [100.0 + i for i in range(10)], [200.0 + 3 * i for i in range(10)]
    for metric, verdict, effect in (('SSIM', 'worse', -1), ('CV', 'better', 1)):
        (found,) = compare_methods(results(metric, a=low, b=high), 'a')
        assert found.verdict == verdict and found.effect == effect
        assert found.better == (effect > 0) and found.equal == 0
        assert found.difference == pytest.approx(-109.0)
        assert found.low <= found.difference <= found.high < 0
        (swapped,) = compare_methods(results(metric, a=low, b=high), 'b')
        assert swapped.effect == -effect and swapped.p == found.p


def test_equal_methods_are_not_told_apart():
    values = [0.1 * index for index in range(8)]
    (found,) = compare_methods(results(a=values, b=values), 'a')
    assert found.p == found.p_corrected == 1 and found.effect == 0
    assert found.low == found.high == 0 and found.equal == 1 and found.better == 0
    assert found.verdict == 'not shown'


def test_values_that_are_not_finite_are_left_out_of_everything():
    a = [math.inf, 1.0, 2.0, math.nan, 3.0, 4.0, 5.0, 6.0, 7.0]
    b = [1.0, math.inf, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    (found,) = compare_methods(results('PSNR', a=a, b=b), 'a')
    kept = results('PSNR', a=a[2:3] + a[4:], b=b[2:3] + b[4:])
    (expected,) = compare_methods(kept, 'a')
    assert (found.images, found.left_out) == (6, 3)
    assert found._replace(left_out=0) == expected


def test_too_few_images_are_refused_with_the_reason():
    message = r'SSIM of a and b: expected at least 6 .* found 5 of 5: .* 0\.0625 or more'
    with pytest.raises(ValueError, match=message):
        compare_methods(results(a=[2.0] * 5, b=[1.0] * 5), 'a')
    with pytest.raises(ValueError, match='found 5 of 7'):
        compare_methods(
            results('PSNR', a=[math.inf] * 2 + [2.0] * 5, b=[1.0] * 7),
            'a',
        )
    (found,) = compare_methods(results(a=[2.0 + i for i in range(6)], b=[1.0] * 6), 'a')
    assert found.p == pytest.approx(2 / 2**6) and found.verdict == 'better'


def test_one_against_all_corrects_over_the_whole_table():
    rng = np.random.default_rng(1)
    base = rng.normal(size=20)
    methods = {name: base + shift for name, shift in (('a', 0.0), ('b', 0.1), ('c', -0.2))}
    values = {
        name: {'SSIM': [*(column + 0.2 * rng.normal(size=20))], 'CV': [*column]}
        for name, column in methods.items()
    }
    images = tuple(map(str, range(20)))
    both = EvaluationResults('plain', ('SSIM', 'CV'), tuple(methods), images, values)
    found = compare_methods(both, 'a')
    assert [(one.other, one.metric) for one in found] == [
        ('b', 'SSIM'), ('b', 'CV'), ('c', 'SSIM'), ('c', 'CV'),
    ]  # fmt: skip
    assert [one.p_corrected for one in found] == holm([one.p for one in found])
    # What is not corrected does not depend on what else is compared.
    (alone,) = compare_methods(
        EvaluationResults('plain', ('CV',), tuple(methods), images, values), 'a', ['c']
    )
    assert alone == found[3]._replace(p_corrected=found[3].p)


def test_methods_are_checked():
    two = results(a=[1.0] * 6, b=[2.0] * 6)
    with pytest.raises(ValueError, match="unknown method 'c'; known: a, b"):
        compare_methods(two, 'c')
    with pytest.raises(ValueError, match="unknown method 'd'; known: a, b"):
        compare_methods(two, 'a', ['d'])
    with pytest.raises(ValueError, match='a needs other methods'):
        compare_methods(two, 'a', ['b', 'a'])
    with pytest.raises(ValueError, match='a needs other methods'):
        compare_methods(results(a=[1.0] * 6), 'a')


def test_holm_equals_its_definition():
    # Sorted p times 5, 4, 3, 2, 1, made monotonous and cut at 1.
    p = [0.04, 0.001, 0.9, 0.02, 0.021]
    assert holm(p) == pytest.approx([0.08, 0.005, 0.9, 0.08, 0.08])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_rank_biserial_of_ties_and_zeros():
    # Ranks 1 to 6 of 0 1 1 2 3 3: 1, 2.5, 2.5, 4, 5.5, 5.5.
    gains = [3, -1, 0, 1, 2, -3]
    assert rank_biserial(gains) == pytest.approx((5.5 - 2.5 + 2.5 + 4 - 5.5) / 21)
    assert rank_biserial([1, 2, 3]) == 1
    assert rank_biserial([0.0, 0.0]) == 0


def test_interval_agrees_with_the_normal_law_for_many_images():
    differences = np.random.default_rng(0).normal(0.3, 2.0, size=2000)
    low, high = bootstrap_interval(differences)
    half = 1.96 * differences.std() / math.sqrt(2000)
    assert low == pytest.approx(differences.mean() - half, abs=0.05 * half)
    assert high == pytest.approx(differences.mean() + half, abs=0.05 * half)


def test_interval_depends_on_the_seed_alone():
    differences = np.random.default_rng(0).normal(size=12)
    assert bootstrap_interval(differences, seed=3) == bootstrap_interval(differences, seed=3)
    assert bootstrap_interval(differences, seed=3) != bootstrap_interval(differences, seed=4)


def test_docstring_examples():
    result = doctest.testmod(significance)
    assert result.attempted and not result.failed
