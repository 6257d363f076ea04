"""One reader of text files in any encoding: lists, csv, json and xml.

The encoding is that of the byte order mark (UTF-8, UTF-16, UTF-32), else the declared one
(``<?xml encoding="..."?>``, or a first line ``# coding: gbk``), else the ``encoding`` argument,
else UTF-8. It is not guessed: if the bytes do not fit, the error names their position.
"""

import codecs
import contextlib
import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from .errors import PairError

#: Bytes up to which a file is read; labels of whole datasets (COCO) may be larger.
LIMIT = 1 << 26
LARGE_LIMIT = 1 << 30
#: Levels up to which json and xml may be nested.
DEPTH = 64

_MARKS = (
    (codecs.BOM_UTF8, 'utf-8'),
    (codecs.BOM_UTF32_LE, 'utf-32-le'),  # before UTF-16, whose mark is the first half of it
    (codecs.BOM_UTF32_BE, 'utf-32-be'),
    (codecs.BOM_UTF16_LE, 'utf-16-le'),
    (codecs.BOM_UTF16_BE, 'utf-16-be'),
)
_DECLARATIONS = (
    re.compile(rb'\s*<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["\']([\w.:-]{1,40})["\']'),
    re.compile(rb'[ \t]*#[^\r\n]{0,200}?\bcoding[:=][ \t]*([\w.-]{1,40})'),
)
#: Codecs of Python that are no encodings of text files.
_NO_ENCODINGS = {'idna', 'punycode', 'undefined', 'unicode_escape', 'raw_unicode_escape'}


class TextError(PairError):
    """A text file cannot be used: names the file, the place and the reason."""


def shorten(text: Any, width: int = 100) -> str:
    """Text in one line and of bounded length, to be shown in a message.

    Args:
        text (Any): The text, or what is to be shown as text.
        width (int): Characters kept. Defaults to 100.

    Returns:
        str: The text, its end replaced by dots where it is longer.
    """
    text = ' '.join(str(text)[: 4 * width].split())
    return text if len(text) <= width else f'{text[:width]}...'


def _error(reason, path, expected, found):
    if reason is None:
        return TextError(f'{path}: expected {expected}, found {found}', 'malformed file')
    return TextError.of(reason, path, expected, found)


@contextlib.contextmanager
def expect(
    path: str | Path, what: str, reason: str | None = None, where: str = ''
) -> Iterator[None]:
    """Parse the content of a file: an exception in the block becomes a :class:`TextError`.

    Args:
        path (str | Path): The file.
        what (str): What it should hold.
        reason (str, optional): The kind of error, see :class:`.PairError`; begins the message.
        where (str): Place in the file, for the message.

    Raises:
        TextError: The block found another structure or other values.
    """
    try:
        yield
    except PairError:
        raise
    except (ArithmeticError, ValueError) as error:
        raise _error(reason, path, what, shorten(error) + where) from error
    except (AttributeError, LookupError, RecursionError, TypeError) as error:
        raise _error(reason, path, what, f'a fault{where}: {shorten(repr(error))}') from error


def read_text(path: str | Path, encoding: str | None = None, limit: int = LIMIT) -> str:
    r"""Read a text file.

    Args:
        path (str | Path): The file.
        encoding (str, optional): Encoding of a file that does not say its own. Defaults to
            UTF-8.
        limit (int): Bytes up to which it is read. Defaults to 64 MiB.

    Returns:
        str: Its text, without a mark; lines end in ``\n``.

    Raises:
        FileNotFoundError: There is no such file.
        TextError: It cannot be read, is larger, is in another encoding, or holds characters
            of code 0.
    """
    try:
        with open(path, 'rb') as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise FileNotFoundError(f'{path}: no such file') from None
    except (OSError, ValueError) as error:
        found = getattr(error, 'strerror', None) or str(error)
        shown = shorten(repr(path)) if isinstance(error, ValueError) else path
        raise TextError.of('unreadable file', shown, 'a text file', found) from error
    if len(data) > limit:
        raise TextError.of('unreadable file', path, f'at most {limit:,} bytes', 'more')
    text = _decode(data, path, encoding).replace('\r\n', '\n').replace('\r', '\n')
    if '\0' in text:
        line = text.count('\n', 0, text.index('\0')) + 1
        raise TextError.of(
            'unreadable file',
            path,
            'text (of UTF-16 with a byte order mark)',
            f'a character of code 0 in line {line}',
        )
    return text


def _decode(data, path, encoding):
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _decode_as(data[len(mark) :], name, path, 'its byte order mark says')
    declared = next((m for m in (rule.match(data) for rule in _DECLARATIONS) if m), None)
    name = declared and declared[1].decode().lower()
    # ASCII bytes are not UTF-16, even if the file declares it.
    if name and not name.startswith(('utf-16', 'utf-32', 'utf16', 'utf32', 'ucs')):
        try:
            return _decode_as(data, name, path, 'it declares')
        except TextError:
            if encoding is None:
                raise
    if data[:2] in (b'<\0', b'\0<'):  # xml needs no mark
        return _decode_as(data, 'utf-16-le' if data[:1] == b'<' else 'utf-16-be', path, 'xml')
    said = 'that is the encoding given' if encoding else 'it says no other encoding'
    return _decode_as(data, encoding or 'utf-8', path, said)


