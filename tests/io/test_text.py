"""Text of every encoding that is marked or declared, and the reason where it is not."""

import codecs
import json
import re

import pytest

from tsjnet_mm.io.errors import PairError
from tsjnet_mm.io.text import (
    DEPTH,
    TextError,
    expect,
    read_csv,
    read_json,
    read_lines,
    read_text,
    read_xml,
)

WORDS = 'Straße\ncafé\n'
MARKED = {
    'utf-8': b'',
    'utf-8-sig': b'',
    'utf-16-le': codecs.BOM_UTF16_LE,
    'utf-16-be': codecs.BOM_UTF16_BE,
    'utf-32-le': codecs.BOM_UTF32_LE,
    'utf-32-be': codecs.BOM_UTF32_BE,
}


def save(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize('encoding', MARKED)
@pytest.mark.parametrize('newline', ['\n', '\r\n', '\r'])
def test_marked_text(tmp_path, encoding, newline):
    data = MARKED[encoding] + WORDS.replace('\n', newline).encode(encoding)
    assert read_text(save(tmp_path / 'a.txt', data)) == WORDS
    # A mark counts more than what is given.
    marked = codecs.BOM_UTF8 + data if encoding == 'utf-8' else data
    assert read_text(save(tmp_path / 'a.txt', marked), 'gbk') == WORDS


@pytest.mark.parametrize(
    'encoding, text',
    [('cp1252', 'Straße – €'), ('latin-1', 'café'), ('gbk', '汽车'), ('shift_jis', '車')],
)
def test_text_of_a_declared_or_given_encoding(tmp_path, encoding, text):
    path = save(tmp_path / 'a.txt', text.encode(encoding))
    assert read_text(path, encoding) == text
    declared = f'# -*- coding: {encoding} -*-\n{text}'
    assert read_lines(save(path, declared.encode(encoding))) == [(2, text)]
    # What the file declares counts more, but not where it is wrong.
    assert read_lines(path, 'utf-8') == [(2, text)]
    wrong = f'# coding: utf-8\n{text}'.encode(encoding)
    assert read_lines(save(path, wrong), encoding) == [(2, text)]


@pytest.mark.parametrize('newline', [b'\n', b'\r\n', b'\r'])
def test_unmarked_text_is_refused_with_line_and_byte(tmp_path, newline):
    path = save(tmp_path / 'list.txt', newline.join([b'one', b'two', b'Stra\xdfe', b'']))
    with pytest.raises(TextError, match=r'list\.txt: unreadable text: expected utf-8') as error:
        read_text(path)
    assert 'byte 0xdf in line 3' in str(error.value)
    assert '--encoding' in str(error.value)
    assert isinstance(error.value, PairError)


@pytest.mark.parametrize('encoding', ['klingon', 'rot13', 'zlib', 'idna', 'undefined', 'hex'])
def test_unknown_encodings(tmp_path, encoding):
    path = save(tmp_path / 'a.txt', b'a')
    with pytest.raises(TextError, match=rf'a\.txt: .*known encoding.*found {encoding}'):
        read_text(path, encoding)
    with pytest.raises(TextError, match=rf'a\.txt: .*known encoding.*found {encoding}'):
        read_text(save(path, f'# coding: {encoding}\n'.encode()))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.txt: no such file'):
        read_text(tmp_path / 'none.txt')
    with pytest.raises(TextError, match=r'.*: unreadable file: .*[Ii]s a directory'):
        read_text(tmp_path)
    with pytest.raises(TextError, match=r'a\\x00b.*null byte'):
        read_text('a\0b')
    with pytest.raises(TextError, match='File name too long'):
        read_text(tmp_path / ('a' * 300))
    path = save(tmp_path / 'a.txt', b'12345')
    assert read_text(path, limit=5) == '12345'
    with pytest.raises(TextError, match=r'a\.txt: .*at most 4 bytes'):
        read_text(path, limit=4)
    with pytest.raises(TextError, match=r'a\.txt: .*code 0 in line 2'):
        read_text(save(path, b'ab\na\0b\0'))


def test_lines(tmp_path):
    path = save(tmp_path / 'a.txt', '\n one two \n# no\n\t\nx\x85y\n'.encode())
    assert read_lines(path) == [(2, 'one two'), (5, 'x\x85y')]
    assert read_lines(path, comments=False) == [(2, 'one two'), (3, '# no'), (5, 'x\x85y')]


def test_json(tmp_path):
    path = tmp_path / 'a.json'
    for encoding, mark in MARKED.items():
        save(path, mark + json.dumps({'é': [1]}, ensure_ascii=False).encode(encoding))
        assert read_json(path) == {'é': [1]}
    deep = '[' * DEPTH + ']' * DEPTH
    assert read_json(save(path, deep.encode())) == json.loads(deep)
    for text, found in (
        ('', 'an empty file'),
        (' \n', 'an empty file'),
        ('{"a": ', r'Expecting value: line 1 column 7'),
        ('[' * (DEPTH + 1) + ']' * (DEPTH + 1), f'more than {DEPTH} levels'),
        ('{"a":[{},' * (DEPTH // 2 + 1) + '1' + ']}' * (DEPTH // 2 + 1), 'levels'),
        ('[' * 10**6, f'more than {DEPTH} levels'),
        ('1' * 5000, 'digits'),
    ):
        with pytest.raises(TextError, match=rf'a\.json: expected json, .*{found}'):
            read_json(save(path, text.encode()))


def test_csv(tmp_path):
    path = save(tmp_path / 'a.csv', codecs.BOM_UTF8 + b'x,y\r\r\n"a\nb",2\r\n')
    assert read_csv(path) == [(1, ['x', 'y']), (4, ['a\nb', '2'])]
    for text, found in (
        ('x,' + 'a' * 200_000, 'field larger than field limit .* in line 1'),
        ('1,2\n"a,3\n', 'unexpected end of data in line'),
    ):
        with pytest.raises(TextError, match=rf'a\.csv: malformed file: expected csv.*{found}'):
            read_csv(save(path, text.encode()))


XML = '<?xml version="1.0" encoding="{}"?>\n<a><b>{}</b></a>'


@pytest.mark.parametrize(
    'declared, encoding, text',
    [
        ('utf-8', 'utf-8', 'é汽'),
        ('UTF-8', 'utf-8-sig', 'é汽'),
        ('gbk', 'gbk', '汽车'),
        ('GB2312', 'gb2312', '汽车'),
        ('ISO-8859-1', 'latin-1', 'é'),
        ('windows-1252', 'cp1252', '€'),
        ('utf-16', 'utf-16', 'é汽'),
        ('utf-16', 'utf-16-le', 'é汽'),  # no mark, which xml allows
        ('utf-16', 'utf-16-be', 'é汽'),
        ('utf-16', 'utf-8', 'é汽'),  # as .NET's StringWriter leaves it
        ('utf-8', 'utf-16', 'é汽'),  # a mark counts more
    ],
)
def test_xml_of_declared_encodings(tmp_path, declared, encoding, text):
    path = save(tmp_path / 'a.xml', XML.format(declared, text).encode(encoding))
    assert read_xml(path).findtext('b') == text


def test_xml_of_a_wrong_declaration(tmp_path):
    path = save(tmp_path / 'a.xml', XML.format('utf-8', '汽车').encode('gbk'))
    with pytest.raises(TextError, match=r'a\.xml: unreadable text: .*it declares.*in line 2'):
        read_xml(path)
    assert read_xml(path, 'gbk').findtext('b') == '汽车'


def test_xml_that_is_refused(tmp_path):
    path = tmp_path / 'a.xml'
    assert read_xml(save(path, b'')) is None
    assert read_xml(save(path, codecs.BOM_UTF8 + b' \r\n')) is None
    entities = '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>'
    for text, found in (
        ('<a><b>', 'no element found: line 1'),
        ('<a></b>', 'mismatched tag: line 1'),
        (entities, '<!ENTITY'),
        ('<a>' * (DEPTH + 1) + '</a>' * (DEPTH + 1), f'more than {DEPTH} levels'),
        ('<a>' * 10**5 + '</a>' * 10**5, f'more than {DEPTH} levels'),
        ('nothing', 'syntax error'),
    ):
        with pytest.raises(TextError, match=rf'a\.xml: expected xml.*{re.escape(found)}'):
            read_xml(save(path, text.encode()))


def test_expect_turns_every_fault_of_structure_into_one_sentence():
    for fault, found in (
        (lambda: {}['images'], r"a fault: KeyError\('images'\)"),
        (lambda: [][0], 'list index out of range'),
        (lambda: None.items(), 'has no attribute'),
        (lambda: float(10**400), 'too large'),
        (lambda: float('x' * 10**6), 'could not convert'),
        (lambda: {[]: 1}, 'unhashable'),
    ):
        with (
            pytest.raises(TextError, match=f'a.json: expected this, found .*{found}') as error,
            expect('a.json', 'this'),
        ):
            fault()
        assert len(str(error.value)) < 250
        assert '\n' not in str(error.value)
