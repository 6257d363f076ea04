"""Numbers with their nouns, lists of names and lists of problems, for messages."""

from collections.abc import Iterable, Mapping, Sequence

#: As many problems of a kind are named, the others counted.
_LISTED = 10


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun, in the singular for 1.

    Args:
        number (int): How many there are.
        noun (str): What, in the singular: ``'fused image'``.
        plural (str, optional): Defaults to ``noun`` with an ``s``.

    Returns:
        str: The two.

    Example:
        >>> counted(1, 'image'), counted(2, 'image'), counted(0, 'class', 'classes')
        ('1 image', '2 images', '0 classes')
    """
    return f'{number} {noun if number == 1 else plural or noun + "s"}'


def name_some(names: Iterable[str], shown: int = 5) -> str:
    """The first of some names, and the number of the others.

    Args:
        names (Iterable[str]): The names.
        shown (int): How many are named. Defaults to 5.

    Returns:
        str: For a message.
    """
    names = list(names)
    more = f' and {len(names) - shown} more' if len(names) > shown else ''
    return ', '.join(names[:shown]) + more


def format_problems(problems: Mapping[str, Sequence[str]]) -> str:
    """Text of a list of problems: each kind, their number and the first of them.

    Args:
        problems (Mapping[str, Sequence[str]]): Kind to a line for each problem.

    Returns:
        str: Several lines, without a final newline.
    """
    lines = []
    for kind, found in problems.items():
        lines.append(f'{kind} ({len(found)}):')
        lines += [f'  {line}' for line in found[:_LISTED]]
        if len(found) > _LISTED:
            lines.append(f'  ... and {len(found) - _LISTED} more')
    return '\n'.join(lines)
