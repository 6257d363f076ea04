import contextlib
import io
import xml.etree.ElementTree as ElementTree

import pytest
from mmdet.datasets import CocoDataset, XMLDataset
from pycocotools.coco import COCO

from tsjnet_mm.datasets.annotations import build_label_reader
from tsjnet_mm.datasets.label_writers import coco_dict, write_coco, write_voc, write_yolo

SIZE = (48, 64)
CLASSES = ('person', 'car', 'bus')
LABELS = {name: label for label, name in enumerate(CLASSES)}


def instance(label, box, ignore=0, **score):
    return {'bbox': list(box), 'bbox_label': label, 'ignore_flag': ignore, **score}


#: Two of whole pixels, one to every border, two of fractions; the second of them a crowd.
INSTANCES = [
    instance(2, (3, 4, 10, 20)),
    instance(1, (0, 0, 64, 48)),
    instance(0, (30.5, 7.25, 50.125, 11.1), score=0.75),
    instance(1, (1 / 3, 2 / 3, 12.3456789, 40.0001), ignore=1),
]


def image(stem, instances, size=SIZE):
    return {
        'file_name': f'{stem}.png',
        'height': size[0],
        'width': size[1],
        'instances': instances,
    }


def without_scores(instances):
    return [{key: value for key, value in item.items() if key != 'score'} for item in instances]


@pytest.fixture
def coco(tmp_path):
    path = tmp_path / 'boxes.json'
    write_coco(path, [image('a', INSTANCES), image('empty', [])], CLASSES)
    return str(path)


@pytest.mark.parametrize('stem', ['a', 'a.b', '00001D'])
def test_yolo_reads_back(tmp_path, stem):
    write_yolo(tmp_path / f'{stem}.txt', INSTANCES, SIZE)
    read = build_label_reader(str(tmp_path), LABELS)(stem, SIZE)
    assert [item['bbox_label'] for item in read] == [2, 1, 0]
    for item, written in zip(read, INSTANCES[:3], strict=True):
        assert item['bbox'] == pytest.approx(written['bbox'], abs=1e-7)


def test_yolo_lines(tmp_path):
    path = tmp_path / 'labels' / 'a.txt'
    write_yolo(path, INSTANCES, SIZE)
    lines = path.read_text().splitlines()
    assert lines[0] == '2 0.1015625 0.25 0.109375 0.3333333333'
    assert lines[1] == '1 0.5 0.5 1 1'
    assert [len(line.split()) for line in lines] == [5, 5, 6]
    assert lines[2].endswith(' 0.75')


@pytest.mark.parametrize('instances', [[], [instance(0, (1, 1, 2, 2), ignore=1)]])
def test_yolo_without_objects_is_an_empty_file(tmp_path, instances):
    write_yolo(tmp_path / 'a.txt', instances, SIZE)
    assert (tmp_path / 'a.txt').read_bytes() == b''
    assert build_label_reader(str(tmp_path), LABELS)('a', SIZE) == []


@pytest.mark.parametrize('stem', ['a', 'a.b'])
def test_voc_reads_back_exactly(tmp_path, stem):
    write_voc(tmp_path / f'{stem}.xml', INSTANCES, SIZE, CLASSES, f'{stem}.png')
    read = build_label_reader(str(tmp_path), LABELS)(stem, SIZE)
    assert read == without_scores(INSTANCES)


def test_voc_elements(tmp_path):
    write_voc(tmp_path / 'a.xml', INSTANCES, SIZE, CLASSES, 'a & b.png')
    root = ElementTree.parse(tmp_path / 'a.xml').getroot()
    assert root.findtext('filename') == 'a & b.png'
    assert [root.findtext(f'size/{key}') for key in ('width', 'height', 'depth')] == [
        *('64', '48', '3')
    ]
    assert [item.findtext('difficult') for item in root.iter('object')] == ['0', '0', '0', '1']
    assert [item.findtext('confidence') for item in root.iter('object')] == [
        *(None, None, '0.75', None)
    ]
    assert root.findtext('object/bndbox/xmax') == '10'


def test_voc_without_objects(tmp_path):
    write_voc(tmp_path / 'a.xml', [], SIZE, CLASSES, 'a.png')
    assert build_label_reader(str(tmp_path), LABELS, 'voc')('a', SIZE) == []


def read_by_mmdet(folder, **options):
    (folder / 'list.txt').write_text('a\n')
    dataset = XMLDataset(
        data_root=str(folder),
        ann_file='list.txt',
        ann_subdir='',
        data_prefix={'sub_data_root': ''},
        metainfo={'classes': CLASSES},
        pipeline=[],
        **options,
    )
    return dataset.get_data_info(0)


