"""Names of options in messages: the library names its arguments, a command its options.

The library writes an argument as ``ir_range=(low, high)`` or ``overwrite=True``. The command
that runs replaces it by its option: ``--ir-range LOW HIGH``, ``--overwrite``.
"""

import argparse
import re

#: Arguments of data sets that no command has as an option; a config sets them.
_ONLY_IN_CONFIGS = ('annotations', 'data_prefix', 'label_format')
#: Argument of the library to the destination of the option, if they differ.
_OTHER_NAMES = {'homography': 'warp', 'label_format': 'format'}
#: An argument with a value, or a name with an underscore; not a part of a path.
_ARGUMENT = re.compile(
    r'(?<![\w./\\-])'
    r"(?:(?P<given>[a-z][a-z_]*)=(?:\((?P<several>[^()]*)\)|'(?P<text>[^']*)'|(?P<one>\w+))"
    r'|(?P<name>[a-z]+(?:_[a-z]+)+))'
    r'(?![\w/\\(=]|\.\w)'
)
#: A second remedy, such as ', or set label_format'.
_ALTERNATIVE = re.compile(rf',? or [^,;:]*\b(?:{"|".join(_ONLY_IN_CONFIGS)})\b[^,;:\n]*')

_options: dict[str, str] = {}
_values: set[str] = set()


def forget_options() -> None:
    """Begin a command that has no options yet."""
    _options.clear()
    _values.clear()


def note_options(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Note the options of the command that runs, and whether it was given a config.

    Args:
        parser: The parser of the command, or of its subcommand.
        arguments: What it has parsed.
    """
    for action in parser._actions:
        if action.option_strings:
            _options[action.dest] = action.option_strings[-1]
        elif action.dest in ('config', 'configs') and getattr(arguments, action.dest, None):
            _options['config'] = action.dest
    for value in vars(arguments).values():
        _values.update(map(str, value if isinstance(value, list) else [value]))


def name_options(message: str) -> str:
    """Replace the names of arguments in a message by the options of the command.

    A remedy that only a config has is left out if the command has no config.

    Args:
        message: Of an error or a warning of the library.

    Returns:
        str: The message for the user of the command.
    """

    def option(match):
        name = match['given'] or match['name']
        found = _options.get(name) or _options.get(_OTHER_NAMES.get(name))
        if not found or not found.startswith('--') or match[0] in _values:
            return match[0]  # Also the name of a file of the user's.
        if match['several'] is not None:
            values = (value.strip() for value in match['several'].split(','))
            return ' '.join([found, *(value.upper() for value in values)])
        value = match['text'] or match['one']
        return found if value in (None, 'True') else f'{found} {value}'

    message = _ARGUMENT.sub(option, message)
    return message if _options.get('config') else _ALTERNATIVE.sub('', message)
