"""Words and phrases that no docstring, help text, message or page of this project may have.

Each is one that readers who did not know the project did not understand. There is a plain one:
``next to``, ``continues``, ``is called by``, ``does not exist``.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md'), *(ROOT / 'configs').rglob('*.md')]
SOURCES = sorted(
    path
    for folder in ('tsjnet_mm', 'tools', 'configs')
    for path in (ROOT / folder).rglob('*.py')
    if '.mim' not in path.parts
)
#: Not the old names in code: after a dot, a quote or a backtick.
BANNED = re.compile(
    r"(?<![.'`\w])(?:beside|(?:go|goes|going|went) on|told by|(?:is|are|was|were) told"
    r'|there (?:is|are) none|rivals?|contests?|what is (?:won|left) no longer|speed of life'
    r'|bears? (?:a|no|the)|which is to be|whole or not at all)\b',
    re.IGNORECASE,
)


def texts_of(path):
    """Each text for people in a file, with its line: docstrings and messages, or a page."""
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.md':
        yield from enumerate(text.splitlines(), 1)
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and ' ' in str(node.value):
            yield node.lineno, ' '.join(str(node.value).split())
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith('#'):
            yield number, line


def banned_in(path):
    return [
        f'{path.name}, line {line}: {found[0]}'
        for line, text in texts_of(path)
        for found in BANNED.finditer(text)
    ]


@pytest.mark.parametrize('path', PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_are_in_plain_words(path):
    assert banned_in(path) == []


def test_sources_are_in_plain_words():
    assert len(SOURCES) > 200
    assert [found for path in SOURCES for found in banned_in(path)] == []


def test_banned_words_are_seen(tmp_path):
    """In a docstring over two lines, a message, a comment and a page; not in a name."""
    path = tmp_path / 'x.py'
    path.write_text(
        'def f(beside=0):\n    """It goes\n    on."""\n'
        '    # Rival.\n    raise ValueError(f"{beside}: there is none")\n'
    )
    found = [text.split(': ')[1] for text in banned_in(path)]
    assert sorted(found) == ['Rival', 'goes on', 'there is none']
    page = tmp_path / 'x.md'
    page.write_text('Fine.\nIt stands beside it, and is told.\n')
    assert banned_in(page) == ['x.md, line 2: beside', 'x.md, line 2: is told']
