import json
import os

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer, fuse_to_folder, load_homography
from tsjnet_mm.io.errors import PairError

STEMS = ('001', '002', '010', '011', '020')


@pytest.fixture
def inferencer():
    return FusionInferencer('average', show_progress=False)


@pytest.fixture
def data(pair_folder):
    return pair_folder(stems=STEMS)


def _run(inferencer, data, out, **options):
    return fuse_to_folder(inferencer, data / 'ir', data / 'vi', out, **options)


def _times(out):
    return {path.name: path.stat().st_mtime_ns for path in out.iterdir()}


def test_writes_each_pair(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    assert _run(inferencer, data, out) == (5, 0)
    assert sorted(_times(out)) == [f'{stem}.png' for stem in STEMS]
    expected = inferencer(data / 'ir' / '010.png', data / 'vi' / '010.png')[0]
    assert np.array_equal(np.asarray(Image.open(out / '010.png')), expected)


def test_a_second_run_finishes_what_is_missing(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    _run(inferencer, data, out)
    before = _times(out)
    (out / '002.png').unlink()
    (out / '011.png').write_bytes((out / '011.png').read_bytes()[:20])
    assert _run(inferencer, data, out) == (2, 3)
    after = _times(out)
    unchanged = {name for name in before if before[name] == after[name]}
    assert unchanged == {'001.png', '010.png', '020.png'}
    with Image.open(out / '011.png') as image:
        image.load()


def test_other_settings_or_weights_are_other_images(inferencer, data, tmp_path, tiny_fusor):
    out = tmp_path / 'out'
    _run(inferencer, data, out)
    assert _run(inferencer, data, out, grey=True) == (5, 0)
    assert _run(inferencer, data, out, grey=True) == (0, 5)
    assert _run(FusionInferencer('max', show_progress=False), data, out) == (5, 0)
    network = FusionInferencer(tiny_fusor, show_progress=False)
    assert _run(network, data, out) == (5, 0)
    assert _run(network, data, out) == (0, 5)
    next(network.fusor.parameters()).data.add_(1e-3)
    assert _run(network, data, out) == (5, 0)


def test_a_changed_source_is_fused_again(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    _run(inferencer, data, out)
    later = (out / '002.png').stat().st_mtime_ns + 10**9
    os.utime(data / 'ir' / '002.png', ns=(later, later))
    assert _run(inferencer, data, out) == (1, 4)


def test_processes_share_the_pairs(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    counts = [
        _run(inferencer, data, out, rank=rank, world_size=3, batch_size=2) for rank in range(3)
    ]
    assert counts == [(2, 0), (2, 0), (1, 0)]
    assert len(_times(out)) == 5


def test_other_formats(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    assert _run(inferencer, data, out, extension='.jpg') == (5, 0)
    assert Image.open(out / '001.jpg').format == 'JPEG'
    with pytest.raises(ValueError, match=r"unknown image format '.xyz': give .* \.png"):
        _run(inferencer, data, out, extension='.xyz')


def test_an_error_keeps_what_was_done(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    (data / 'vi' / '010.png').write_bytes(b'broken')
    with pytest.raises(PairError, match=r'010.png: unreadable'):
        _run(inferencer, data, out)
    assert sorted(_times(out)) == ['001.png', '002.png']


def test_homography_of_a_file(tmp_path):
    path = tmp_path / 'H.json'
    path.write_text(json.dumps({'homography': [[1, 0, 5], [0, 1, 2], [0, 0, 1]]}))
    assert load_homography(path).tolist() == [[1, 0, 5], [0, 1, 2], [0, 0, 1]]
    for text, message in (
        ('[1, 2', 'expected a JSON object with "homography"'),
        ('{"matrix": 1}', 'expected a JSON object with "homography"'),
        (
            '{"homography": [[1, 2], [3, 4]]}',
            r'expected a 3x3 matrix of numbers, found \(2, 2\)',
        ),
        ('{"homography": [[1, 0, 0], [1, 0, 0], [0, 0, 1]]}', 'cannot be inverted'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=f'H.json: .*{message}'):
            load_homography(path)
