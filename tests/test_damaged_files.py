"""Damaged files at every reader: one of the documented errors, in a sentence with the name."""

import io
import json
import random
import tarfile
import zipfile
from contextlib import redirect_stderr

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.cli.dataset_arguments import read_names
from tsjnet_mm.datasets.annotations import build_label_reader
from tsjnet_mm.datasets.convert.sources import open_source
from tsjnet_mm.datasets.split_lists import check_list, read_list
from tsjnet_mm.datasets.splits import check_split, make_split, write_split
from tsjnet_mm.evaluation import EvaluationResults, load_results
from tsjnet_mm.evaluation.detection_errors import read_detection_truth, read_detections
from tsjnet_mm.io.preparation import load_homography
from tsjnet_mm.io.text import read_text
from tsjnet_mm.labels.records import read_scores
from tsjnet_mm.protocols.downstream_scores import detection_scores
from tsjnet_mm.protocols.export_dataset import config_lines
from tsjnet_mm.registration.homography import RegistrationError, read_points, register_points
from tsjnet_mm.utils.checkpoints import load_state_dict

SIZE = (24, 32)
LABELS = {'person': 0, 'car': 1}
INSTANCES = [(0, 1.5, 2, 10, 20), (1, 0, 0, 32, 24)]
#: What comes into numbers, texts and structures that people and tools write.
ODD = [
    *(
        b'',
        b'null',
        b'NaN',
        b'-Infinity',
        b'1e999',
        b'-1',
        b'[]',
        b'{}',
        b'""',
        b'true',
        b'[1]',
    ),
    *(b'9' * 5000, b'1' + b'0' * 400, b'\x00', b'\xff\xfe', b'\xef\xbb\xbf', b'\x85\xa0\xff'),
    *(b'[' * 3000, b'{"a":' * 3000, b'<a>' * 3000, b'"' + b'a' * 140_000, b'\r', b'\n\n'),
    *('é汽\u2028'.encode(), 'é汽'.encode('gbk', 'ignore'), b'../../x', b'# coding: rot13\n'),
    *(
        b'# coding: gbk\n',
        b'<?xml version="1.0" encoding="utf-16"?>',
        b'&lt;',
        b'<!ENTITY a "b">',
    ),
]
ENCODINGS = ('utf-16', 'utf-16-le', 'utf-32', 'utf-8-sig', 'utf-7', 'cp500')


def mutate(data, rng):
    """Damage bytes as cut copies, bad disks, editors and other programs do."""
    kind = rng.randrange(7)
    data = bytearray(data)
    at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    if kind == 0:
        del data[at:]
    elif kind == 1:
        for _ in range(rng.choice((1, 3, 30))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[at:at] = rng.choice(ODD)
    elif kind == 3:
        data[at : min(end, at + 12)] = rng.choice(ODD)
    elif kind == 4:
        data[at:at] = data[at:end]
    elif kind == 5:
        text = bytes(data).decode('latin-1')
        data = bytearray(text.encode(rng.choice(ENCODINGS)))
    else:  # a value of the structure becomes another
        marks = [i for i, value in enumerate(data) if value in b':,>= \n']
        if marks:
            begin = rng.choice(marks) + 1
            stop = next(
                (i for i in range(begin, len(data)) if data[i] in b',]}< \n'), len(data)
            )
            data[begin:stop] = rng.choice(ODD)
    return bytes(data)


def yolo(path):
    (path / 'a.txt').write_text('0 .2 .5 .3 .6\n1.0 .5 .5 1 1 0.9\n')
    return 'a.txt', lambda: build_label_reader(str(path), LABELS, 'yolo')('a', SIZE)


def voc(path):
    objects = ''.join(
        f'<object><name>{[*LABELS][label]}</name><difficult>0</difficult><bndbox><xmin>{x1}'
        f'</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>\n'
        for label, x1, y1, x2, y2 in INSTANCES
    )
    (path / 'a.xml').write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotation><filename>a.png</filename><size>'
        f'<width>32</width><height>24</height></size>{objects}</annotation>'
    )
    return 'a.xml', lambda: build_label_reader(str(path), LABELS, 'voc')('a', SIZE)


