import dataclasses
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets import FMBDataset, MSRSDataset, PairError
from tsjnet_mm.datasets.convert import PUBLISHED, prepare, prepare_dataset
from tsjnet_mm.datasets.convert.sources import FolderSource
from tsjnet_mm.io.images import read_mask

SIZE = (24, 32)
BOXES = [(0, 2, 3, 12, 13)]
VOC = """<annotation><size><width>32</width><height>24</height></size><object>
<name>{}</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>13</xmax><ymax>14</ymax></bndbox>
</object></annotation>"""


def small(name, **changes):
    """What is published under a name, of two pairs of 32x24 in each split."""
    published = PUBLISHED[name]
    return dataclasses.replace(
        published,
        pairs=dict.fromkeys(published.pairs, 2),
        size=published.size and (32, 24),
        **changes,
    )


def zipped(folder):
    path = folder.with_name(f'{folder.name}.zip')
    with zipfile.ZipFile(path, 'w') as archive:
        for file in sorted(folder.rglob('*')):
            archive.write(file, file.relative_to(folder.parent))
    return path


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file() and path.name != prepare.MANIFEST
    }


@pytest.fixture
def out(tmp_path):
    return tmp_path / 'data' / 'set'


@pytest.fixture
def msrs(pair_folder, tmp_path):
    """Folders that look like the two published repositories."""
    for split, stems in (('train', ('00001D', '00002N')), ('test', ('00003D', '00004N'))):
        pair_folder(
            root=f'MSRS-main/{split}', stems=stems, seg_classes=9, masks='Segmentation_labels'
        )
        pair_folder(
            root='MSRS-detection-label-main',
            stems=stems,
            boxes=BOXES,
            labels=f'fusion/{split}',
            ir='unused',
            vi='unused',
        )
    pair_folder(root='MSRS-main/detection', stems=('1',))
    return tmp_path / 'MSRS-main', tmp_path / 'MSRS-detection-label-main'


def test_msrs(msrs, out):
    done = prepare_dataset('msrs', [*map(zipped, msrs)], out, published=small('msrs'))
    assert done.written and done.root == out and not done.warnings
    assert done.pairs == {'train': 2, 'test': 2}
    assert done.kinds == ('boxes', 'ir', 'masks', 'vi')
    expected = {
        f'{split}/{folder}/{name}': data
        for split in ('train', 'test')
        for folder, source in (
            ('ir', msrs[0] / split / 'ir'),
            ('vi', msrs[0] / split / 'vi'),
            ('Segmentation_labels', msrs[0] / split / 'Segmentation_labels'),
            ('labels', msrs[1] / 'fusion' / split),
        )
        for name, data in content(source).items()
    }
    assert len(expected) == 16
    assert content(out) == expected
    dataset = MSRSDataset(str(out), annotations=['boxes', 'masks'])
    assert len(dataset.get_data_info(1)['instances']) == 1


def test_again_does_nothing_and_other_files_are_refused(msrs, out):
    options = {'published': small('msrs')}
    prepare_dataset('msrs', msrs, out, **options)
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    again = prepare_dataset('msrs', msrs, out, **options)
    assert not again.written and again.pairs == {'train': 2, 'test': 2}
    (out / 'mine.txt').touch()
    assert not prepare_dataset('msrs', msrs, out, **options).written
    (out / 'mine.txt').unlink()
    with pytest.raises(FileExistsError, match='because it was not prepared from these files'):
        prepare_dataset('msrs', msrs[:1], out, **options)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    (out / 'train/ir/00001D.png').unlink()
    with pytest.raises(FileExistsError):
        prepare_dataset('msrs', msrs, out, **options)


def test_boxes_published_apart_may_be_absent(msrs, out):
    done = prepare_dataset('msrs', msrs[:1], out, published=small('msrs'))
    assert done.kinds == ('ir', 'masks', 'vi')
    assert len(done.warnings) == 2
    assert (
        'train/labels; see https://github.com/Lele-3/MSRS-detection-label' in done.warnings[0]
    )


