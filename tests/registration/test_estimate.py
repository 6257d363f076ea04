import cv2
import numpy as np
import pytest

from tsjnet_mm.registration.align import refine
from tsjnet_mm.registration.blocks import (
    Blocks,
    fit,
    is_plausible,
    match_blocks,
    warp_field,
)
from tsjnet_mm.registration.edges import Edges, edge_field, map_corners
from tsjnet_mm.registration.estimate import Evidence, estimate, follow, independent
from tsjnet_mm.registration.search import search


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
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE
    return cv2.warpPerspective(image, matrix, image.shape[::-1], flags=flags, borderMode=border)


def apart(found, expected, size=(96, 128)):
    return np.abs(map_corners(found, size) - map_corners(expected, size)).max()


@pytest.mark.parametrize(
    'truth',
    [
        (14, 1.4, -10, 5),
        pytest.param((0, 1, 9, -7), marks=pytest.mark.slow),
        pytest.param((-12, 0.7, 3, 20), marks=pytest.mark.slow),
    ],
)
def test_search_and_refinement_find_the_mapping(truth):
    image, truth = texture(1), similarity(*truth)
    other = 1 - seen_through(image, truth)
    start = search(edge_field(other, 128, 0.7), edge_field(image, 128, 0.7), 1)[0]
    assert apart(start, truth) < 6
    score, found = refine(edge_field(other, 128), edge_field(image, 128), start)
    assert apart(found, truth) < 1.5
    assert 0.4 < score <= 1


def test_refinement_without_overlap_or_edges_gives_no_score():
    field, away = edge_field(texture(0), 128), np.float64([[1, 0, 500], [0, 1, 0], [0, 0, 1]])
    assert refine(field, field, away) == (-1, away)
    assert refine(0 * field, field, np.eye(3))[0] == -1


def test_a_warped_field_is_that_of_the_warped_image():
    image, matrix = texture(2, (192, 256), 4), similarity(12, 1, 4, -3, (192, 256))
    warped = cv2.warpPerspective(image, matrix, (256, 192))
    one, other = warp_field(edge_field(image, 256), matrix, (192, 256)), edge_field(warped, 256)
    centre = np.s_[50:140, 60:190]
    assert np.corrcoef(one[centre].ravel(), other[centre].ravel())[0, 1] > 0.97


def test_blocks_are_found_where_they_went():
    field = edge_field(texture(3, (384, 512), 4), 512)
    blocks = match_blocks(field, np.roll(field, (3, -5), (0, 1)), np.eye(3), 8)
    assert len(blocks.vi) > 100 and blocks.near == 3 and not blocks.agree.any()
    np.testing.assert_allclose(np.median(blocks.shifts, 0), [-5, 3], atol=0.05)
    np.testing.assert_allclose(blocks.vi, blocks.ir + blocks.shifts)
    assert len(match_blocks(0 * field, field, np.eye(3), 8).vi) == 0


@pytest.mark.parametrize(
    ('matrix', 'kind'),
    [
        ([[1.1, 0.02, 9], [-0.03, 0.95, -3], [0, 0, 1]], 'affine'),
        ([[1.1, 0.02, 9], [-0.03, 0.95, -3], [3e-4, -2e-4, 1]], 'homography'),
    ],
)
def test_fit_chooses_the_model_and_leaves_out_what_is_wrong(matrix, kind):
    rng, matrix = np.random.default_rng(0), np.array(matrix)
    ir = rng.uniform((0, 0), (512, 384), (120, 2))
    vi = cv2.perspectiveTransform(ir[:, None], matrix)[:, 0] + rng.normal(0, 0.5, (120, 2))
    vi[::3] += rng.uniform(-20, 20, (40, 2))
    found, is_kind = fit(Blocks(ir, vi, vi - ir, 3.0))
    assert is_kind == kind
    assert apart(found, matrix, (384, 512)) < 1.5
    assert fit(Blocks(ir[:7], vi[:7], vi[:7], 3.0)) is None


def test_plausible_mappings():
    points = np.float64([[0, 0], [500, 380]])
    assert is_plausible(np.eye(3), points)
    assert not is_plausible(np.diag([-1.0, 1, 1]), points)
    assert not is_plausible(np.diag([4.0, 1, 1]), points)
    assert not is_plausible(np.float64([[1, 0, 0], [0, 1, 0], [-0.0025, 0, 1]]), points)


@pytest.mark.parametrize(
    ('evidence', 'words'),
    [
        (Evidence(100, 60, 0.8, 0.003), None),
        (Evidence(40, 19, 0.8, 0.003), 'only 19 parts of the images agree, 20 must'),
        (Evidence(100, 45, 0.8, 0.003), 'only 45% of the parts agree, 46% must'),
        (Evidence(100, 45, 0.8, 0.003, 3), None),
        (Evidence(100, 29, 0.8, 0.003, 3), 'only 29% of the parts agree, 30% must'),
        (Evidence(100, 60, 0.3, 0.003), 'the parts that agree cover only 30% of the image'),
        (Evidence(100, 60, 0.8, 0.05), 'the corners are uncertain by 5.0% of the diagonal'),
    ],
    ids=['accepted', 'few', 'share', 'several', 'share of several', 'spread', 'corners'],
)
def test_evidence_is_accepted_or_objected_to(evidence, words):
    assert evidence.objection == words


def test_a_pair_gives_its_homography_and_is_followed():
    image = texture(4, (192, 256), 3)
    truth = similarity(-13, 0.8, 20, -15, (192, 256))
    truth = truth @ np.float64([[1, 0, 0], [0, 1, 0], [3e-4, 2e-4, 1]])
    ir, vi = Edges(1 - seen_through(image, truth)), Edges(image)
    found = estimate([(ir, vi)])
    assert found.evidence.objection is None and found.kind == 'homography'
    assert apart(found.matrix, truth, (192, 256)) < 2
    assert found.error < 1
    drifted = similarity(0.5, 1, 2, 1, (192, 256)) @ truth
    again = follow([(ir, vi)], drifted)
    assert apart(again.matrix, truth, (192, 256)) < 2
    assert follow([(Edges(0 * image), vi)], drifted) is None


def test_pairs_of_one_scene_count_once():
    wide = [texture(i, (96, 200)) for i in range(4)]
    views = [(0, 0), (0, 20), (1, 0), (2, 0), (1, 10)]  # scene and pan
    pairs = [(Edges(wide[i][:, x : x + 128]), Edges(wide[i][:, x : x + 128])) for i, x in views]
    assert [*independent(pairs)] == [0, 2, 3]
    still = independent(pairs[:1] * 4)  # nothing is left of it, without what is fixed
    assert [*still] == [0] and still[0] is pairs[0]
