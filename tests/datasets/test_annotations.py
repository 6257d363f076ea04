import json
import unicodedata
from pathlib import Path

import pytest

from tsjnet_mm.datasets.annotations import build_label_reader, detect_label_format
from tsjnet_mm.io.errors import PairError

SIZE = (48, 64)
LABELS = {'person': 0, 'car': 1}
OBJECTS = [('person', 3, 4, 10, 20), ('car', 0, 0, 64, 48), ('person', 30.5, 7.25, 50, 11)]


def write_yolo(folder, stem, objects):
    height, width = SIZE
    folder.mkdir(exist_ok=True, parents=True)
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


ENCODINGS = {
    'utf-8-sig': None,
    'utf-16': None,
    'gbk': 'gbk',
    'cp1252': 'cp1252',
}


def recode(path, encoding, newline='\n'):
    text = path.read_text().replace('\n', newline)
    path.write_bytes(text.encode(encoding))


@KINDS
@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('newline', ['\n', '\r\n', '\r'])
def test_encodings_and_newlines(tmp_path, kind, encoding, newline):
    path = write(kind, tmp_path, 'a', OBJECTS)
    expected = build_label_reader(path, LABELS)('a', SIZE)
    (file,) = [path] if kind == 'coco' else (tmp_path / 'labels').iterdir()
    recode(Path(file), encoding, newline)
    given = ENCODINGS[encoding]
    assert build_label_reader(path, LABELS, encoding=given)('a', SIZE) == expected


def test_names_of_classes_in_other_alphabets(tmp_path):
    labels = {'汽车': 0, '人': 1}
    (tmp_path / 'a.xml').write_bytes(
        '<?xml version="1.0" encoding="GBK"?><annotation><object><name>人</name><bndbox>'
        '<xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></object>'
        '</annotation>'.encode('gbk')
    )
    assert build_label_reader(str(tmp_path), labels)('a', SIZE)[0]['bbox_label'] == 1
    path = write_coco(tmp_path / 'c.json', 'a', OBJECTS)
    text = json.dumps(json.loads(path.read_text())).replace('person', '汽车')
    path.write_bytes(text.replace('"car"', '"人"').encode('gbk'))
    reader = build_label_reader(str(path), labels, encoding='gbk')
    assert [item['bbox_label'] for item in reader('a', SIZE)] == [0, 1, 0]
    with pytest.raises(PairError, match=r'c\.json: unreadable text: .*byte 0x'):
        build_label_reader(str(path), labels)


def test_unreadable_text_names_the_line(tmp_path):
    (tmp_path / 'a.txt').write_bytes(b'0 .5 .5 .1 .1\n# Stra\xdfe\n')
    with pytest.raises(PairError, match=r'a\.txt: unreadable text: .*0xdf in line 2') as error:
        build_label_reader(str(tmp_path), LABELS)('a', SIZE)
    assert error.value.reason == 'unreadable text'
    assert len(build_label_reader(str(tmp_path), LABELS, encoding='latin-1')('a', SIZE)) == 1


def test_yolo_as_tools_write_it(tmp_path):
    (tmp_path / 'a.txt').write_text('# by hand\n\n0.0 .5 .5 .1 .1\n1. .5 .5 .1 .1 # far\n')
    reader = build_label_reader(str(tmp_path), LABELS)
    assert [item['bbox_label'] for item in reader('a', SIZE)] == [0, 1]
    for word in ('0.5', 'nan', 'inf', '1e400', '0x1'):
        (tmp_path / 'a.txt').write_text(f'0 .5 .5 .1 .1\n{word} .5 .5 .1 .1\n')
        with pytest.raises(PairError, match=rf'a\.txt: malformed label: .*{word}.*in line 2'):
            reader('a', SIZE)
    for word in ('1e300', '9' * 300):
        (tmp_path / 'a.txt').write_text(f'{word} .5 .5 .1 .1\n')
        with pytest.raises(PairError, match=r'a\.txt: unknown class') as error:
            reader('a', SIZE)
        assert len(str(error.value)) < 300


