import json

import pytest

from tsjnet_mm.datasets.annotations import build_label_reader, detect_label_format
from tsjnet_mm.io.errors import PairError

SIZE = (48, 64)
LABELS = {'person': 0, 'car': 1}
OBJECTS = [('person', 3, 4, 10, 20), ('car', 0, 0, 64, 48), ('person', 30.5, 7.25, 50, 11)]


def write_yolo(folder, stem, objects):
    height, width = SIZE
    folder.mkdir(exist_ok=True)
    (folder / f'{stem}.txt').write_text(
        '\n'.join(
            f'{list(LABELS).index(name)} {(x1 + x2) / 2 / width} {(y1 + y2) / 2 / height} '
            f'{(x2 - x1) / width} {(y2 - y1) / height}'
            for name, x1, y1, x2, y2 in objects
        )
    )
    return folder


def write_voc(folder, stem, objects, difficult=0):
    folder.mkdir(exist_ok=True)
    items = ''.join(
        f'<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>'
        f'<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>'
        for name, x1, y1, x2, y2 in objects
    )
    (folder / f'{stem}.xml').write_text(f'<annotation>{items}</annotation>')
    return folder


def write_coco(path, stem, objects, iscrowd=0):
    ids = {name: 10 + number for number, name in enumerate(reversed(LABELS))}
    content = {
        'images': [
            {'id': 7, 'file_name': f'vi/{stem}.jpg'},
            {'id': 8, 'file_name': 'empty.jpg'},
        ],
        'categories': [{'id': number, 'name': name} for name, number in ids.items()],
        'annotations': [
            {
                'id': number,
                'image_id': 7,
                'category_id': ids.get(name, name),
                'bbox': [x1, y1, x2 - x1, y2 - y1],
                'iscrowd': iscrowd,
            }
            for number, (name, x1, y1, x2, y2) in enumerate(objects)
        ],
    }
    path.write_text(json.dumps(content))
    return path


def write(kind, tmp_path, stem, objects):
    if kind == 'coco':
        return str(write_coco(tmp_path / 'boxes.json', stem, objects))
    writer = {'yolo': write_yolo, 'voc': write_voc}[kind]
    return str(writer(tmp_path / 'labels', stem, objects))


KINDS = pytest.mark.parametrize('kind', ['yolo', 'voc', 'coco'])


@KINDS
@pytest.mark.parametrize('stem', ['a', 'a.b', '00001D'])
def test_all_formats_read_the_same_boxes(tmp_path, kind, stem):
    path = write(kind, tmp_path, stem, OBJECTS)
    assert detect_label_format(path) == kind
    instances = build_label_reader(path, LABELS)(stem, SIZE)
    assert [item['bbox_label'] for item in instances] == [0, 1, 0]
    assert [item['ignore_flag'] for item in instances] == [0, 0, 0]
    for item, (_, *box) in zip(instances, OBJECTS, strict=True):
        assert item['bbox'] == pytest.approx(box, abs=1e-9)


@KINDS
def test_classes_not_wanted_are_left_out(tmp_path, kind):
    path = write(kind, tmp_path, 'a', OBJECTS)
    instances = build_label_reader(path, {'person': None, 'car': 0})('a', SIZE)
    assert [(item['bbox_label'], item['bbox']) for item in instances] == [(0, [0, 0, 64, 48])]


@KINDS
def test_box_reaching_out_a_little_is_clipped(tmp_path, kind):
    path = write(kind, tmp_path, 'a', [('car', -1.5, 5, 65.75, 49)])
    (instance,) = build_label_reader(path, LABELS)('a', SIZE)
    assert instance['bbox'] == pytest.approx([0, 5, 64, 48])
    with pytest.raises(PairError, match=r'up to 0\.5 px out'):
        build_label_reader(path, LABELS, tolerance=0.5)('a', SIZE)


@KINDS
@pytest.mark.parametrize(
    'box',
    [(-5, 1, 10, 10), (60, 1, 70, 10), (1, 40, 9, 60), (80, 80, 90, 90), (5, 5, 5, 9)],
)
def test_box_outside_or_without_area_raises(tmp_path, kind, box):
    path = write(kind, tmp_path, 'a', [('car', *box)])
    with pytest.raises(PairError, match=r'label outside the image.*64x48.*corners') as caught:
        build_label_reader(path, LABELS)('a', SIZE)
    assert caught.value.reason == 'label outside the image'
    assert ('boxes.json' if kind == 'coco' else 'labels/a.') in str(caught.value)


@KINDS
def test_no_objects(tmp_path, kind):
    path = write(kind, tmp_path, 'a', [])
    assert build_label_reader(path, LABELS)('a', SIZE) == []


def test_empty_files_and_blank_lines(tmp_path):
    (tmp_path / 'a.txt').write_text('')
    (tmp_path / 'b.txt').write_text('\n  \n1 0.5 0.5 0.5 0.5  \n\n')
    (tmp_path / 'a.xml').write_text('')
    yolo = build_label_reader(str(tmp_path), LABELS, 'yolo')
    assert yolo('a', SIZE) == []
    assert len(yolo('b', SIZE)) == 1
    assert build_label_reader(str(tmp_path), LABELS, 'voc')('a', SIZE) == []


@KINDS
def test_missing_labels_raise(tmp_path, kind):
    path = write(kind, tmp_path, 'a', OBJECTS)
    with pytest.raises(PairError, match='other') as caught:
        build_label_reader(path, LABELS)('other', SIZE)
    assert caught.value.reason == 'missing label file'


