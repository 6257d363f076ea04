import itertools

import numpy as np

from tsjnet_mm.datasets.toy import SEGMENTATION_CLASSES
from tsjnet_mm.visualization import class_colour


def test_synonyms_share_a_colour():
    assert class_colour('People') == class_colour('person')
    assert class_colour('bicycle') == class_colour('bike') == class_colour('Motorcycle')


def test_background_is_not_drawn():
    assert class_colour('background') == (0, 0, 0)


def test_classes_of_msrs_are_bright_and_apart():
    colours = [np.array(class_colour(name)) for name in SEGMENTATION_CLASSES[1:]]
    for colour in colours:
        assert colour @ (0.299, 0.587, 0.114) > 110
    for first, second in itertools.combinations(colours, 2):
        assert np.linalg.norm(first - second) > 60


def test_unknown_names_take_turns():
    colours = {class_colour('truck', index) for index in range(6)}
    assert len(colours) == 6
    assert class_colour('truck', 6) == class_colour('truck', 0)