@pytest.mark.parametrize('kind, extension', [('yolo', '.TXT'), ('voc', '.XML')])
def test_extensions_in_capitals(tmp_path, kind, extension):
    folder = Path(write(kind, tmp_path, 'my image 1', OBJECTS))
    expected = build_label_reader(str(folder), LABELS)('my image 1', SIZE)
    (file,) = folder.iterdir()
    file.rename(file.with_suffix(extension))
    assert detect_label_format(str(folder)) == kind
    assert build_label_reader(str(folder), LABELS)('my image 1', SIZE) == expected
    write(kind, tmp_path, 'my image 1', OBJECTS)
    with pytest.raises(PairError, match='ambiguous name: expected labels of my image 1 once'):
        build_label_reader(str(folder), LABELS)('my image 1', SIZE)


def test_labels_in_sub_folders(tmp_path):
    write_yolo(tmp_path / 'labels', 'a', OBJECTS)
    write_yolo(tmp_path / 'labels/one', 'b', OBJECTS[:1])
    write_yolo(tmp_path / 'labels/two', 'a', [])
    reader = build_label_reader(str(tmp_path / 'labels'), LABELS)
    # The whole path counts before the name alone.
    assert [len(reader(stem, SIZE)) for stem in ('a', 'b', 'one/b', 'two/a')] == [3, 1, 1, 0]
    write_yolo(tmp_path / 'labels/two', 'b', [])
    reader = build_label_reader(str(tmp_path / 'labels'), LABELS)
    with pytest.raises(PairError, match=r'ambiguous name: .*found one/b\.txt, two/b\.txt'):
        reader('b', SIZE)


def test_composed_and_decomposed_letters_are_the_same(tmp_path):
    write_yolo(tmp_path, unicodedata.normalize('NFD', 'é'), OBJECTS)
    reader = build_label_reader(str(tmp_path), LABELS)
    assert len(reader(unicodedata.normalize('NFC', 'é'), SIZE)) == 3


@pytest.mark.parametrize(
    'word, flag',
    [
        ('0', 0),
        ('1', 1),
        ('False', 0),
        ('true', 1),
        ('TRUE', 1),
        ('', 0),
        (' no ', 0),
        ('1.0', 1),
    ],
)
def test_words_for_difficult(tmp_path, word, flag):
    write_voc(tmp_path, 'a', OBJECTS, difficult=word)
    instances = build_label_reader(str(tmp_path), LABELS)('a', SIZE)
    assert [item['ignore_flag'] for item in instances] == [flag] * 3


def test_difficult_that_is_no_flag_is_named_and_not_the_box(tmp_path):
    write_voc(tmp_path, 'a', OBJECTS, difficult='maybe')
    with pytest.raises(PairError, match=r"a\.xml: .*<difficult> of object 1.*'maybe'") as error:
        build_label_reader(str(tmp_path), LABELS)('a', SIZE)
    assert 'bndbox' not in str(error.value)


def test_xml_of_another_kind_is_not_taken_for_no_objects(tmp_path):
    (tmp_path / 'a.xml').write_text('<svg><object/></svg>')
    with pytest.raises(PairError, match=r'a\.xml: malformed label: .*<annotation>.*<svg>'):
        build_label_reader(str(tmp_path), LABELS)('a', SIZE)


def state_size(kind, path, width, height):
    path = Path(path)
    if kind == 'coco':
        content = json.loads(path.read_text())
        content['images'][0].update(width=width, height=height)
        path.write_text(json.dumps(content))
    else:
        (file,) = path.iterdir()
        size = f'<size><width>{width}</width><height>{height}</height></size>'
        size = size.replace('None', '')
        text = file.read_text().replace('<annotation>', f'<annotation>{size}', 1)
        file.write_text(text)


