import json

import cv2
import numpy as np
import pytest

from tsjnet_mm.datasets import MSRSDataset, toy
from tsjnet_mm.datasets.toy import ToyScene, draw_scene, is_night, write_toy_dataset
from tsjnet_mm.utils.files import owner_name

SIZE = (160, 120)
SCENES = range(24)


@pytest.fixture(scope='module')
def scenes():
    return [draw_scene(0, index, SIZE, is_night(0, index)) for index in SCENES]


def same(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ToyScene.__dataclass_fields__
    )


def digest(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_arrays_have_documented_shapes_and_types():
    scene = draw_scene(3, 1, (96, 64), night=True)
    assert scene.ir.shape == (64, 96) and scene.ir.dtype == np.uint8
    assert scene.vi.shape == (64, 96, 3) and scene.vi.dtype == np.uint8
    assert scene.mask.shape == (64, 96) and scene.mask.dtype == np.uint8
    assert scene.boxes.shape == (len(scene.labels), 4) and scene.boxes.dtype == np.float32
    assert scene.labels.dtype == np.int64


def test_drawing_is_deterministic():
    assert same(draw_scene(1, 5, SIZE), draw_scene(1, 5, SIZE))
    assert not same(draw_scene(1, 5, SIZE), draw_scene(1, 6, SIZE))
    assert not same(draw_scene(1, 5, SIZE), draw_scene(2, 5, SIZE))


def test_classes_are_those_of_msrs():
    assert MSRSDataset.METAINFO['classes'] == toy.DETECTION_CLASSES
    assert MSRSDataset.METAINFO['seg_classes'] == toy.SEGMENTATION_CLASSES
    assert toy.DETECTION_CLASSES == ('person', 'bicycle', 'car')
    assert ' '.join(toy.SEGMENTATION_CLASSES) == (
        'background car person bike curve car_stop guardrail color_cone bump'
    )


def test_every_class_appears(scenes):
    found = set()
    for scene in scenes:
        found |= set(np.unique(scene.mask).tolist())
    assert found == set(range(len(toy.SEGMENTATION_CLASSES)))
    assert set(np.concatenate([scene.labels for scene in scenes])) == {0, 1, 2}


def test_people_are_warm_and_registered(scenes):
    checked = 0
    for scene in scenes:
        person = scene.mask == 2
        if person.sum() < 60:
            continue
        inside = scene.ir[person].mean()
        ring = cv2.dilate(person.astype(np.uint8), np.ones((13, 13))).astype(bool)
        near = ring & ~cv2.dilate(person.astype(np.uint8), np.ones((3, 3))).astype(bool)
        near &= scene.mask == 0
        assert inside > 2 * scene.ir[scene.mask == 0].mean()
        assert inside > 1.5 * scene.ir[near].mean()
        shifted = np.roll(person, 8, axis=1)
        assert inside > scene.ir[shifted].mean()
        checked += 1
    assert checked > 10


def test_boxes_are_tight_on_their_class(scenes):
    classes = {0: 2, 1: 3, 2: 1}
    checked = 0
    for scene in scenes:
        for box, label in zip(scene.boxes.astype(int), scene.labels, strict=True):
            left, top, right, bottom = box
            assert 0 <= left < right <= SIZE[0] and 0 <= top < bottom <= SIZE[1]
            own = scene.mask[top:bottom, left:right] == classes[label]
            assert own.sum() >= 12
            for edge in (own[0], own[-1], own[:, 0], own[:, -1]):
                assert edge.any()
            checked += 1
    assert checked > 50


def test_every_large_object_has_a_box(scenes):
    for scene in scenes:
        for label, name in ((0, 2), (2, 1)):
            count, parts = cv2.connectedComponents((scene.mask == name).astype(np.uint8))
            for part in range(1, count):
                rows, columns = np.nonzero(parts == part)
                if len(rows) < 200:
                    continue
                boxes = scene.boxes[scene.labels == label]
                covered = (
                    (boxes[:, 0] <= columns.mean())
                    & (boxes[:, 2] >= columns.mean())
                    & (boxes[:, 1] <= rows.mean())
                    & (boxes[:, 3] >= rows.mean())
                )
                assert covered.any()


def test_night_is_dark_and_dazzled_and_day_is_bright():
    for index in range(4):
        night, day = draw_scene(0, index, SIZE, True), draw_scene(0, index, SIZE, False)
        assert np.median(night.vi) < 0.6 * np.median(day.vi)
    brightest = [draw_scene(0, index, SIZE, True).vi.max() for index in range(6)]
    assert np.mean(np.array(brightest) > 240) >= 0.5


def test_glare_is_cool_in_the_infrared(scenes):
    """What dazzles the visible by night is mostly far below a body's warmth."""
    glare = [scene.ir[scene.vi.min(axis=2) > 235] for scene in scenes]
    glare = np.concatenate([part for index, part in enumerate(glare) if is_night(0, index)])
    bodies = np.concatenate([scene.ir[scene.mask == 2] for scene in scenes])
    assert len(glare) > 200
    assert np.median(glare) < 0.6 * np.median(bodies)


def test_size_and_numbers_are_checked():
    with pytest.raises(ValueError, match=r'size .*\(16, 120\)'):
        draw_scene(0, 0, (16, 120))
    with pytest.raises(ValueError, match='-1'):
        draw_scene(-1, 0)
    with pytest.raises(ValueError, match=r'night_ratio .* 1\.5'):
        write_toy_dataset('nowhere', night_ratio=1.5)
    with pytest.raises(ValueError, match='train must be'):
        write_toy_dataset('nowhere', train=-1)


@pytest.mark.parametrize('size', [(32, 32), (33, 47), (640, 100)])
def test_unusual_sizes(size):
    scene = draw_scene(0, 0, size)
    assert scene.ir.shape == scene.mask.shape == size[::-1]


class TestWriting:
    def write(self, out, **kwargs):
        options = {'train': 3, 'test': 2, 'size': (64, 48), 'seed': 4} | kwargs
        return write_toy_dataset(out, **options)

    def test_layout(self, tmp_path):
        out = tmp_path / 'toy'
        assert self.write(out) is True
        for split, count, first in (('train', 3, 1), ('test', 2, 50001)):
            stems = [
                f'{number:05d}{"N" if is_night(4, number - 1) else "D"}'
                for number in range(first, first + count)
            ]
            for folder, extension in (
                ('ir', 'png'),
                ('vi', 'png'),
                ('Segmentation_labels', 'png'),
                ('labels', 'txt'),
            ):
                names = sorted(path.name for path in (out / split / folder).iterdir())
                assert names == [f'{stem}.{extension}' for stem in stems]
        assert list(tmp_path.iterdir()) == [out]

    def test_files_hold_the_scene(self, tmp_path):
        self.write(tmp_path / 'toy', size=SIZE, night_ratio=1)
        scene = draw_scene(4, 1, SIZE, night=True)
        folder = tmp_path / 'toy' / 'train'

        def read(name):
            return cv2.imread(str(folder / name / '00002N.png'), cv2.IMREAD_UNCHANGED)

        assert np.array_equal(read('ir'), scene.ir)
        assert np.array_equal(read('vi')[..., ::-1], scene.vi)
        assert np.array_equal(read('Segmentation_labels'), scene.mask)
        rows = np.loadtxt(folder / 'labels' / '00002N.txt', ndmin=2)
        centre, extent = rows[:, 1:3] * SIZE, rows[:, 3:] * SIZE
        boxes = np.hstack((centre - extent / 2, centre + extent / 2))
        assert rows[:, 0].tolist() == scene.labels.tolist()
        np.testing.assert_allclose(boxes, scene.boxes, atol=1e-3)

    def test_msrs_dataset_reads_it(self, tmp_path):
        self.write(tmp_path / 'toy')
        dataset = MSRSDataset(str(tmp_path / 'toy'), 'test')
        assert len(dataset) == 2

    def test_larger_set_contains_the_smaller(self, tmp_path):
        self.write(tmp_path / 'small')
        self.write(tmp_path / 'large', train=5)
        small, large = digest(tmp_path / 'small'), digest(tmp_path / 'large')
        for path, content in small.items():
            if path.name != toy.MANIFEST:
                assert large[path] == content

    def test_second_run_does_nothing(self, tmp_path):
        self.write(tmp_path / 'toy')
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'toy').rglob('*')}
        calls = []
        assert self.write(tmp_path / 'toy', progress=lambda *now: calls.append(now)) is False
        assert not calls
        assert before == {
            path: path.stat().st_mtime_ns for path in (tmp_path / 'toy').rglob('*')
        }

    def test_progress_counts_pairs(self, tmp_path):
        calls = []
        self.write(tmp_path / 'toy', progress=lambda *now: calls.append(now))
        assert calls == [(number, 5) for number in range(1, 6)]

    def test_incomplete_set_is_redrawn(self, tmp_path):
        self.write(tmp_path / 'toy')
        whole = digest(tmp_path / 'toy')
        next((tmp_path / 'toy' / 'train' / 'vi').iterdir()).unlink()
        assert self.write(tmp_path / 'toy') is True
        assert digest(tmp_path / 'toy') == whole

    def test_other_options_replace_a_toy_set(self, tmp_path):
        self.write(tmp_path / 'toy')
        assert self.write(tmp_path / 'toy', train=1) is True
        assert len(list((tmp_path / 'toy' / 'train' / 'ir').iterdir())) == 1
        assert json.loads((tmp_path / 'toy' / toy.MANIFEST).read_text())['train'] == 1
        assert [path.name for path in tmp_path.iterdir()] == ['toy']

    def test_foreign_folders_are_left_alone(self, tmp_path):
        (tmp_path / 'photos').mkdir()
        (tmp_path / 'photos' / 'holiday.png').write_bytes(b'sea')
        with pytest.raises(FileExistsError, match='no toy dataset'):
            self.write(tmp_path / 'photos')
        (tmp_path / 'photos' / toy.MANIFEST).write_text('{"generator": "something else"}')
        with pytest.raises(FileExistsError, match='no toy dataset'):
            self.write(tmp_path / 'photos')
        assert (tmp_path / 'photos' / 'holiday.png').read_bytes() == b'sea'

    def test_own_files_within_a_toy_set_are_kept(self, tmp_path):
        self.write(tmp_path / 'toy')
        (tmp_path / 'toy' / 'train' / 'notes.txt').write_text('mine')
        with pytest.raises(FileExistsError, match=r'train/notes\.txt'):
            self.write(tmp_path / 'toy', train=1)
        assert (tmp_path / 'toy' / 'train' / 'notes.txt').read_text() == 'mine'

    def test_file_in_the_way(self, tmp_path):
        (tmp_path / 'toy').write_text('')
        with pytest.raises(FileExistsError, match='found a file'):
            self.write(tmp_path / 'toy')

    def test_empty_folder_is_filled(self, tmp_path):
        (tmp_path / 'toy').mkdir()
        assert self.write(tmp_path / 'toy') is True

    @pytest.mark.parametrize('before', [False, True], ids=['new', 'replacing'])
    def test_interruption_leaves_no_half_set(self, tmp_path, before):
        out = tmp_path / 'toy'
        if before:
            self.write(out)
        old = digest(tmp_path)

        def stop(done, total):
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.write(out, train=4, progress=stop)
        assert out.exists() == before
        assert digest(tmp_path) == old

    def test_what_a_killed_run_left_is_removed(self, tmp_path, left_by_the_dead):
        left_by_the_dead(tmp_path / 'toy')
        living = tmp_path / f'.toy.{owner_name()}.0123abcd.part'
        living.mkdir()
        self.write(tmp_path / 'toy')
        assert {*tmp_path.iterdir()} == {tmp_path / 'toy', living}