def test_all_that_differs_is_listed(msrs, out, tmp_path):
    (msrs[0] / 'train/vi/00002N.png').unlink()
    (msrs[0] / 'test/Segmentation_labels/00004N.png').unlink()
    (msrs[1] / 'fusion/test/99999N.txt').touch()
    with pytest.raises(ValueError) as error:
        prepare_dataset('msrs', msrs, out, published=small('msrs'))
    for line in (
        'train: expected 2 pairs, found 1 pair of 2 images',
        'train/vi: missing: 00002N',
        'test/Segmentation_labels: missing: 00004N',
        'test/labels: extra: 99999N',
    ):
        assert f'\n  {line}' in str(error.value)
    assert not out.exists()
    done = prepare_dataset('msrs', msrs, out, allow_partial=True, published=small('msrs'))
    assert done.pairs == {'train': 1, 'test': 2}
    assert 'train/vi: missing: 00002N' in done.warnings
    assert 'test: pairs that cannot be used: 00004N' in done.warnings
    assert not (out / 'train/ir/00002N.png').exists()
    assert not (out / 'train/labels/00002N.txt').exists()
    assert not (out / 'test/labels/99999N.txt').exists()


def test_real_counts_refuse_a_part(msrs, out):
    message = 'train: expected 1083 pairs, found 2 pairs of 2 images'
    with pytest.raises(ValueError, match=message):
        prepare_dataset('msrs', msrs, out)
    assert not out.parent.exists()


def test_missing_and_doubled_folders(msrs, out):
    shutil.rmtree(msrs[0] / 'test' / 'vi')
    with pytest.raises(ValueError, match=r'test/vi: no such folder with vi in .*MSRS-main'):
        prepare_dataset('msrs', msrs, out, published=small('msrs'))
    shutil.copytree(msrs[0] / 'train', msrs[0] / 'copy' / 'train')
    with pytest.raises(ValueError, match=r'train/ir: found more than once: .*copy/train/ir'):
        prepare_dataset('msrs', msrs, out, published=small('msrs'))


def test_the_work_grows_with_the_number_of_files(msrs, out, monkeypatch):
    """The stored order is listed once for a source, not for each of 46 000 files."""
    listed = []

    class Sizes(dict):
        def __iter__(self):
            listed.append(len(self))
            return super().__iter__()

    def opened(path):
        source = FolderSource(path)
        source.sizes = Sizes(source.sizes)
        return source

    monkeypatch.setattr(prepare, 'open_source', opened)
    assert prepare_dataset('msrs', msrs, out, published=small('msrs')).written
    # Once to find the folders and once for the order, of two sources and 16 files.
    assert 0 < len(listed) <= 4


def test_links(msrs, out):
    done = prepare_dataset('msrs', msrs, out, link=True, published=small('msrs'))
    assert done.written
    path = out / 'test/ir/00003D.png'
    assert path.is_symlink() and path.resolve() == msrs[0] / 'test/ir/00003D.png'
    assert len(MSRSDataset(str(out), split='test')) == 2
    assert not prepare_dataset('msrs', msrs, out, link=True, published=small('msrs')).written
    with pytest.raises(ValueError, match='links need unpacked folders'):
        prepare_dataset('msrs', [zipped(msrs[0])], out, link=True)


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError('no space left')])
def test_interrupted_leaves_nothing(msrs, out, monkeypatch, error):
    calls = []

    def copy(self, name, target):
        calls.append(name)
        if len(calls) == 5:
            raise error
        shutil.copyfile(self.path / name, target)

    monkeypatch.setattr('tsjnet_mm.datasets.convert.sources.FolderSource.copy', copy)
    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        prepare_dataset('msrs', msrs, out, published=small('msrs'))
    assert len(calls) == 5
    assert not [*out.parent.iterdir()]


def test_what_a_killed_run_left_is_removed(msrs, out, left_by_the_dead):
    left_by_the_dead(out)
    prepare_dataset('msrs', msrs, out, published=small('msrs'))
    assert [path.name for path in out.parent.iterdir()] == ['set']
    assert {path.name for path in out.iterdir()} == {'train', 'test', prepare.MANIFEST}


def test_sizes(msrs, out):
    published = dataclasses.replace(small('msrs'), size=(640, 480))
    with pytest.raises(ValueError, match='expected pairs of 640x480, found 4 of 32x24'):
        prepare_dataset('msrs', msrs, out, published=published)
    assert not out.exists()
    varying = dataclasses.replace(published, size_is_fixed=False)
    done = prepare_dataset('msrs', msrs, out, published=varying)
    assert done.warnings == ('expected pairs of 640x480, found 4 of 32x24',)