def coco_content():
    return {
        'images': [{'id': 7, 'file_name': 'a.png', 'width': 32, 'height': 24}],
        'categories': [{'id': 1, 'name': 'person'}, {'id': 2, 'name': 'car'}],
        'annotations': [
            {
                'id': at,
                'image_id': 7,
                'category_id': label + 1,
                'bbox': [x1, y1, x2 - x1, y2 - y1],
                'area': (x2 - x1) * (y2 - y1),
                'iscrowd': 0,
            }
            for at, (label, x1, y1, x2, y2) in enumerate(INSTANCES)
        ],
    }


def coco(path):
    (path / 'c.json').write_text(json.dumps(coco_content()))

    def read():
        reader = build_label_reader(str(path / 'c.json'), LABELS)
        reader.assign(['a'])
        return reader('a', SIZE), reader.notes()

    return 'c.json', read


def truth(path):
    (path / 'c.json').write_text(json.dumps(coco_content()))
    return 'c.json', lambda: read_detection_truth(path / 'c.json')


def detections(path, read=None):
    (path / 'truth.json').write_text(json.dumps(coco_content()))
    found = [
        {'image_id': 7, 'category_id': 1, 'bbox': [1, 2, 3, 4], 'score': 0.5},
        {'image_id': 7, 'category_id': 2, 'bbox': [0.5, 2, 9, 4], 'score': 1},
    ]
    (path / 'found.json').write_text(json.dumps(found))
    known = read_detection_truth(path / 'truth.json')
    return 'found.json', lambda: read_detections(path / 'found.json', known)


def scores(path):
    detections(path)
    return 'found.json', lambda: detection_scores(path / 'truth.json', path / 'found.json')


def truth_of_scores(path):
    detections(path)
    return 'truth.json', lambda: detection_scores(path / 'truth.json', path / 'found.json')


def confidences(path):
    items = [{'image': 'a.png', 'label': 'car', 'box': [1, 2, 3, 4], 'score': 0.5}]
    (path / 'confidence.json').write_text(json.dumps({'settings': {}, 'objects': items}))
    return 'confidence.json', lambda: read_scores(path / 'confidence.json')


def homography(path):
    content = {'homography': [[1, 0, 2], [0, 1, 3], [0, 0, 1]], 'ir_size': [32, 24]}
    (path / 'H.json').write_text(json.dumps(content))
    return 'H.json', lambda: load_homography(path / 'H.json')


def points(path):
    (path / 'p.csv').write_text('x_ir,y_ir,x_vi,y_vi\n0,0,1,1\n9,0,10,2\n9,8,10,10\n0,8,2,9\n')

    def read():
        found = read_points(path / 'p.csv')
        try:
            return register_points(found)
        except RegistrationError as error:  # says what is wrong with the points it was given
            raise RegistrationError(f'p.csv: {error}') from error

    return 'p.csv', read


def results(extension):
    def make(path):
        values = {'ours': {'CC': [0.5, 0.25], 'PSNR': [1.0, float('inf')]}}
        EvaluationResults('plain', ('CC', 'PSNR'), ('ours',), ('1', 'é'), values).save(
            path / f'r{extension}'
        )
        return f'r{extension}', lambda: load_results(path / f'r{extension}')

    return make


def split_list(path):
    (path / 'list.txt').write_text('# those\n1\nimages\\ir\\é 2.png\n3.PNG\n')
    there = ('1', 'é 2', '3')

    def read():
        text = read_text(path / 'list.txt')
        stems, missing = read_list(path / 'list.txt', text, there)
        assert {*missing} == {*stems} - {*there}
        return check_list(path / 'list.txt', text, 'folder', there)

    return 'list.txt', read