def _decode_as(data, encoding, path, said):
    try:
        codec = codecs.lookup(encoding)
        if codec.name.replace('-', '_') in _NO_ENCODINGS:
            raise LookupError(encoding)
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = len(re.findall(rb'\r\n|\r|\n', data[: error.start])) + 1
        raise TextError.of(
            'unreadable text',
            path,
            f'{encoding} ({said}): save it as UTF-8, name its encoding (`encoding` of a '
            'dataset, --encoding of a tool), or write it into a first line such as '
            '# coding: gbk',
            f'byte 0x{data[error.start]:02x} in line {line}, {error.reason}',
        ) from error
    except (LookupError, UnicodeError) as error:
        raise TextError.of(
            'unreadable text', path, 'a known encoding, such as utf-8, gbk or cp1252', encoding
        ) from error


def read_lines(
    path: str | Path, encoding: str | None = None, comments: bool = True
) -> list[tuple[int, str]]:
    """Read a list, one entry a line.

    Args:
        path (str | Path): The file.
        encoding (str, optional): See :func:`read_text`.
        comments (bool): Whether lines that begin with ``#`` are comments and left out.
            Defaults to True.

    Returns:
        list[tuple[int, str]]: Number from 1, and text without spaces around it, of each line
        that is not blank.

    Raises:
        FileNotFoundError: There is no such file.
        TextError: See :func:`read_text`.
    """
    return number_lines(read_text(path, encoding), comments)


def number_lines(text: str, comments: bool = True) -> list[tuple[int, str]]:
    """Lines of a text, see :func:`read_lines`."""
    lines = ((number, line.strip()) for number, line in enumerate(text.split('\n'), 1))
    return [
        (number, line)
        for number, line in lines
        if line and not (comments and line.startswith('#'))
    ]


def read_csv(path: str | Path, encoding: str | None = None) -> list[tuple[int, list[str]]]:
    """Read a table of values that are separated by commas.

    Args:
        path (str | Path): The file.
        encoding (str, optional): See :func:`read_text`.

    Returns:
        list[tuple[int, list[str]]]: Number of the line, from 1, at which each row ends, and
        its fields. Blank lines are left out.

    Raises:
        FileNotFoundError: There is no such file.
        TextError: See :func:`read_text`, or a quote is not closed, or a field is too long.
    """
    reader = csv.reader(io.StringIO(read_text(path, encoding)), strict=True)
    try:
        return [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise TextError.of(
            'malformed file', path, 'csv', f'{error} in line {reader.line_num}'
        ) from error


def read_json(
    path: str | Path,
    encoding: str | None = None,
    limit: int = LIMIT,
    expected: str = 'json',
    reason: str | None = None,
) -> Any:
    """Read a json file.

    Args:
        path (str | Path): The file.
        encoding (str, optional): See :func:`read_text`.
        limit (int): See :func:`read_text`.
        expected (str): What the file should hold, for errors.
        reason (str, optional): The kind of error where it is no json, see :class:`.PairError`.

    Returns:
        Any: What it holds.

    Raises:
        FileNotFoundError: There is no such file.
        TextError: See :func:`read_text`, or it is no json, or is nested too deep.
    """
    text = read_text(path, encoding, limit)
    try:
        value = parse_json(text)
    except ValueError as error:
        found = shorten(error) if text.strip() else 'an empty file'
        raise _error(reason, path, expected, f'no JSON ({found})') from error
    return value


def parse_json(text: str) -> Any:
    """Parse a json text.

    Args:
        text (str): The text.

    Returns:
        Any: Its value.

    Raises:
        ValueError: It is no json, or is nested deeper than ``DEPTH``.
    """
    try:
        value = json.loads(text)
        deep = _is_deep(value)
    except RecursionError:
        deep = True
    if deep:
        raise ValueError(f'more than {DEPTH} levels of nesting')
    return value


def _is_deep(value):
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEPTH):
        level = [
            item
            for parent in level
            for item in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(item, dict | list)
        ]
    return bool(level)


def read_xml(
    path: str | Path,
    encoding: str | None = None,
    expected: str = 'xml',
    reason: str | None = None,
) -> Element | None:
    """Read an xml file.

    Args:
        path (str | Path): The file.
        encoding (str, optional): See :func:`read_text`.
        expected (str): What the file should hold, for errors.
        reason (str, optional): The kind of error where it is no xml, see :class:`.PairError`.

    Returns:
        xml.etree.ElementTree.Element | None: Its root; None where the file is blank.

    Raises:
        FileNotFoundError: There is no such file.
        TextError: See :func:`read_text`, or it is no xml, declares entities, or is nested too
            deep.
    """
    text = read_text(path, encoding)
    if not text.strip():
        return None
    if '<!ENTITY' in text:
        raise _error(reason, path, f'{expected} without entities', '<!ENTITY')
    # Spaces before the declaration are not xml's, but editors' and copied texts'.
    try:
        return _parse_xml(text.lstrip())
    except (ElementTree.ParseError, ValueError) as error:
        raise _error(reason, path, expected, shorten(error)) from error


def _parse_xml(text, chunk=1 << 16):
    parser = ElementTree.XMLPullParser(('start', 'end'))
    depth, root = 0, None
    for begin in range(0, len(text), chunk):
        parser.feed(text[begin : begin + chunk])
        for event, element in parser.read_events():
            root = element if root is None else root
            depth += 1 if event == 'start' else -1
            if depth > DEPTH:
                raise ValueError(f'more than {DEPTH} levels of nesting')
    parser.close()
    # The end of the text is where what is not closed is noticed.
    for _ in parser.read_events():
        pass
    return root