def test_mmdet_reads_rounded_voc_boxes(tmp_path):
    write_voc(tmp_path / 'a.xml', INSTANCES, SIZE, CLASSES, 'a.png', for_mmdet=True)
    info = read_by_mmdet(tmp_path)
    assert (info['height'], info['width']) == SIZE
    assert [item['bbox'] for item in info['instances']] == [
        [3, 4, 10, 20],
        [0, 0, 64, 48],
        [30, 7, 50, 11],
        [0, 1, 12, 40],
    ]
    assert [item['bbox_label'] for item in info['instances']] == [2, 1, 0, 1]
    assert [item['ignore_flag'] for item in info['instances']] == [0, 0, 0, 1]


def test_mmdet_takes_one_off_corners_as_they_stand(tmp_path):
    write_voc(tmp_path / 'a.xml', INSTANCES[:1], SIZE, CLASSES, 'a.png')
    assert read_by_mmdet(tmp_path)['instances'][0]['bbox'] == [2, 3, 9, 19]


@pytest.mark.parametrize(
    ('box', 'expected'),
    [((5.1, 5.2, 5.3, 5.4), [5, 5, 6, 6]), ((63.6, 47.6, 64, 48), [63, 47, 64, 48])],
)
def test_rounded_voc_box_keeps_an_area(tmp_path, box, expected):
    write_voc(tmp_path / 'a.xml', [instance(0, box)], SIZE, CLASSES, 'a.png', for_mmdet=True)
    assert read_by_mmdet(tmp_path)['instances'][0]['bbox'] == expected


def test_coco_reads_back(coco):
    reader = build_label_reader(coco, LABELS)
    read = reader('a', SIZE)
    for item, written in zip(read, without_scores(INSTANCES), strict=True):
        assert item['bbox'] == pytest.approx(written.pop('bbox'), abs=1e-12)
        assert {key: item[key] for key in written} == written
    assert reader('empty', SIZE) == []


def test_pycocotools_reads_coco(coco):
    with contextlib.redirect_stdout(io.StringIO()):
        content = COCO(coco)
    assert content.getImgIds() == [1, 2]
    assert content.getCatIds(catNms=['car']) == [2]
    assert [item['id'] for item in content.loadAnns(content.getAnnIds(iscrowd=False))] == [
        *(1, 2, 3)
    ]
    found = content.loadAnns(content.getAnnIds(imgIds=[1], catIds=[3]))
    assert found == [
        {
            'id': 1,
            'image_id': 1,
            'category_id': 3,
            'bbox': [3, 4, 7, 16],
            'area': 112,
            'iscrowd': 0,
        }
    ]
    assert content.loadAnns([3])[0]['score'] == 0.75


@pytest.mark.parametrize('classes', [CLASSES, ('car', 'person')])
def test_mmdet_reads_coco(coco, classes):
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = CocoDataset(
            ann_file=coco,
            data_prefix={'img': ''},
            metainfo={'classes': classes},
            pipeline=[],
            test_mode=True,
        )
    assert len(dataset) == 2
    read = dataset.get_data_info(0)['instances']
    file_order = [name for name in CLASSES if name in classes]
    expected = [item for item in INSTANCES if CLASSES[item['bbox_label']] in classes]
    for item, written in zip(read, expected, strict=True):
        assert item['bbox'] == pytest.approx(written['bbox'], abs=1e-9)
        assert item['ignore_flag'] == written['ignore_flag']
        assert file_order[item['bbox_label']] == CLASSES[written['bbox_label']]
    assert dataset.get_data_info(1)['instances'] == []


def test_coco_dict_counts_over_images():
    content = coco_dict(iter([image('a', INSTANCES[:2]), image('b', INSTANCES[2:])]), CLASSES)
    assert [item['id'] for item in content['annotations']] == [1, 2, 3, 4]
    assert [item['image_id'] for item in content['annotations']] == [1, 1, 2, 2]
    assert content['images'][1] == {'id': 2, 'file_name': 'b.png', 'height': 48, 'width': 64}


@pytest.mark.parametrize('label', [3, -1])
def test_label_without_a_name(tmp_path, label):
    instances = [instance(label, (1, 1, 2, 2))]
    with pytest.raises(ValueError, match=rf'a\.png: label {label} has no name among the 3'):
        write_coco(tmp_path / 'a.json', [image('a', instances)], CLASSES)
    with pytest.raises(ValueError, match=rf'a\.xml: label {label} has no name among the 3'):
        write_voc(tmp_path / 'a.xml', instances, SIZE, CLASSES, 'a.png')
    assert list(tmp_path.iterdir()) == []