@pytest.mark.parametrize('kind', ['voc', 'coco'])
def test_size_that_is_stated(tmp_path, kind):
    path = write(kind, tmp_path, 'a', OBJECTS)
    state_size(kind, path, 64, 48)
    assert len(build_label_reader(path, LABELS)('a', SIZE)) == 3
    name = r'boxes\.json' if kind == 'coco' else r'labels/a\.xml'
    with pytest.raises(
        PairError, match=rf'{name}: labels for another size: expected 32x24 .*found 64x48'
    ) as error:
        build_label_reader(path, LABELS)('a', (24, 32))
    assert error.value.reason == 'labels for another size'
    with pytest.raises(PairError, match=r'expected 48x64 .*found 64x48'):
        build_label_reader(path, LABELS)('a', (64, 48))


@pytest.mark.parametrize('kind', ['voc', 'coco'])
@pytest.mark.parametrize('width, height', [(0, 0), (None, None), (0, 48)])
def test_size_that_is_not_stated(tmp_path, kind, width, height):
    path = write(kind, tmp_path, 'a', OBJECTS)
    state_size(kind, path, width, height)
    assert len(build_label_reader(path, LABELS)('a', SIZE)) == 3


@pytest.mark.parametrize('kind', ['voc', 'coco'])
def test_size_that_is_no_number(tmp_path, kind):
    path = write(kind, tmp_path, 'a', OBJECTS)
    state_size(kind, path, 'wide', 48)
    with pytest.raises(PairError, match=r'malformed label: expected .* size.*wide'):
        build_label_reader(path, LABELS)('a', SIZE)


@KINDS
def test_labels_without_an_image_are_named(tmp_path, kind):
    path = write(kind, tmp_path, 'a', OBJECTS)
    if kind != 'coco':
        for number in range(7):
            write(kind, tmp_path, f'old{number}', OBJECTS)
    reader = build_label_reader(path, LABELS)
    reader.assign(['a', 'b'])
    (note,) = reader.notes()
    some = 'empty.jpg' if kind == 'coco' else 'old4'
    count = 1 if kind == 'coco' else 7
    assert note.startswith(f'{path}: labels without an image, not used: {count} (')
    assert some in note and note.endswith(')' if kind == 'coco' else ' and 2 more)')
    reader = build_label_reader(path, LABELS)
    reader.assign(['a', 'b'], shared=True)
    assert reader.notes() == []


@KINDS
def test_labels_may_differ_by_an_affix(tmp_path, kind):
    path = write(kind, tmp_path, 'a', OBJECTS)
    reader = build_label_reader(path, LABELS)
    reader.assign(['a_vis', 'empty'])
    assert len(reader('a_vis', SIZE)) == 3
    assert reader.notes() == []


def test_voc_of_another_image_is_noted(tmp_path):
    for stem, name in (('a', r'C:\mine\a.jpg'), ('b', 'a.jpg'), ('c', 'c_vis.png')):
        write_voc(tmp_path, stem, OBJECTS)
        text = (tmp_path / f'{stem}.xml').read_text()
        (tmp_path / f'{stem}.xml').write_text(
            text.replace('<annotation>', f'<annotation><filename>{name}</filename>')
        )
    reader = build_label_reader(str(tmp_path), LABELS)
    assert [len(reader(stem, SIZE)) for stem in 'abc'] == [3, 3, 3]
    assert reader.notes() == [
        f'{tmp_path}: labels that name another image, used all the same: 1 (b names a.jpg)'
    ]


def change(path, **changes):
    content = json.loads(path.read_text())
    for key, edit in changes.items():
        edit(content[key])
    path.write_text(json.dumps(content))


def test_coco_annotations_of_no_image_are_noted(tmp_path):
    path = write_coco(tmp_path / 'c.json', 'a', OBJECTS)
    change(path, annotations=lambda items: items[1].update(image_id=99))
    reader = build_label_reader(str(path), LABELS)
    assert len(reader('a', SIZE)) == 2
    assert reader.notes() == [
        f'{path}: annotations of images that are not in it, not used: 1 (image_id 99)'
    ]


