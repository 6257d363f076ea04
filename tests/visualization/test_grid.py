import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tsjnet_mm.visualization import TEXT_WIDTH, grid_figure, save_figure
from tsjnet_mm.visualization.grid import REGION_COLOURS
from tsjnet_mm.visualization.insets import place_insets

RED, GREEN = (tuple(round(255 * part) for part in to_rgb(name)) for name in REGION_COLOURS)
TITLES = ['Infrared', 'Visible', 'mine']


def scene(height=300, width=400, seed=0, count=3):
    """Colour images without any pure red or green."""
    rng = np.random.default_rng(seed)
    small = rng.integers(60, 160, (count, height // 10, width // 10, 3)).astype(np.uint8)
    return [
        cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR) for image in small
    ]


def render(figure, tmp_path):
    path = tmp_path / 'grid.png'
    save_figure(figure, path)
    return cv2.imread(str(path))[..., ::-1]


def cells(figure):
    """Left, top, width and height of each image in pixels of the PNG."""
    width, height = (int(side) for side in figure.bbox.size)
    found = []
    for axes in figure.axes:
        place = axes.get_position()
        edges = place.x0 * width, (1 - place.y1) * height, place.width * width
        left, top, wide = (round(edge) for edge in edges)
        found.append((left, top, wide, round(place.height * height)))
    return found


def cut(sheet, box):
    left, top, width, height = box
    return sheet[top : top + height, left : left + width]


def test_images_are_kept_to_the_pixel(tmp_path):
    # Three of 400 pixels in 7.1 inches would be printed below 200 dpi: all are doubled.
    rows = [scene(seed=0, width=500), scene(seed=1, width=500)]
    figure = grid_figure(rows, TITLES)
    sheet = render(figure, tmp_path)
    assert figure.get_figwidth() == pytest.approx(TEXT_WIDTH, abs=0.02)
    places = cells(figure)
    for box, image in zip(places, rows[0] + rows[1], strict=True):
        assert np.array_equal(cut(sheet, box), image)
    lefts, tops = ([place[axis] for place in places] for axis in (0, 1))
    assert lefts[:3] == lefts[3:] and lefts[0] < lefts[1] - 500 < lefts[2] - 1000
    assert tops[0] == tops[1] == tops[2] and tops[3] >= tops[0] + 300


def test_grey_and_float_images_are_shown_as_they_are(tmp_path):
    grey = scene(width=500)[0][..., 0]
    figure = grid_figure([[grey, grey[..., None] / 255, grey]], TITLES)
    sheet = render(figure, tmp_path)
    for box in cells(figure):
        assert np.array_equal(cut(sheet, box), np.repeat(grey[..., None], 3, axis=2))


def test_scenes_of_other_sizes_keep_their_shape(tmp_path):
    rows = [scene(300, 500), scene(200, 250, seed=1)]
    figure = grid_figure(rows, TITLES)
    sheet = render(figure, tmp_path)
    places = cells(figure)
    assert [place[2:] for place in places] == [(500, 300)] * 3 + [(500, 400)] * 3
    expected = cv2.resize(rows[1][2], (500, 400), interpolation=cv2.INTER_LINEAR)
    difference = cut(sheet, places[5]).astype(int) - expected
    assert np.abs(difference).max() <= 6


def test_small_images_are_enlarged_a_whole_number_of_times():
    figure = grid_figure([scene(60, 80)], TITLES)
    (_, _, width, height), *_ = cells(figure)
    assert figure.dpi >= 200
    assert width % 80 == 0 and (width - 80) / figure.dpi * 3 < TEXT_WIDTH
    assert height == width * 3 / 4


def test_insets_show_their_regions_in_frames_of_the_same_colour(tmp_path):
    images = scene(300, 500)
    regions = [(200, 130, 50, 30), (260, 100, 40, 40)]
    for image, (first, second) in zip(images, [(20, 220), (90, 30), (180, 240)], strict=True):
        for (x, y, w, h), level in zip(regions, (first, second), strict=True):
            image[y : y + h, x : x + w] = level
    figure = grid_figure([images], TITLES, [regions])
    sheet = render(figure, tmp_path)
    line = round(1.5 * figure.dpi / 72)
    for image, place in zip(images, cells(figure), strict=True):
        cell = cut(sheet, place)
        insets = place_insets(images, regions)
        for region, inset, colour in zip(regions, insets, (RED, GREEN), strict=True):
            level = image[region[1], region[0]]
            inside = cut(cell, inset)[line:-line, line:-line]
            assert (inside == level).all()
            box = cut(cell, inset)
            assert (box[1, 3:-3] == colour).all() and (box[3:-3, 1] == colour).all()
            x, y, w, h = region
            for edge in (cell[y, x + 3 : x + w - 3], cell[y + 3 : y + h - 3, x]):
                distance = np.abs(edge.astype(int) - colour).sum(axis=1)
                assert (distance < 120).all()


def test_the_rest_of_an_image_is_untouched(tmp_path):
    images = scene(300, 500)
    regions = [(200, 130, 50, 30)]
    figure = grid_figure([images], TITLES, [regions])
    sheet = render(figure, tmp_path)
    keep = np.ones((300, 500), bool)
    (inset,) = place_insets(images, regions)
    for x, y, w, h in (inset, (196, 126, 58, 38)):
        keep[y : y + h, x : x + w] = False
    for image, place in zip(images, cells(figure), strict=True):
        difference = cut(sheet, place)[keep].astype(int) - image[keep]
        assert np.abs(difference).max() <= 2


def test_regions_follow_a_scene_that_is_enlarged(tmp_path):
    small = [np.full((150, 250, 3), 100, np.uint8) for _ in range(3)]
    for image in small:
        image[60:80, 100:130] = 200
    rows = [scene(300, 500), small]
    figure = grid_figure(rows, TITLES, [[], [(100, 60, 30, 20)]])
    cell = cut(render(figure, tmp_path), cells(figure)[3])
    red = np.abs(cell.astype(int) - RED).sum(axis=2) < 120
    outline = np.argwhere(red[100:180, 180:280]) + np.array([100, 180])
    (top, left), (bottom, right) = outline.min(axis=0), outline.max(axis=0)
    assert abs(top - 120) <= 2 and abs(left - 200) <= 2
    assert abs(bottom - 160) <= 2 and abs(right - 260) <= 2


def test_titles_and_names_are_legible(assert_legible):
    titles = [
        'Infrared',
        'Visible',
        *(f'Method {index}' for index in range(8)),
        'A long one, ours',
    ]
    rows = [scene(120, 160, seed, count=11) for seed in range(3)]
    names = ['00537D', 'FLIR_video_000939', '1']
    figure = grid_figure(rows, titles, names=names, highlight='A long one, ours')
    assert_legible(figure)
    heads = figure.texts[:11]
    assert len({head.get_fontsize() for head in heads}) == 1
    assert heads[0].get_text() == 'Infrared' and heads[0].get_fontweight() == 'normal'
    assert heads[10].get_fontweight() == 'bold' and heads[10].get_text()[0] == 'A'
    # The end of a name that does not fit stays, too.
    sides = [text.get_text() for text in figure.texts[11:]]
    assert sides[0] == '00537D' and sides[2] == '1'
    assert sides[1][0] == 'F' and '…' in sides[1] and sides[1][-1] == '9'
    for head, place in zip(heads, figure.axes, strict=False):
        box = head.get_window_extent()
        edges = place.get_position().x0, place.get_position().x1
        left, right = (edge * figure.bbox.width for edge in edges)
        assert left - 1 <= box.x0 and box.x1 <= right + 1


def test_pdf(tmp_path):
    save_figure(grid_figure([scene()], TITLES, [[(5, 5, 9, 9)]]), tmp_path / 'grid.pdf')
    data = (tmp_path / 'grid.pdf').read_bytes()
    assert data.count(b'/Subtype /Image') == 3
    # In full resolution: 400 pixels, doubled as in the PNG.
    assert data.count(b'/Width 800') == 3


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'rows': []}, 'at least one scene and one image'),
        ({'rows': [[]]}, 'at least one scene and one image'),
        ({'titles': ['a']}, '1 titles for a grid of 1 scenes and 3 columns'),
        ({'regions': []}, '0 lists of regions for a grid of 1 scenes'),
        ({'names': ['a', 'b']}, '2 names for a grid of 1 scenes'),
        ({'highlight': 'x'}, "cannot highlight 'x': the titles are Infrared, Visible, mine"),
        (
            {'rows': [[*scene()[:2], scene(290)[0]]], 'names': ['00537D']},
            '00537D: expected 3 images of one size, got 400x300, 400x300, 400x290',
        ),
        ({'rows': [scene(), scene()[:2]]}, 'scene 2: expected 3 images of one size'),
        ({'regions': [[(390, 0, 20, 20)]]}, 'scene 1: region x=390, .* not inside'),
        ({'width': 0.9}, '3 columns in 0.9 inches leave 0.28 inches each, .* at least 0.3'),
    ],
)
def test_errors(changes, message):
    arguments = {'rows': [scene()], 'titles': TITLES, **changes}
    with pytest.raises(ValueError, match=message):
        grid_figure(**arguments)
