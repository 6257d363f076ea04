import numpy as np
import pytest

from tsjnet_mm.io.images import read_mask
from tsjnet_mm.io.pairs import Pair
from tsjnet_mm.labels import (
    ObjectMask,
    Scene,
    SceneLabeller,
    compose_masks,
    generate_masks,
    list_pairs,
    order_pairs,
    replace_guesses,
    scene_indices,
    view_image,
)


def probabilities(*classes):
    """(C, 8, 40) from a probability of each class in the left and in the right half."""
    halves = np.array(classes, np.float32)
    return np.repeat(halves[:, None, :], 8, axis=1).repeat(20, axis=2)


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    ir = rng.random((8, 40), dtype=np.float32)
    return Pair('a', ir, 0.2 + 0.2 * rng.random((8, 40, 3), dtype=np.float32))


def labeller(views, seen, indices, **options):
    """Labels by what ``seen`` has for each view, which has to come in this order."""
    images = iter(seen)
    return SceneLabeller(lambda image: next(images), indices, views, **options)


def test_view_images(pair):
    luma = pair.vi @ np.float32([0.299, 0.587, 0.114])
    np.testing.assert_array_equal(view_image(pair, 'vi'), pair.vi)
    np.testing.assert_array_equal(view_image(pair, 'ir'), np.stack([pair.ir] * 3, -1))
    average = pair.vi + ((pair.ir - luma) / 2)[..., None]
    np.testing.assert_allclose(view_image(pair, 'average'), average.clip(0, 1), atol=1e-6)
    coloured = pair.vi + (pair.ir - luma)[..., None]
    np.testing.assert_allclose(view_image(pair, 'ir-colour'), coloured.clip(0, 1), atol=1e-6)
    np.testing.assert_array_equal(
        view_image(pair, 'fused', lambda one: 1 - one.vi), 1 - pair.vi
    )


def test_the_more_confident_view_decides_in_each_region(pair):
    seen = [
        probabilities((0.9, 0.2), (0.05, 0.45), (0.05, 0.35)),
        probabilities((0.1, 0.05), (0.8, 0.15), (0.1, 0.8)),
    ]
    found = labeller(['ir', 'vi'], seen, [0, 4, 7], smoothing=0.01)(pair)
    assert (found.mask[:, :20] == 0).all()  # By infrared, though the visible says 4.
    assert (found.mask[:, 20:] == 7).all()
    assert found.sources == {'ir': 0.5, 'vi': 0.5}
    np.testing.assert_allclose(found.probability[0, [0, 39]], [0.9, 0.8], atol=1e-6)


def test_confidence_is_smoothed(pair):
    """A speck of more confidence does not decide in the midst of another view's region."""
    certain = probabilities((0.7, 0.7), (0.3, 0.3))
    speck = probabilities((0.4, 0.4), (0.6, 0.6))
    speck[:, 4, 10] = 0.1, 0.9
    plain = labeller(['ir', 'vi'], [certain, speck], [1, 2], smoothing=0)(pair)
    assert plain.mask[4, 10] == 2
    assert (plain.mask == 2).sum() == 1
    smooth = labeller(['ir', 'vi'], [certain, speck], [1, 2], smoothing=0.05)(pair)
    assert (smooth.mask == 1).all()


def test_classes_of_one_index_are_added(pair):
    seen = [probabilities((0.3, 0.3), (0.3, 0.1), (0.4, 0.6))]
    found = labeller(['vi'], seen, [2, 2, 255], least=0.55)(pair)
    assert (found.mask[:, :20] == 2).all()  # 0.6 together, where alone neither is the best.
    assert (found.mask[:, 20:] == 255).all()
    found = labeller(['vi'], seen, [2, 2, 1], least=0.61)(pair)
    assert (found.mask == 255).all()


def test_indices_of_classes():
    cityscapes = ['road', 'person', 'rider', 'truck', 'bicycle']
    msrs = ['background', 'car', 'person', 'bike']
    given = ['rider=person', 'truck=']
    assert scene_indices(cityscapes, msrs, given) == [0, 2, 2, 255, 3]
    assert scene_indices(cityscapes, cityscapes) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match='called road, rider'):
        scene_indices(cityscapes, ['person', 'truck', 'bicycle'])


