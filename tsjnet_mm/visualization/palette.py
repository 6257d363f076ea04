"""Colours of classes that stay readable on night images; the same in boxes and masks."""

_BY_NAME = {
    'background': (0, 0, 0),
    'person': (255, 92, 92),
    'car': (84, 160, 255),
    'bike': (80, 225, 120),
    'curve': (255, 214, 64),
    'car_stop': (196, 128, 255),
    'guardrail': (64, 224, 224),
    'color_cone': (255, 150, 48),
    'bump': (255, 128, 212),
}
_ALIASES = {
    'people': 'person',
    'pedestrian': 'person',
    'bicycle': 'bike',
    'motorcycle': 'bike',
}
_OTHERS = (
    (170, 210, 90),
    (120, 120, 255),
    (240, 180, 170),
    (90, 200, 170),
    (220, 220, 220),
    (210, 150, 90),
)

# Okabe and Ito's colours for every kind of colour vision, less their green and their red.
_WITH_ERROR_MARKS = (
    (240, 228, 66),
    (86, 180, 233),
    (230, 159, 0),
    (255, 255, 255),
    (225, 140, 230),
    (0, 114, 178),
)


def marked_class_colour(index: int) -> tuple[int, int, int]:
    """Colour of a class in figures where green and red mark errors.

    Args:
        index (int): Number of the class among those that are shown.

    Returns:
        tuple[int, int, int]: RGB, 0 to 255, neither green nor red; repeats after six.
    """
    return _WITH_ERROR_MARKS[index % len(_WITH_ERROR_MARKS)]


def class_colour(name: str, index: int = 0) -> tuple[int, int, int]:
    """Colour of a class.

    Args:
        name (str): Its name, in any case; the classes of MSRS have colours of their own, and
            what other datasets call the same thing (``People``, ``bicycle``) shares them.
        index (int): Its number, which picks the colour of any other name.

    Returns:
        tuple[int, int, int]: RGB, 0 to 255.
    """
    name = name.lower().replace(' ', '_')
    return _BY_NAME.get(_ALIASES.get(name, name), _OTHERS[index % len(_OTHERS)])
