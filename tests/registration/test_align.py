import cv2
import numpy as np
import pytest

from tsjnet_mm.registration.align import (
    Edges,
    best_starts,
    different_scenes,
    edge_field,
    estimate_all,
    find_group,
    map_corners,
    refine,
    remove_fixed,
    resizing,
    scene_score,
    search,
)


def texture(seed, size=(96, 128), smooth=3):
    noise = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), smooth), None, 0, 1, cv2.NORM_MINMAX)


def similarity(angle, scale, x, y, size=(96, 128)):
    matrix = np.eye(3)
    centre = ((size[1] - 1) / 2, (size[0] - 1) / 2)
    matrix[:2] = cv2.getRotationMatrix2D(centre, angle, scale)
    matrix[:2, 2] += (x, y)
    return matrix


def seen_through(image, matrix):
    """The image as a camera sees it whose pixels the matrix takes to the image's."""
    return cv2.warpPerspective(
        image,
        matrix,
        image.shape[::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def test_field_ignores_contrast_and_what_is_flat():
    image = texture(0)
    field = edge_field(image, 128)
    assert field.shape == (96, 128, 2) and field.dtype == np.float32
    np.testing.assert_allclose(edge_field(1 - image, 128), field, atol=1e-4)
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


@pytest.mark.parametrize('truth', [(0, 1, 9, -7), (4, 1.2, -10, 5), (-2, 0.7, 3, 12)])
def test_search_and_climb_find_the_mapping(truth):
    image, truth = texture(1), similarity(*truth)
    ir, vi = edge_field(1 - seen_through(image, truth), 128), edge_field(image, 128)
    starts = best_starts(search(ir, vi), ir.shape[:2], vi.shape[:2])
    expected = map_corners(truth, (96, 128))
    assert np.abs(map_corners(starts[0], (96, 128)) - expected).max() < 6
    score, found = refine(ir, vi, starts[0])
    assert np.abs(map_corners(found, (96, 128)) - expected).max() < 1
    assert 0.5 < score <= 1


def test_climb_without_overlap_or_edges_gives_no_score():
    field, away = edge_field(texture(0), 128), np.float64([[1, 0, 500], [0, 1, 0], [0, 0, 1]])
    assert refine(field, field, away) == (-1, away)
    assert refine(0 * field, field, np.eye(3))[0] == -1


def test_group_is_the_largest_and_then_the_closest():
    corners = np.zeros((6, 4, 2)) + np.array([0, 50, 1, 53, 2, 99])[:, None, None]
    np.testing.assert_array_equal(find_group(corners, 3), [0, 2, 4])
    np.testing.assert_array_equal(find_group(corners[[1, 3, 0, 2]], 5), [2, 3])
    assert len(find_group(np.zeros((0, 4, 2)), 3)) == 0
    corners[2, 3] += 9  # one corner is enough
    assert len(find_group(corners, 3)) == 2


def test_what_is_fixed_goes_and_scenes_stay():
    frame = np.zeros((96, 128), np.float32)
    frame[20:30, 10:110] = 1
    same = [(Edges(frame), Edges(frame)) for _ in range(3)]
    remove_fixed(same)
    assert max(np.abs(edges.fields[0]).max() for pair in same for edges in pair) < 1e-6
    assert estimate_all(same) == [None] * 3
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
