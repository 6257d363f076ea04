"""Public functions say the types of their arguments and of what they return."""

import ast
import re
from pathlib import Path

import tsjnet_mm

FOLDERS = (
    Path(tsjnet_mm.__file__).resolve().parent,
    Path(__file__).resolve().parents[1] / 'tools',
)


def is_public(name):
    return not name.startswith('_') or (name.startswith('__') and name.endswith('__'))


FILES = [
    path
    for folder in FOLDERS
    for path in sorted(folder.rglob('*.py'))
    if '.mim' not in path.parts
    and all(is_public(part) for part in path.relative_to(folder).with_suffix('').parts)
]


def public_functions(body, owner=None):
    """Functions of a module and methods of its classes, without those within functions."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_public(node.name):
            yield node, owner
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from public_functions(node.body, node)
        elif isinstance(node, ast.If | ast.Try):
            yield from public_functions([*node.body, *node.orelse], owner)


def name_of(function, owner):
    return f'{owner.name}.{function.name}' if owner else function.name


def hints_of(function, owner):
    """Hint, or None, of each argument but the first of a method, and of ``return``."""
    own = function.args
    found = [*own.posonlyargs, *own.args]
    static = any(getattr(node, 'id', '') == 'staticmethod' for node in function.decorator_list)
    found = found[1:] if owner and not static else found
    found = [each for each in (*found, own.vararg, *own.kwonlyargs, own.kwarg) if each]
    return {**{each.arg: each.annotation for each in found}, 'return': function.returns}


def none_by_default(function):
    """Names of the arguments whose default is None."""
    own = function.args
    positional = [*own.posonlyargs, *own.args]
    pairs = zip(reversed(positional), reversed(own.defaults), strict=False)
    defaults = {each.arg: default for each, default in pairs}
    defaults |= {each.arg: d for each, d in zip(own.kwonlyargs, own.kw_defaults, strict=True)}
    return {
        name for name, d in defaults.items() if isinstance(d, ast.Constant) and d.value is None
    }


def described_types(function, owner):
    """Types that the docstring says: of arguments by their names, and of ``return``."""
    text = ast.get_docstring(owner if function.name == '__init__' else function) or ''
    listed = re.search(r'^Args:\n((?: {4}.*\n?|\n)*)', text, re.M)
    for name, kind in re.findall(
        r'^ {4}(\w+) \(([^()]*)\):', listed[1] if listed else '', re.M
    ):
        yield name, ' '.join(kind.split())
    found = re.search(r'^(Return|Yield)s:\n {4}(.*?):\s', text, re.M | re.S)
    if found and function.name != '__init__':
        yield 'return', f'Iterator[{found[2]}]' if found[1] == 'Yield' else found[2]


def kinds_of(text):
    """Members of a union without their modules, ``torch.Tensor`` as ``Tensor``; {} of prose."""
    try:
        text = ast.unparse(ast.parse(text.replace("'", ''), mode='eval'))
    except SyntaxError:
        return set()
    return set(re.sub(r'\w+\.(?=\w)', '', text).split(' | '))


def missing_hints(source):
    """``name: argument`` of each hint that is not there."""
    return [
        f'{name_of(function, owner)}: {what}'
        for function, owner in public_functions(ast.parse(source).body)
        for what, hint in hints_of(function, owner).items()
        if hint is None
    ]


def contradicted_hints(source):
    """``name: argument`` of each hint that is not the docstring's, or lacks its default."""
    found = []
    for function, owner in public_functions(ast.parse(source).body):
        hints = {
            name: kinds_of(ast.unparse(hint))
            for name, hint in hints_of(function, owner).items()
            if hint
        }
        none = none_by_default(function)
        wrong = [
            name
            for name, kinds in hints.items()
            if name in none and not kinds & {'None', 'Any', 'object'}
        ]
        for name, told in described_types(function, owner):
            kinds = kinds_of(told.removesuffix(', optional'))
            allowed = [kinds, kinds | {'None'}]
            allowed = allowed if name in none or told.endswith(', optional') else [kinds]
            if kinds and hints.get(name, kinds) not in allowed:
                wrong.append(name)
        found += [f'{name_of(function, owner)}: {name}' for name in dict.fromkeys(wrong)]
    return found


def test_public_functions_have_hints():
    missing = {path: missing_hints(path.read_text()) for path in FILES}
    assert {path: names for path, names in missing.items() if names} == {}


def test_hints_agree_with_docstrings_and_defaults():
    wrong = {path: contradicted_hints(path.read_text()) for path in FILES}
    assert {path: names for path, names in wrong.items() if names} == {}


def test_missing_hints_are_found():
    source = (
        'def f(a: int, b, *c, d=1, **e) -> int: ...\n'
        'def _f(a): ...\n'
        'def g() -> None:\n    def h(a): ...\n'
        'class C:\n'
        '    def __init__(self, a): ...\n'
        '    @staticmethod\n    def s(a) -> None: ...\n'
        '    async def m(self): ...\n'
        '    def _m(self): ...\n'
        'class _D:\n    def m(self): ...\n'
    )
    missing = ['f: b', 'f: c', 'f: d', 'f: e', 'C.__init__: a', 'C.__init__: return']
    assert missing_hints(source) == [*missing, 'C.s: a', 'C.m: return']


def test_contradicted_hints_are_found():
    source = (
        'def f(a: int, b: str | None, c: Path, d: Tensor, e: int = None) -> Iterator[int]:\n'
        '    """F.\n\n    Args:\n        a (float): A.\n        b (str, optional): B.\n'
        '        c (str | Path): C.\n        d (torch.Tensor): D.\n        e (int): E.\n\n'
        '    Yields:\n        int: A number.\n    """\n'
        'class C:\n'
        '    """C.\n\n    Args:\n        a (int, optional): A.\n        b (str): B.\n'
        '\n    Attributes:\n        b (int): B.\n    """\n'
        '    def __init__(self, a: bool | None = None, b: str | None = None) -> None: ...\n'
        '    def g(self) -> bool:\n'
        '        """G.\n\n        Returns:\n            list[int]: Numbers.\n        """\n'
        '    def h(self) -> bool:\n'
        '        """H.\n\n        Returns:\n            Whether it is: prose.\n        """\n'
    )
    assert contradicted_hints(source) == [
        'f: e',
        'f: a',
        'f: c',
        'C.__init__: a',
        'C.g: return',
    ]
