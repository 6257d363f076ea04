import doctest

import pytest

from tsjnet_mm.evaluation import folders
from tsjnet_mm.io.names import AFFIXES, bare_name, match_names


@pytest.mark.parametrize(
    ('name', 'bare'),
    [
        ('00537D', '00537d'),
        ('00537D_fused', '00537d'),
        ('00537D-Fusion', '00537d'),
        ('00537D_f', '00537d'),
        ('fused_00537D', '00537d'),
        ('Fused-001_ir_RGB', '001'),
        ('001 vis', '001'),
        ('001.visible', '001'),
        ('IR12', '12'),
        ('VIS12', '12'),
        ('12ir', '12'),
        ('f12', 'f12'),
        ('12f', '12f'),
        ('FLIR_00006', 'flir_00006'),
        ('virtual_7', 'virtual_7'),
        ('leaf', 'leaf'),
        ('fused', 'fused'),
        ('_f', '_f'),
        ('ir_vi', 'vi'),
        ('', ''),
    ],
)
def test_bare_names(name, bare):
    assert bare_name(name) == bare


def test_the_methods_own_name_is_an_affix():
    names = ['001_SeAFusion(v2).png', 'seafusion(V2)-002.png']
    match = match_names(['001.png', '002.png'], names, (*AFFIXES, 'SeAFusion(v2)'))
    assert match.partners == dict(zip(('001.png', '002.png'), names, strict=True))
    assert match_names(['001.png'], names[:1]).first_only == ['001.png']


def test_equal_stems_match_across_extensions():
    match = match_names(['a.png', 'b.c.png', 'd.tif'], ['d.png', 'b.c.jpg', 'a.PNG'])
    assert match.partners == {'a.png': 'a.PNG', 'b.c.png': 'b.c.jpg', 'd.tif': 'd.png'}
    assert not any(match[1:])


def test_equal_stems_come_before_affixes():
    # Without them both would fit both.
    match = match_names(['1.png', '1_f.png'], ['1_f.png', '1.png'])
    assert match.partners == {'1.png': '1.png', '1_f.png': '1_f.png'}
    match = match_names(['1.png'], ['1_f.png', '1.png', '1_fused.png'])
    assert match.partners == {'1.png': '1.png'}
    assert match.second_only == ['1_f.png', '1_fused.png']


def test_both_sides_may_have_affixes():
    match = match_names(['001_vi.png', 'VIS2.bmp'], ['IR2.bmp', '001_ir.png'])
    assert match.partners == {'001_vi.png': '001_ir.png', 'VIS2.bmp': 'IR2.bmp'}


def test_what_lacks_a_partner():
    match = match_names(['3.png', '1.png', '2.png'], ['2.png', '5.png', '4.png'])
    assert match.partners == {'2.png': '2.png'}
    assert match.first_only == ['3.png', '1.png']
    assert match.second_only == ['5.png', '4.png']


@pytest.mark.parametrize(
    ('first', 'second'),
    [
        (['1.png'], ['1_f.png', '1_fused.png']),
        (['1.png'], ['1.png', '1.jpg']),
        (['1.png', '1_rgb.png'], ['1_fused.png']),
        (['1.png', '1.bmp'], ['1.png']),
        (['X_f.png', 'x-f.png'], ['x_vi.png']),
    ],
)
def test_ambiguous_names_match_nothing(first, second):
    match = match_names([*first, 'good.png'], [*second, 'good.png'])
    assert match == ({'good.png': 'good.png'}, [], [], [(first, second)])


def test_several_files_without_a_partner_are_not_ambiguous():
    match = match_names(['1.png', '1_f.png'], ['2.png'])
    assert match == ({}, ['1.png', '1_f.png'], ['2.png'], [])


def test_docstring_examples():
    result = doctest.testmod(folders)
    assert result.attempted and not result.failed
