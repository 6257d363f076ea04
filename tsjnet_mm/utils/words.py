"""Numbers with their nouns, and lists of names, for messages."""

from collections.abc import Iterable


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
