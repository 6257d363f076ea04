import cv2
import numpy as np

from tsjnet_mm.registration.edges import (
    LEVELS,
    Edges,
    different_scenes,
    edge_field,
    remove_fixed,
    resizing,
    scene_score,
    seen_area,
)


def texture(seed, size=(96, 128), smooth=3):
    noise = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), smooth), None, 0, 1, cv2.NORM_MINMAX)


def test_field_ignores_contrast_and_what_is_flat():
    image = texture(0)
    field = edge_field(image, 128)
    assert field.shape == (96, 128, 2) and field.dtype == np.float32
    np.testing.assert_allclose(edge_field(1 - image, 128), field, atol=1e-3)
    np.testing.assert_allclose(edge_field(0.1 + image / 5, 128), field, atol=1e-2)
    assert np.abs(edge_field(np.full((96, 128), 0.5, np.float32), 128)).max() == 0
    step = np.zeros((96, 128), np.float32)
    step[:, 64:] = 1
    assert edge_field(step, 128)[48, 63, 0] > 1  # an upright edge: angle 0
    assert edge_field(step.T, 128)[63, 48, 0] < -1  # a level one: angle 90, doubled 180


def test_field_is_of_the_side_and_resizing_leads_to_it():
    field = edge_field(texture(0, (300, 400)), 128)
    assert field.shape == (96, 128, 2)
    matrix = resizing((300, 400), field.shape)
    outer = [[-0.5, -0.5, 1], [399.5, 299.5, 1]]
    np.testing.assert_allclose((outer @ matrix.T)[:, :2], [[-0.5, -0.5], [127.5, 95.5]])


def test_border_of_a_warp_is_not_seen_but_a_sky_is():
    image = 0.2 + 0.6 * texture(1)
    assert seen_area(image).all()
    matrix = cv2.getRotationMatrix2D((64, 48), 10, 0.7)
    warped = cv2.warpAffine(image, matrix, (128, 96))
    inside = cv2.warpAffine(np.ones_like(image), matrix, (128, 96)) > 0
    assert (seen_area(warped) == inside).mean() > 0.99
    edge = inside ^ cv2.erode(inside.astype(np.uint8), np.ones((3, 3))).astype(bool)
    assert np.abs(edge_field(warped, 128)[edge]).mean() > 0.5
    assert np.abs(edge_field(warped, 128, valid=seen_area(warped))[edge]).max() < 0.2
    skyline = 20 + np.rint(12 * np.sin(np.arange(128) / 9)).astype(int)
    image[np.arange(96)[:, None] < skyline] = 1
    assert seen_area(image).all()


def test_what_is_fixed_goes_and_scenes_stay():
    frame = np.zeros((96, 128), np.float32)
    frame[20:30, 10:110] = 1
    same = [(Edges(frame), Edges(frame)) for _ in range(3)]
    remove_fixed(same)
    for pair in same:
        for edges in pair:
            fields = [edges.sharp, *edges.fields]
            assert max(np.abs(field).max() for field in fields) < 1e-5
            assert len(edges.fields) == len(LEVELS)
    others = [(Edges(texture(i)), Edges(texture(i))) for i in range(8)]
    before = others[0][0].fields[0]
    remove_fixed(others)
    after = others[0][0].fields[0]
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.9


def test_scenes_seen_again_are_left_out():
    wide = [texture(i, (96, 200)) for i in range(3)]
    views = [(0, 0), (0, 20), (1, 0), (0, 35), (2, 0), (1, 10)]  # scene and pan
    pairs = [(Edges(wide[i][:, x : x + 128]), Edges(wide[i][:, x : x + 128])) for i, x in views]
    assert scene_score(pairs[0][0], pairs[1][0]) > 0.5 > scene_score(pairs[0][0], pairs[2][0])
    remove_fixed(pairs)
    assert different_scenes(pairs) == [0, 2, 4]
    flat = Edges(np.zeros((96, 128), np.float32))
    assert scene_score(flat, flat) == 0
