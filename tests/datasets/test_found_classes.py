import json

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets.found_classes import found_classes, last_index
from tsjnet_mm.io.errors import PairError


def write(folder, **files):
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace('_', '.')).write_text(text)
    return str(folder)


def test_numbers_of_yolo_files_get_names(tmp_path):
    path = write(tmp_path / 'x', a_txt='0 .5 .5 .1 .1\n3 .5 .5 .1 .1\n', b_txt='')
    assert found_classes(path) == ('class_0', 'class_1', 'class_2', 'class_3')
    (tmp_path / 'x' / 'classes.txt').write_text('person\ncar\nbus\nlamp\n')
    assert found_classes(path) == ('person', 'car', 'bus', 'lamp')


@pytest.mark.parametrize('number', ['-1', '1.5', 'nan', '4000000000'])
def test_what_is_no_class_names_file_and_line(tmp_path, number):
    path = write(tmp_path / 'x', a_txt=f'0 .5 .5 .1 .1\n{number} .5 .5 .1 .1\n')
    with pytest.raises(PairError, match=r'a\.txt: .* in line 2'):
        found_classes(path)


def test_names_of_voc_and_coco_files(tmp_path):
    objects = ''.join(f'<object><name>{name}</name></object>' for name in ('van', 'bus'))
    path = write(tmp_path / 'x', a_xml=f'<annotation>{objects}</annotation>')
    assert found_classes(path) == ('bus', 'van')
    categories = [{'id': 7, 'name': 'van'}, {'id': 2, 'name': 'car'}]
    (tmp_path / 'c.json').write_text(
        json.dumps({'categories': categories, 'images': [], 'annotations': []})
    )
    assert found_classes(str(tmp_path / 'c.json')) == ('car', 'van')


def test_labels_without_objects(tmp_path):
    with pytest.raises(ValueError, match='found no object in any'):
        found_classes(write(tmp_path / 'x', a_txt=''))


def test_the_largest_index_of_masks(tmp_path):
    for name, values in (('a', [0, 4, 255]), ('b', [0, 2, 1])):
        Image.fromarray(np.uint8([values])).save(tmp_path / f'{name}.png')
    assert last_index(str(path) for path in tmp_path.iterdir()) == 4
    assert last_index([]) == 0
