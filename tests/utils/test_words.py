from tsjnet_mm.utils.words import counted


def test_one_is_singular():
    assert [counted(number, 'fused image') for number in (0, 1, 2)] == [
        '0 fused images',
        '1 fused image',
        '2 fused images',
    ]
    assert counted(1, 'class', 'classes') == '1 class'
    assert counted(2, 'row is', 'rows are') == '2 rows are'
