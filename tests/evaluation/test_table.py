import doctest

import pytest

from tsjnet_mm.evaluation import format_table, table

ROWS = {
    'average': {'SSIM': 0.7213, 'PSNR': 19.414, 'CV': 866.15},
    'max': {'SSIM': 0.7211, 'PSNR': 19.967, 'CV': 352.55},
}


def test_text():
    assert format_table(ROWS, 'plain').splitlines() == [
        'convention: plain (* best)',
        'method   SSIM↑   PSNR↑     CV↓',
        'average  0.721*  19.41   866.1',
        'max      0.721*  19.97*  352.6*',
    ]


def test_markdown():
    assert format_table(ROWS, 'plain', style='markdown').splitlines() == [
        'Convention: plain (best in bold)',
        '',
        '| method  |     SSIM↑ |     PSNR↑ |       CV↓ |',
        '| ------- | --------: | --------: | --------: |',
        '| average | **0.721** |     19.41 |     866.1 |',
        '| max     | **0.721** | **19.97** | **352.6** |',
    ]


def test_missing_and_not_finite_values():
    rows = {
        'a': {'PSNR': float('inf'), 'CV': float('nan')},
        'b': {'PSNR': 20.0},
        'c': {'PSNR': 10.0, 'CV': 1234.5},
    }
    lines = format_table(rows, 'plain').splitlines()[2:]
    cells = [line.split() for line in lines]
    assert cells == [['a', 'inf*', 'nan'], ['b', '20.00', '-'], ['c', '10.00', '1234.5*']]


def test_one_row_has_no_best():
    assert '*' not in format_table({'max': ROWS['max']}, 'plain').splitlines()[-1]


def test_errors():
    with pytest.raises(ValueError, match=r"style must be one of .* got 'html'"):
        format_table(ROWS, 'plain', style='html')
    with pytest.raises(ValueError, match='at least one row'):
        format_table({}, 'plain')
    with pytest.raises(ValueError, match="unknown metric 'FID'; known: SSIM"):
        format_table({'max': {'FID': 1.0}}, 'plain')
    with pytest.raises(ValueError, match="SSIM has no convention 'other'; known: plain"):
        format_table(ROWS, 'other')


def test_docstring_example():
    result = doctest.testmod(table)
    assert result.attempted and not result.failed