@pytest.mark.parametrize(
    'changes, found',
    [
        ({'annotations': lambda a: a[0].update(category_id=77)}, 'category_id 77'),
        ({'annotations': lambda a: a[0].update(bbox='1234')}, "bbox '1234'"),
        ({'annotations': lambda a: a[0].update(bbox=[1, 2, 3])}, 'not enough values'),
        ({'annotations': lambda a: a[0].update(bbox=[1, 2, 3, 10**400])}, 'too large'),
        ({'annotations': lambda a: a[0].update(category_id=[1])}, 'unhashable'),
        ({'annotations': lambda a: a[0].update(iscrowd=[0])}, 'neither true nor false'),
        ({'annotations': lambda a: a[0].pop('bbox')}, "KeyError\\('bbox'\\)"),
    ],
)
def test_coco_annotation_that_is_malformed(tmp_path, changes, found):
    path = write_coco(tmp_path / 'c.json', 'a', OBJECTS)
    change(path, **changes)
    reader = build_label_reader(str(path), LABELS)
    assert reader('empty', SIZE) == []
    with pytest.raises(PairError, match=rf'c\.json: malformed label: .* of a, found .*{found}'):
        reader('a', SIZE)


@pytest.mark.parametrize(
    'changes, found',
    [
        ({'categories': lambda c: c[0].update(name=['car'])}, 'name is no text'),
        ({'categories': lambda c: c[0].update(name=None)}, 'name is no text'),
        ({'categories': lambda c: c[0].update(id=c[1]['id'])}, 'an id of categories twice'),
        ({'categories': lambda c: c[0].update(id=[])}, 'unhashable'),
        ({'images': lambda i: i[0].update(id=i[1]['id'])}, 'an id of images twice'),
        ({'images': lambda i: i[0].update(file_name=['a'])}, 'no attribute'),
        ({'images': lambda i: i.append(None)}, 'not subscriptable'),
        ({'annotations': lambda a: a[0].update(image_id={})}, 'unhashable'),
        ({'annotations': lambda a: a.append('x')}, 'indices must be integers'),
    ],
)
def test_coco_that_is_malformed(tmp_path, changes, found):
    path = write_coco(tmp_path / 'c.json', 'a', OBJECTS)
    change(path, **changes)
    with pytest.raises(PairError, match=rf'c\.json: malformed label: .*{found}'):
        build_label_reader(str(path), LABELS)


def test_coco_flags_and_file_names_as_tools_write_them(tmp_path):
    path = write_coco(tmp_path / 'c.json', 'a', OBJECTS)

    def edit(items):
        for item, flag in zip(items, (None, True, 0), strict=True):
            item['iscrowd'] = flag

    change(path, annotations=edit, images=lambda i: i[0].update(file_name='data\\vi\\a.PNG'))
    instances = build_label_reader(str(path), LABELS)('a', SIZE)
    assert [item['ignore_flag'] for item in instances] == [0, 1, 0]


def test_coco_of_equal_names_in_folders(tmp_path):
    path = write_coco(tmp_path / 'c.json', 'a', OBJECTS)

    def edit(images):
        images[0]['file_name'], images[1]['file_name'] = 'one/a.jpg', 'two/a.jpg'

    change(path, images=edit)
    reader = build_label_reader(str(path), LABELS)
    assert [len(reader(stem, SIZE)) for stem in ('one/a', 'two/a')] == [3, 0]
    with pytest.raises(PairError, match='ambiguous name'):
        reader('a', SIZE)


def test_list_of_other_classes_beside_yolo_labels_is_noted(tmp_path):
    folder = write_yolo(tmp_path / 'labels', 'a', OBJECTS)
    (folder / 'classes.txt').write_bytes('\ufeffPerson\r\ncar\r\ndog\r\n'.encode())
    assert build_label_reader(str(folder), LABELS).notes() == []
    (folder / 'classes.txt').write_text('car\nperson\n')
    assert build_label_reader(str(folder), LABELS).notes() == [
        f'{folder}/classes.txt: names the classes car, person, but they are read as person, car'
    ]