def test_unusable_files_are_named_where_they_would_be(msrs, out):
    Image.new('L', (30, 24)).save(msrs[0] / 'test/ir/00004N.png')
    with pytest.raises(PairError, match=f'{out}/test/ir/00004N.png: different sizes'):
        prepare_dataset('msrs', msrs, out, published=small('msrs'))
    Image.fromarray(np.full(SIZE, 9, np.uint8)).save(
        msrs[0] / 'train/Segmentation_labels/00001D.png'
    )
    with pytest.raises(PairError, match=f'{out}/train/Seg.*/00001D.png: mask index out of'):
        prepare_dataset('msrs', msrs, out, published=small('msrs'))
    assert not [*out.parent.iterdir()]


def test_m3fd(pair_folder, tmp_path, out):
    root = pair_folder(root='M3FD_Detection', stems=('00000', '00001'), ir='Ir', vi='Vis')
    (root / 'Annotation').mkdir()
    for stem in ('00000', '00001'):
        (root / 'Annotation' / f'{stem}.xml').write_text(VOC.format('Lamp'))
    archive = zipped(root)
    fusion = prepare_dataset('m3fd-fusion', [archive], out, published=small('m3fd-fusion'))
    assert fusion.kinds == ('ir', 'vi') and fusion.pairs == {None: 2}
    out = out.with_name('detection')
    prepare_dataset('m3fd-detection', [archive], out, published=small('m3fd-detection'))
    assert {path.name for path in out.iterdir() if path.is_dir()} == {'Ir', 'Vis', 'Annotation'}
    (root / 'Annotation/00001.xml').write_text(VOC.format('Tram'))
    with pytest.raises(PairError, match=r'unknown class: .* 0 People.*found Tram'):
        prepare_dataset(
            'm3fd-detection', [root], tmp_path / 'new', published=small('m3fd-detection')
        )


def test_llvip_shares_its_annotations(pair_folder, tmp_path, out):
    for split, stems in (('train', ('010001', '010002')), ('test', ('190001', '190002'))):
        root = pair_folder(
            root='LLVIP', stems=stems, ir=f'infrared/{split}', vi=f'visible/{split}'
        )
        (root / 'Annotations').mkdir(exist_ok=True)
        for stem in stems:
            (root / 'Annotations' / f'{stem}.xml').write_text(VOC.format('person'))
    done = prepare_dataset('llvip', [root], out, published=small('llvip'))
    assert done.pairs == {'train': 2, 'test': 2} and not done.warnings
    assert len([*(out / 'Annotations').iterdir()]) == 4
    (root / 'Annotations/190002.xml').unlink()
    with pytest.raises(ValueError, match='\n  Annotations: missing: 190002'):
        prepare_dataset('llvip', [root], tmp_path / 'new', published=small('llvip'))


def test_roadscene_leaves_the_other_folders(pair_folder, out):
    for vi in ('crop_LR_visible', 'crop_HR_visible'):
        root = pair_folder(root='RoadScene-master', stems='ab', ir='cropinfrared', vi=vi)
    (root / 'crop_LR_visible' / 'Thumbs.db').touch()
    prepare_dataset('roadscene', [root], out, published=small('roadscene'))
    assert {*content(out)} == {
        f'{folder}/{stem}.png'
        for folder in ('cropinfrared', 'crop_LR_visible')
        for stem in 'ab'
    }


@pytest.mark.parametrize('link', [False, True])
def test_fmb_colours_become_index_images(pair_folder, out, link):
    palette = np.array(FMBDataset.METAINFO['seg_palette'], np.uint8)
    index = np.arange(24 * 32, dtype=np.uint8).reshape(SIZE) % 15
    for split in ('train', 'test'):
        root = pair_folder(
            root=f'FMB/{split}',
            stems='ab',
            ir='Infrared',
            vi='Visible',
            seg_classes=15,
            masks='Label',
        )
        Image.fromarray(palette[index]).save(root / 'Label' / 'a.png')
    prepare_dataset('fmb', [root.parent], out, link, published=small('fmb'))
    assert np.array_equal(read_mask(out / 'train/Label/a.png'), index)
    assert (out / 'train/Label/b.png').is_symlink() == link
    assert Image.open(root / 'Label' / 'a.png').mode == 'RGB'


def test_real_pairs(real_data, out):
    done = prepare_dataset('msrs', [real_data / 'MSRS'], out, link=True, allow_partial=True)
    assert done.pairs == {'train': 34, 'test': 180}
    assert done.kinds == ('boxes', 'ir', 'vi')
    assert 'test: expected 361 pairs, found 180 pairs of 180 images' in done.warnings
    assert len(MSRSDataset(str(out), split='test')) == 180
