import hashlib

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.io.images import write_image
from tsjnet_mm.io.outputs import made_here
from tsjnet_mm.io.resume import (
    NOTE,
    differing_settings,
    digest_file,
    digest_note,
    encode_note,
    is_done,
    read_note,
    read_record,
    write_record,
)


def test_digest_is_of_all_bytes(tmp_path):
    content = np.random.default_rng(0).bytes((5 << 19) + 3)
    path = tmp_path / 'large.bin'
    path.write_bytes(content)
    assert digest_file(path) == hashlib.sha256(content).hexdigest()[:32]
    path.write_bytes(content[:-1] + b'x')
    assert digest_file(path) != hashlib.sha256(content).hexdigest()[:32]
    path.write_bytes(b'abc')  # Of the standard that defines SHA-256.
    assert digest_file(path) == 'ba7816bf8f01cfea414140de5dae2223'


def test_equal_settings_are_equal_notes():
    note = encode_note({'grey': True, 'sources': ['a', 'b']})
    assert encode_note({'sources': ['a', 'b'], 'grey': True}) == note
    assert encode_note({'sources': ['b', 'a'], 'grey': True}) != note


@pytest.mark.parametrize('extension', ['.png', '.jpg', '.webp', '.tif'])
def test_only_what_was_made_in_just_this_way_is_done(tmp_path, extension):
    path, settings = tmp_path / f'fused{extension}', {'grey': True, 'range': [0, 0.1]}
    note = encode_note(settings)
    assert not is_done(path, note) and read_note(path) is None
    write_image(np.uint8(np.indices((20, 30)).sum(0)), path, {NOTE: note})
    assert is_done(path, note) and read_note(path) == settings
    assert not is_done(path, encode_note({**settings, 'grey': False}))
    with open(path, 'r+b') as file:
        file.truncate(path.stat().st_size - 1)
    assert not is_done(path, note)


def test_images_of_others_say_nothing(tmp_path):
    path = tmp_path / 'other.png'
    Image.new('L', (4, 4)).save(path)
    assert read_note(path) is None and not is_done(path, encode_note({}))


def test_differing_settings_are_named():
    before = {'grey': True, 'range': (0, 1), 'model': {'a': 1, 'b': 2}, 'limit': float('nan')}
    same = {'limit': float('nan'), 'model': {'b': 2, 'a': 1}, 'range': [0, 1], 'grey': True}
    assert differing_settings(before, same) == []
    assert differing_settings(before, {**same, 'new': None}) == []  # As one that is not there.
    assert differing_settings(before, {**same, 'new': 0, 'range': [1, 0]}) == ['range', 'new']
    assert digest_note(before) == digest_note(same) != digest_note({**same, 'grey': False})


def test_records_say_what_made_them(tmp_path):
    path = tmp_path / 'scores.json'
    assert read_record(path) is None and read_note(path) is None
    write_record(path, {'x': (1, 2), 'file': tmp_path}, {'scores': [0.5]})
    note = {'x': [1, 2], 'file': str(tmp_path)}
    assert read_record(path) == {NOTE: note, 'scores': [0.5]}
    assert read_note(path) == note and made_here(path)
    for text in ('', '[]', '{"scores": [0.5]}', '{"tsjnet_mm": "0.1"}', path.read_text()[:-3]):
        path.write_text(text)
        assert read_record(path) is None and read_note(path) is None