def class_names(path):
    (path / 'names.txt').write_text('person\ncar\né\n')
    return 'names.txt', lambda: read_names(str(path / 'names.txt'))


def split_record(path):
    stems = [f'{number}' for number in range(6)]
    rng = np.random.default_rng(0)
    for stem in stems:
        Image.fromarray(rng.integers(0, 255, (24, 32), np.uint8)).save(path / f'{stem}.png')
    pairs = [(stem, path / f'{stem}.png', path / f'{stem}.png') for stem in stems]
    write_split(make_split(pairs, ratio=(1, 1), source={'dataset': 'folder'}), path)
    return 'split.json', lambda: check_split(path / 'split.json', stems)


def manifest(path):
    content = {'classes': ['person', 'car'], 'exports': {'coco': {'train': {'pairs': 3}}}}
    (path / 'dataset.json').write_text(json.dumps(content))
    return 'dataset.json', lambda: config_lines(path, 'coco')


def checkpoint(path):
    state = {'a.weight': torch.arange(12.0).reshape(3, 4), 'a.bias': torch.zeros(3)}
    torch.save({'state_dict': state, 'meta': {'epoch': 3}}, path / 'w.pth')
    return 'w.pth', lambda: load_state_dict(path / 'w.pth')


def read_archive(path, folder):
    source = open_source(path)
    try:
        for name in source.sizes:
            source.copy(name, folder / 'copy')
    finally:
        source.close()


def zip_archive(path):
    with zipfile.ZipFile(path / 's.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('set/ir/é.png', bytes(range(200)) * 3)
        archive.writestr('set\\vi\\a.png', b'visible')
    return 's.zip', lambda: read_archive(path / 's.zip', path)


def tar_archive(path):
    with tarfile.open(path / 's.tar', 'w') as archive:
        for name in ('set/ir/é.png', 'set/vi/a.png'):
            member = tarfile.TarInfo(name)
            member.size = 600
            archive.addfile(member, io.BytesIO(bytes(range(200)) * 3))
    return 's.tar', lambda: read_archive(path / 's.tar', path)


READERS = {
    **{make.__name__: make for make in (yolo, voc, coco, truth, detections, scores)},
    **{make.__name__: make for make in (truth_of_scores, confidences, homography, points)},
    **{make.__name__: make for make in (split_list, class_names, split_record, manifest)},
    **{make.__name__: make for make in (checkpoint, zip_archive, tar_archive)},
    'results_csv': results('.csv'),
    'results_json': results('.json'),
}


def check_mutants(path, make, seed, count):
    """Read mutants of a file; returns how many were refused."""
    name, read = make(path)
    read()  # the whole file is fine
    original = (path / name).read_bytes()
    rng, refused = random.Random(seed), 0
    for number in range(count):
        data = mutate(original, rng)
        (path / name).write_bytes(data)
        try:
            with redirect_stderr(io.StringIO()):
                read()
        except (ValueError, FileNotFoundError) as error:
            refused += 1
            message = str(error)
            where = f'mutant {number} of seed {seed}: {message[:500]}'
            assert name.rpartition('.')[0] in message, where
            assert len(message) < 1500, where
            # One line; check_split alone lists what differs.
            assert message.count('\n') == 0 or 'does not hold' in message, where
        except Exception as error:
            shown = data[:300]
            raise AssertionError(
                f'mutant {number} of seed {seed}: {error!r}: {shown}'
            ) from error
    return refused


@pytest.mark.parametrize('reader', READERS)
@pytest.mark.filterwarnings('ignore')
def test_some_mutants(tmp_path, reader):
    assert check_mutants(tmp_path, READERS[reader], 1, 120) > 15


@pytest.mark.slow
@pytest.mark.parametrize('seed', [2, 3])
@pytest.mark.parametrize('reader', READERS)
@pytest.mark.filterwarnings('ignore')
def test_many_mutants(tmp_path, reader, seed):
    assert check_mutants(tmp_path, READERS[reader], seed, 700) > 100
