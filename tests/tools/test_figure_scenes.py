import argparse

import pytest

from tsjnet_mm.cli.arguments import parse_named_path, unique_names
from tsjnet_mm.cli.figure_scenes import find_scenes, most_differing
from tsjnet_mm.evaluation.image_files import FusionFiles


def test_scenes_on_which_methods_differ_most():
    errors = {'10': [0, 3], '9': [5, 5], '2': [4, 1], '1': [0, 1]}
    # Those of one difference in natural order, whatever the order they came in.
    assert most_differing(errors, 1) == ['2']
    assert most_differing(errors, 3) == ['1', '2', '10']
    assert most_differing(errors, 9) == ['1', '2', '9', '10']


def test_scenes_with_most_errors_of_a_single_method():
    assert most_differing({'a': [1], 'b': [3], 'c': [2]}, 2) == ['b', 'c']


def test_find_scenes():
    files = [FusionFiles(name, '', '', {}) for name in ('1', '2')]
    assert find_scenes(files, {}, ['2']) == files[1:]
    assert find_scenes(files, {}, []) == files
    with pytest.raises(ValueError, match=r'no scene 3 with .*; such are 1, 2'):
        find_scenes(files, {}, ['3'])
    with pytest.raises(ValueError, match=r'(?s)no scene .*pairs without (.*):\n  7'):
        find_scenes([], {'pairs without an image': ['7']}, [])


def test_names():
    assert parse_named_path('a=b=c') == ('a', 'b=c')
    for text in ('a', '=b', 'a='):
        with pytest.raises(argparse.ArgumentTypeError, match='expected NAME=PATH'):
            parse_named_path(text)
    assert unique_names('method', [('b', 1), ('a', 2)]) == {'b': 1, 'a': 2}
    with pytest.raises(ValueError, match=r"each method needs a name of its own, got \['a'\]"):
        unique_names('method', [('a', 1), ('a', 2)])
