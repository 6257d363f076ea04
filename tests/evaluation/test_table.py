import doctest

import pytest

from tsjnet_mm.evaluation import format_table, rank_methods, table

NAN, INFINITY = float('nan'), float('inf')
ROWS = {
    'average': {'SSIM': 0.7213, 'PSNR': 19.414, 'CV': 866.15},
    'max': {'SSIM': 0.7211, 'PSNR': 19.967, 'CV': 352.55},
}
MANY = {
    'a': {'SSIM': 0.50, 'CV': 100.0},
    'b': {'SSIM': 0.70, 'CV': 400.0},
    'c': {'SSIM': 0.60, 'CV': 300.0},
    'd': {'SSIM': 0.60, 'CV': NAN},
    'e': {'SSIM': 0.40, 'CV': 1200.0},
}


def test_text():
    assert format_table(ROWS, 'plain', 361).splitlines() == [
        'convention: plain, 361 pairs (rank: ¹ ² ³, others in brackets)',
        'method   SSIM↑   PSNR↑     CV↓   mean rank↓',
        'average  0.721¹  19.41²  866.1²        1.67²',
        'max      0.721¹  19.97¹  352.6¹        1.00¹',
    ]


def test_markdown():
    assert format_table(ROWS, 'plain', 361, style='markdown').splitlines() == [
        'Convention: plain, 361 pairs '
        '(rank: **first**, <u>second</u>, *third*, others in brackets)',
        '',
        '| method  |     SSIM↑ |        PSNR↑ |          CV↓ |  mean rank↓ |',
        '| ------- | --------: | -----------: | -----------: | ----------: |',
        '| average | **0.721** | <u>19.41</u> | <u>866.1</u> | <u>1.67</u> |',
        '| max     | **0.721** |    **19.97** |    **352.6** |    **1.00** |',
    ]


def test_ranks_after_the_third():
    assert format_table(MANY, 'plain', 2).splitlines()[1:] == [
        'method  SSIM↑         CV↓      mean rank↓',
        'a       0.500 (4)   100.0¹           2.50³',
        'b       0.700¹      400.0³           2.00¹',
        'c       0.600²      300.0²           2.00¹',
        'd       0.600²        nan               -',
        'e       0.400 (5)  1200.0 (4)        4.50 (4)',
    ]
    line = format_table(MANY, 'plain', 2, style='markdown').splitlines()[4]
    assert line == '| a      |    0.500 (4) |    **100.0** |     *2.50* |'


def test_wide_tables_are_broken():
    metrics = ('SSIM', 'PSNR', 'MSE', 'VIF', 'CC', 'CV')
    rows = {f'{letter}' * 50: dict.fromkeys(metrics, 12345.67) for letter in 'ab'}
    lines = format_table(rows, 'plain', 2).splitlines()
    assert lines[1].split() == ['method', 'SSIM↑', 'PSNR↑', 'MSE↓', 'VIF↑', 'CC↑', 'CV↓']
    assert max(map(len, lines)) <= 120
    assert lines[4:6] == ['', 'method'.ljust(50) + '  mean rank↓']
    assert lines[6] == 'a' * 50 + '        1.00¹'
    assert len(format_table(rows, 'plain', 2, style='markdown').splitlines()) == 6


def test_rank_methods():
    ranks, mean_ranks = rank_methods(MANY)
    assert {name: row['SSIM'] for name, row in ranks.items()} == dict(
        zip('abcde', (4, 1, 2, 2, 5))
    )
    assert {name: row['CV'] for name, row in ranks.items()} == dict(
        zip('abcde', (1, 3, 2, None, 4))
    )
    assert mean_ranks == {'a': 2.5, 'b': 2.0, 'c': 2.0, 'd': None, 'e': 4.5}


def test_ranks_compare_what_is_printed():
    assert rank_methods(ROWS)[0]['max']['SSIM'] == rank_methods(ROWS)[0]['average']['SSIM'] == 1
    finer = {'a': {'MSE': 0.0213}, 'b': {'MSE': 0.0211}}
    assert rank_methods(finer)[0] == {'a': {'MSE': 2}, 'b': {'MSE': 1}}


def test_missing_and_not_finite_values_have_no_rank():
    rows = {
        'a': {'PSNR': INFINITY, 'CV': NAN},
        'b': {'PSNR': 20.0},
        'c': {'PSNR': 10.0, 'CV': 1234.5},
    }
    cells = [line.split() for line in format_table(rows, 'plain', 3).splitlines()[2:]]
    assert cells == [
        ['a', 'inf', 'nan', '-'],
        ['b', '20.00¹', '-', '-'],
        ['c', '10.00²', '1234.5¹', '1.50¹'],
    ]
    assert rank_methods({'a': {'PSNR': NAN}, 'b': {'PSNR': NAN}})[1] == {'a': None, 'b': None}


def test_one_row_has_no_rank():
    assert format_table({'max': ROWS['max']}, 'plain', 1).splitlines() == [
        'convention: plain, 1 pair',
        'method  SSIM↑  PSNR↑    CV↓',
        'max     0.721  19.97  352.6',
    ]


def test_errors():
    with pytest.raises(ValueError, match=r"style must be one of .* got 'html'"):
        format_table(ROWS, 'plain', 1, style='html')
    for rows in ({}, {'max': {}}):
        with pytest.raises(ValueError, match='at least one row with at least one metric'):
            format_table(rows, 'plain', 1)
    with pytest.raises(ValueError, match="unknown metric 'FID'; known: SSIM"):
        format_table({'max': {'FID': 1.0}}, 'plain', 1)
    with pytest.raises(ValueError, match="unknown convention 'other'; known: plain"):
        format_table(ROWS, 'other', 1)
    with pytest.raises(ValueError, match="CV is not defined under the convention 'cddfuse'"):
        format_table(ROWS, 'cddfuse', 1)


def test_docstring_examples():
    result = doctest.testmod(table)
    assert result.attempted and not result.failed
