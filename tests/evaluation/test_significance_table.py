import csv
import math

import pytest

from tsjnet_mm.evaluation import EvaluationResults
from tsjnet_mm.evaluation.significance import compare_methods
from tsjnet_mm.evaluation.significance_table import format_comparisons, save_comparisons


@pytest.fixture
def comparisons():
    """Of SeAFusion against two others, in a metric of either direction, over eight images."""
    steps = range(8)
    values = {
        'SeAFusion': {'PSNR': [20.0 + i for i in steps], 'CV': [300.0 + i for i in steps]},
        'average': {'PSNR': [19.0 - i for i in steps], 'CV': [900.0 - 9 * i for i in steps]},
        'max': {'PSNR': [math.inf] + [25.0 - i for i in steps[1:]], 'CV': [301.5] * 8},
    }
    images = tuple(map(str, steps))
    return compare_methods(
        EvaluationResults('plain', ('PSNR', 'CV'), tuple(values), images, values), 'SeAFusion'
    )


def test_text(comparisons):
    lines = format_comparisons(comparisons, 'tsjnet').splitlines()
    assert lines[0] == 'convention: tsjnet, SeAFusion against others, 8 images'
    cells = [line.split() for line in lines[2:6]]
    assert [row[:2] for row in cells] == [
        ['PSNR↑', 'average'], ['CV↓', 'average'], ['PSNR↑', 'max'], ['CV↓', 'max'],
    ]  # fmt: skip
    assert cells[0][2:5] == ['23.50', '15.50', '+8.000']
    assert cells[1][2:5] == ['303.5', '868.5', '-565.0']
    assert cells[0][-6:] == ['100%', '0%', '+1.00', '0.0078', '0.0312', 'better']
    # Lower is better: the negative difference is a gain.
    assert cells[1][-4:] == ['+1.00', '0.0078', '0.0312', 'better']
    assert cells[3][-2:] == ['not', 'shown']
    # Columns stand below each other.
    assert len({line.index('%') for line in lines[2:6]}) == 1
    notes = '\n'.join(lines[6:])
    assert 'SeAFusion is better' in notes and '↓ lower is better' in notes
    assert 'comparisons in this table, 4' in notes
    assert 'PSNR against max: 1 of 8 images left out, a value is not finite' in notes


def test_markdown_keeps_names_as_they_are(comparisons):
    lines = format_comparisons(comparisons, 'plain', 'markdown').splitlines()
    assert lines[0] == 'Convention: plain, SeAFusion against others, 8 images'
    table = [line for line in lines if line.startswith('|')]
    assert len({line.count('|') for line in table}) == 1
    assert len({len(line) for line in table}) == 1
    rules = [cell.strip() for cell in table[1].strip('|').split('|')]
    assert all(set(rule) <= set('-:') for rule in rules)
    assert [rule.endswith(':') for rule in rules] == [False] * 2 + [True] * 9 + [False]
    assert lines[-1].startswith('- ')


def test_it_says_when_nothing_could_be_shown(comparisons):
    # Eight images give p = 2 / 2^8 at best, which six comparisons and fewer leave below 0.05.
    assert 'too few' not in format_comparisons(comparisons[:2] * 3, 'plain')
    assert '8 images are too few for 7 comparisons' in format_comparisons(
        [*comparisons[:2] * 3, comparisons[0]], 'plain'
    )
    assert '7 images are too few for 4 comparisons' in format_comparisons(comparisons, 'plain')


def test_csv_holds_every_number_in_full(comparisons, tmp_path):
    path = tmp_path / 'deep' / 'comparison.csv'
    save_comparisons(comparisons, 'plain', path)
    with open(path, encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    assert list(path.parent.iterdir()) == [path]
    for row, comparison in zip(rows, comparisons, strict=True):
        assert row.pop('convention') == 'plain'
        assert row.pop('higher_is_better') == str(comparison.metric == 'PSNR')
        for name, text in row.items():
            value = getattr(comparison, name)
            assert type(value)(text) == value
        assert {*comparison._fields, 'difference', 'verdict'} == {*row}


def test_markdown_file(comparisons, tmp_path):
    path = tmp_path / 'comparison.md'
    save_comparisons(comparisons, 'plain', path)
    expected = format_comparisons(comparisons, 'plain', 'markdown') + '\n'
    assert path.read_text(encoding='utf-8') == expected


def test_errors(comparisons, tmp_path):
    with pytest.raises(
        ValueError, match=r'table\.txt: expected a name ending in \.csv or \.md'
    ):
        save_comparisons(comparisons, 'plain', tmp_path / 'table.txt')
    with pytest.raises(ValueError, match=r"style must be one of .* got 'html'"):
        format_comparisons(comparisons, 'plain', 'html')
    with pytest.raises(ValueError, match='expected comparisons of one method'):
        format_comparisons([], 'plain')
    other = comparisons[0]._replace(method='max')
    with pytest.raises(ValueError, match=r"one method, got \['SeAFusion', 'max'\]"):
        format_comparisons([*comparisons, other], 'plain')
