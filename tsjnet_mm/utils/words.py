"""Numbers with their nouns, for messages."""


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