def square(left, top, right, bottom, method):
    mask = np.zeros((40, 40), bool)
    mask[top:bottom, left:right] = True
    return ObjectMask(mask, 0.2, method)


def test_objects_are_drawn_over_the_scene():
    scene = np.full((40, 40), 5, np.uint8)
    scene[:, 20:] = 2
    box = (10, 10, 30, 30)
    mask = compose_masks(
        (40, 40), [box], [square(14, 14, 26, 26, 'grabcut ir')], [2], (), scene
    )
    assert mask[20, 20] == 2
    assert mask[0, 0] == 5
    assert mask[0, 39] == 2
    assert mask[20, 11] == 5  # Of another class: stays.
    assert mask[13, 20] == 255  # The band around the outline.
    assert (scene != 255).all()


def test_objects_that_only_the_scene_has_are_uncertain(pair_folder, tmp_path):
    root = pair_folder(boxes=[(0, 2, 2, 12, 20)])
    mask = np.ones((24, 32), np.uint8)
    mask[:, 20:] = 2

    def maker(ir, vi, boxes, names):
        whole = np.zeros(ir.shape, bool)
        whole[4:18, 4:10] = True
        return [ObjectMask(whole, 0.5, 'grabcut ir') for _ in boxes]

    generate_masks(
        maker,
        list_pairs(root / 'ir', root / 'vi'),
        root / 'labels',
        root / 'masks',
        tmp_path / 'review',
        ['person'],
        {'person': 2},
        [(0, 0, 0)],
        scene=lambda pair: Scene(mask, np.ones(mask.shape, np.float32), {'vi': 1.0}),
    )
    found = read_mask(str(root / 'masks' / '001.png'))
    assert (found[:, 20:] == 255).all()
    assert (found[8:14, 5:9] == 2).all()
    assert found[22, 2] == 1
    assert mask[0, 31] == 2  # The scene itself is left as it is.


def test_guesses_are_replaced_by_the_scene():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:16] = 2
    scene = Scene(mask, np.full((40, 40), 0.75, np.float32), {})
    box = (10, 10, 30, 30)
    guess, outline = square(12, 12, 28, 28, 'ellipse'), square(12, 12, 28, 28, 'grabcut ir')
    replaced, kept, other = replace_guesses(
        scene, [box] * 3, [guess, outline, guess], [2, 2, 1]
    )
    assert replaced.method == 'segmentor'
    assert replaced.quality == pytest.approx(0.75)
    assert replaced.mask.sum() == 6 * 20
    assert kept is outline
    assert other is guess
    mask[20:30] = 0  # Three twentieths of the box are left.
    assert replace_guesses(scene, [box], [guess], [2]) == [guess]


def test_scenes_of_pairs_without_boxes(pair_folder, tmp_path):
    root = pair_folder()
    pairs = list_pairs(root / 'ir', root / 'vi')
    calls = []

    def scene(pair):
        calls.append(pair.name)
        mask = np.full(pair.ir.shape, 1, np.uint8)
        mask[: 6 * len(calls)] = 255
        return Scene(mask, np.ones(pair.ir.shape, np.float32), {'vi': 1.0})

    def make():
        palette = [(0, 0, 0), (255, 0, 0)]
        folders = root / 'masks', tmp_path / 'review'
        return generate_masks(None, pairs, None, *folders, [], {}, palette, scene=scene)

    records, made = make()
    assert made == 3
    mask = read_mask(str(root / 'masks' / '002.png'))
    assert (mask[:12] == 255).all()
    assert (mask[12:] == 1).all()
    assert records['002']['shares'] == {'1': 0.5, '255': 0.5}
    assert records['002']['sources'] == {'vi': 1.0}
    assert order_pairs(records, 'confidence') == ['010', '002', '001']
    (root / 'masks' / '002.png').unlink()
    assert make()[1] == 1
    assert calls == ['001', '002', '010', '002']
