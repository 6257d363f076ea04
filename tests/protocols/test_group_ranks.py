import numpy as np
import pytest

from tsjnet_mm.evaluation import EvaluationResults
from tsjnet_mm.evaluation.bootstrap_scores import resample_images
from tsjnet_mm.protocols.group_ranks import Column, find_competitors, metric_column, rank_group


def column(higher_is_better=True, **values):
    return Column(higher_is_better, {row: np.array([value]) for row, value in values.items()})


def values_of(ranks):
    return {row: rank and round(rank.value, 6) for row, rank in ranks.items()}


def test_without_copies_it_is_the_mean_rank():
    columns = {
        'SD': column(a=3.0, b=2.0, c=1.0),
        'MSE': column(False, a=2.0, b=1.0, c=2.0),
    }
    ranks = rank_group(columns, {'a': 0, 'b': 1, 'c': 2})
    # Ranks in SD 1, 2, 3, in MSE 2.5, 1, 2.5.
    assert values_of(ranks) == {'a': 1.75, 'b': 1.5, 'c': 2.75}
    assert ranks['a'].competitors == 3


def test_values_that_differ_by_rounding_are_equal():
    columns = {'MSE': column(False, a=761.3, b=761.3 + 1e-10, c=761.4)}
    assert values_of(rank_group(columns, {'a': 0, 'b': 1, 'c': 2})) == {
        'a': 1.5,
        'b': 1.5,
        'c': 3,
    }


def test_copies_of_a_competitor_count_once():
    """Two copies that are between two methods do not push one of them down by two."""
    columns = {'SD': column(first=4.0, copy=3.0, other=2.9, last=1.0)}
    apart = values_of(rank_group(columns, {'first': 0, 'copy': 1, 'other': 2, 'last': 3}))
    assert apart == {'first': 1, 'copy': 2, 'other': 3, 'last': 4}
    once = values_of(rank_group(columns, {'first': 0, 'copy': 1, 'other': 1, 'last': 2}))
    assert once == {'first': 1, 'copy': 2, 'other': 2, 'last': 3}


def test_columns_trained_on_are_left_out_on_both_sides():
    columns = {'SSIM': column(mine=9.0, a=2.0, b=1.0), 'SD': column(mine=1.0, a=2.0, b=3.0)}
    competitors = {'mine': 0, 'a': 1, 'b': 2}
    ranks = rank_group(columns, competitors, {'mine': {'SSIM'}})
    # Against mine only SD counts: a and b are better. Between a and b both columns do.
    assert values_of(ranks) == {'mine': 3.0, 'a': 1.5, 'b': 1.5}
    assert ranks['mine'].columns == ('SD',)
    ranks = rank_group(columns, competitors, {'mine': {'SSIM', 'SD'}})
    assert values_of(ranks) == {'mine': None, 'a': 1.5, 'b': 1.5}
    assert ranks['a'].competitors == 2


def test_a_row_without_a_value_is_compared_in_the_others():
    columns = {'AP': column(a=0.5, b=np.nan, c=0.4)}
    ranks = rank_group(columns, {'a': 0, 'b': 1, 'c': 2})
    assert values_of(ranks) == {'a': 1.0, 'b': None, 'c': 2.0}


def results(**rows):
    images = tuple(str(index) for index in range(len(next(iter(rows.values())))))
    values = {row: {'SD': [float(value) for value in column]} for row, column in rows.items()}
    return EvaluationResults('plain', ('SD',), tuple(rows), images, values)


def test_intervals_are_paired_over_the_images():
    rng = np.random.default_rng(0)
    base = rng.normal(50, 20, 40)  # Images differ far more than methods do.
    found = results(a=base + 1, b=base, c=base + rng.normal(0, 1, 40))
    weights = resample_images(40, 500, 0)
    columns = {'SD': metric_column(found, 'SD', weights, 'abc')}
    ranks = rank_group(columns, {'a': 0, 'b': 1, 'c': 2})
    assert ranks['a'][:3] == (1.0, 1.0, 1.0)  # Better on every image: in every resample.
    assert ranks['b'].low == 2.0 and ranks['b'].high == 3.0
    assert metric_column(found, 'SD', weights, 'a').samples['a'][0] == pytest.approx(
        np.mean(base + 1)
    )


def test_values_that_are_not_finite_are_left_out_of_means():
    found = results(a=[1.0, np.inf, 3.0])
    weights = np.array([[1, 1, 1], [0, 3, 0], [2, 1, 0]])
    samples = metric_column(found, 'SD', weights, 'a').samples['a']
    assert samples[[0, 2]].tolist() == [2.0, 1.0] and np.isnan(samples[1])


def test_near_copies_are_found_by_every_image():
    base = np.array([10.0, 20.0, 30.0])
    found = results(a=base, copy=base * 1.01, far=base * 1.03, mean=base[::-1])
    competitors = find_competitors([found], {}, [], 0.02)
    # far is near to copy, and so to a; one with the same mean is not near.
    assert competitors == {'a': 0, 'copy': 0, 'far': 0, 'mean': 1}
    assert find_competitors([found], {}, [], 0.005) == {'a': 0, 'copy': 1, 'far': 2, 'mean': 3}


def test_declared_competitors_and_one_model_count_as_one():
    found = results(a=[1.0], b=[5.0], mine=[9.0], also=[20.0], c=[50.0])
    models = {
        'a': 'ifcnn-max',
        'b': 'ifcnn-sum',
        'mine': 'tsjnet-light',
        'also': 'tsjnet-light',
    }
    competitors = find_competitors([found], models, [('ifcnn-max', 'ifcnn-sum')], 0.0)
    assert competitors == {'a': 0, 'b': 0, 'mine': 1, 'also': 1, 'c': 2}