def test_unknown_class_names_the_object_and_the_known_ones(tmp_path):
    yolo = write_yolo(tmp_path / 'yolo', 'a', OBJECTS)
    (yolo / 'a.txt').write_text('0 .5 .5 .1 .1\n2 .5 .5 .1 .1\n')
    voc = write_voc(tmp_path / 'voc', 'a', [*OBJECTS, ('tram', 1, 1, 2, 2)])
    coco = write_coco(tmp_path / 'c.json', 'a', OBJECTS)
    coco.write_text(coco.read_text().replace('"person"', '"tram"'))
    known = 'one of 0 person, 1 car'
    for path, found in (
        (yolo, f'yolo/a.txt: unknown class: expected {known}, found class 2 in line 2'),
        (voc, f'voc/a.xml: unknown class: expected {known}, found tram in object 4'),
        (coco, f'c.json: unknown class: expected {known}, found tram in annotation 0 of a'),
    ):
        with pytest.raises(PairError, match=found):
            build_label_reader(str(path), LABELS)('a', SIZE)


def test_yolo_confidence_is_read_over(tmp_path):
    plain, scored = tmp_path / 'a.txt', tmp_path / 'b.txt'
    plain.write_text('1 .5 .5 .1 .1\n0 .5 .5 .2 .2\n1 .4 .4 .1 .1\n')
    scored.write_text('1 .5 .5 .1 .1 .9\n0 .5 .5 .2 .2 0\n1 .4 .4 .1 .1 1\n')
    reader = build_label_reader(str(tmp_path), LABELS)
    assert reader('b', SIZE) == reader('a', SIZE)
    assert set(reader('b', SIZE)[0]) == {'bbox', 'bbox_label', 'ignore_flag'}


@pytest.mark.parametrize('confidence', ['1.01', '-0.1', 'nan', 'x', '.5 .5'])
def test_yolo_confidence_out_of_range(tmp_path, confidence):
    (tmp_path / 'a.txt').write_text(f'0 .5 .5 .1 .1 {confidence}\n')
    with pytest.raises(PairError, match=r'at most a confidence in 0\.\.1 .*in line 1'):
        build_label_reader(str(tmp_path), LABELS)('a', SIZE)


@pytest.mark.parametrize(
    'line', ['0 .5 .5 .1', 'car .5 .5 .1 .1', '0 .5 x .1 .1', '0 nan 0 1 1', '0']
)
def test_malformed_yolo_line(tmp_path, line):
    (tmp_path / 'a.txt').write_text(f'0 .5 .5 .1 .1\n{line}\n')
    with pytest.raises(PairError, match=r'a\.txt: malformed label.*in line 2'):
        build_label_reader(str(tmp_path), LABELS)('a', SIZE)


def test_negative_yolo_class_is_unknown(tmp_path):
    (tmp_path / 'a.txt').write_text('-1 .5 .5 .1 .1\n')
    with pytest.raises(PairError, match='class -1 in line 1'):
        build_label_reader(str(tmp_path), LABELS)('a', SIZE)


@pytest.mark.parametrize(
    'text',
    [
        '<annotation><object>',
        '<annotation><object><name>car</name></object></annotation>',
        '<annotation><object><name>car</name><bndbox><xmin>a</xmin><ymin>1</ymin>'
        '<xmax>3</xmax><ymax>3</ymax></bndbox></object></annotation>',
    ],
)
def test_malformed_voc(tmp_path, text):
    (tmp_path / 'a.xml').write_text(text)
    with pytest.raises(PairError, match=r'a\.xml: malformed label'):
        build_label_reader(str(tmp_path), LABELS)('a', SIZE)


@pytest.mark.parametrize('text', ['{', '[]', '{"images": []}'])
def test_malformed_coco(tmp_path, text):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(PairError, match=r'a\.json: malformed label: expected a COCO json'):
        build_label_reader(str(tmp_path / 'a.json'), LABELS)


def test_coco_of_two_images_of_one_name(tmp_path):
    path = write_coco(tmp_path / 'a.json', 'empty', OBJECTS)
    with pytest.raises(PairError, match='empty twice'):
        build_label_reader(str(path), LABELS)


def test_coco_annotation_of_no_category(tmp_path):
    path = write_coco(tmp_path / 'a.json', 'a', [(99, 1, 1, 5, 5)])
    with pytest.raises(PairError, match=r'malformed label.*annotation 0 of a'):
        build_label_reader(str(path), LABELS)('a', SIZE)


def test_difficult_and_crowd_are_ignored(tmp_path):
    voc = write_voc(tmp_path / 'voc', 'a', OBJECTS, difficult=1)
    coco = write_coco(tmp_path / 'a.json', 'a', OBJECTS, iscrowd=1)
    for path in (voc, coco):
        instances = build_label_reader(str(path), LABELS)('a', SIZE)
        assert [item['ignore_flag'] for item in instances] == [1, 1, 1]


def test_format_that_cannot_be_told(tmp_path):
    folder = write_yolo(tmp_path / 'labels', 'a', OBJECTS)
    write_voc(folder, 'a', OBJECTS)
    with pytest.raises(PairError, match=r'labels: unknown label format.*\.txt and \.xml'):
        detect_label_format(str(folder))
    assert len(build_label_reader(str(folder), LABELS, 'voc')('a', SIZE)) == 3
    (tmp_path / 'none').mkdir()
    with pytest.raises(PairError, match='none of these'):
        detect_label_format(str(tmp_path / 'none'))
    with pytest.raises(ValueError, match=r"label_format must be .* got 'pascal'"):
        build_label_reader(str(folder), LABELS, 'pascal')


def test_list_of_classes_is_no_label_file(tmp_path):
    folder = write_voc(tmp_path / 'labels', 'a', OBJECTS)
    (folder / 'classes.txt').write_text('person\ncar\n')
    assert detect_label_format(str(folder)) == 'voc'
