import doctest

import pytest

from tsjnet_mm.io import names as names_module
from tsjnet_mm.io.names import AFFIXES, as_affixes, bare_name, match_names, modality_of


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
        ('Straße_IR', 'strasse'),
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
    # In the order given, also of names that are much alike.
    match = match_names(['1.png', '2.png', '1_f.png'], ['9.png', '8.png', '9_ir.png'])
    assert match.first_only == ['1.png', '2.png', '1_f.png']
    assert match.second_only == ['9.png', '8.png', '9_ir.png']


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
    result = doctest.testmod(names_module)
    assert result.attempted and not result.failed


def test_sub_folders_match_by_their_paths():
    first = ['set00/V000/visible/I0.jpg', 'set00/V001/visible/I0.jpg']
    second = ['set00/V000/lwir/I0.png', 'set00/V001/lwir/I0.png']
    assert match_names(first, second).partners == dict(zip(first, second, strict=True))
    assert match_names(first, second[:1]).first_only == first[1:]
    match = match_names(['a/1.png', 'b/1.png'], ['b/1.tif', 'a/1.tif'])
    assert match.partners == {'a/1.png': 'a/1.tif', 'b/1.png': 'b/1.tif'}
    # Without a common structure names alone decide, as long as each is there once.
    assert match_names(['a/1.png'], ['x/y/1.tif']).partners == {'a/1.png': 'x/y/1.tif'}
    lonely = match_names(['a/1.png', 'b/1.png'], ['x/1.tif'])
    assert lonely == ({}, ['a/1.png', 'b/1.png'], ['x/1.tif'], [])
    first, second = ['a/1.png', 'b/1.png'], ['x/1.tif', 'y/1.tif']
    assert match_names(first, second) == ({}, first, second, [])


def test_words_in_the_middle():
    match = match_names(['scene_vis_001.png', 'rgb_2_day.png'], ['scene_ir_001.png'])
    assert match.partners == {'scene_vis_001.png': 'scene_ir_001.png'}
    assert match_names(['FLIR_1_RGB.jpg'], ['FLIR_1_PreviewData.jpeg']).partners


def test_affixes_that_are_given():
    assert not match_names(['xV.png'], ['xT.png']).partners
    options = {'first_affixes': ('V',), 'second_affixes': ('T',)}
    assert match_names(['xV.png'], ['xT.png'], **options).partners == {'xV.png': 'xT.png'}
    options = {'first_affixes': ('cam0',), 'second_affixes': ('cam1', 'hot-')}
    first, second = ['s/cam0/1.png', '2_cam0.png'], ['s/cam1/1.png', 'hot-2.png']
    match = match_names(first, second, **options)
    assert match.partners == dict(zip(first, second, strict=True))
    # Before the name of one and behind that of the other, the separator is no part of it.
    assert match_names(['cam0_3.png'], ['3-cam1.png'], **options).partners


@pytest.mark.parametrize(
    'name, kind',
    [
        ('x_ir.png', 'ir'),
        ('IR_0001.png', 'ir'),
        ('FLIR_00001_PreviewData.jpeg', 'ir'),
        ('FLIR_00001.jpg', None),
        ('lwir/visible_1.png', 'vi'),
        ('set00/lwir/I0.jpg', 'ir'),
        ('ir_vi.png', None),
        ('first.png', None),
        ('1_T.png', 'ir'),
    ],
)
def test_modality_of_a_name(name, kind):
    assert modality_of(name, ('_T',)) == kind


def test_a_name_of_both_affixes_is_of_neither():
    assert modality_of('a_1.png', ('_1',), ('a',)) is None
    assert modality_of('a_2.png', ('_1',), ('a',)) == 'vi'


def test_affixes_need_letters():
    assert as_affixes('_T') == ('_T',) and as_affixes(None) == ()
    assert as_affixes(['_a', '_abc']) == ('_abc', '_a')
    with pytest.raises(ValueError, match='an affix needs a letter or a digit'):
        as_affixes(['_'])
