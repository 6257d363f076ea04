import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer, fuse_to_folder, fused_writer, load_homography
from tsjnet_mm.io import pairs
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.utils.files import owner_name

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


def test_what_is_kept_belongs_to_the_content_of_its_sources(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    _run(inferencer, data, out)
    later = (out / '002.png').stat().st_mtime_ns + 10**9
    os.utime(data / 'ir' / '002.png', ns=(later, later))
    assert _run(inferencer, data, out) == (0, 5)
    times = (data / 'ir' / '010.png').stat()
    shutil.copy(data / 'ir' / '011.png', data / 'ir' / '010.png')  # an older date, and
    os.utime(data / 'ir' / '010.png', ns=(times.st_atime_ns, times.st_mtime_ns))
    assert _run(inferencer, data, out) == (1, 4)
    expected = inferencer(data / 'ir' / '011.png', data / 'vi' / '010.png')[0]
    assert np.array_equal(np.asarray(Image.open(out / '010.png')), expected)
    # The same names from elsewhere.
    shutil.copytree(data / 'vi', tmp_path / 'other')
    Image.new('RGB', (32, 24), 'red').save(tmp_path / 'other' / '001.png')
    assert fuse_to_folder(inferencer, data / 'ir', tmp_path / 'other', out) == (1, 4)


@pytest.mark.parametrize('extension', ['.png', '.jpg', '.webp', '.tif'])
def test_what_is_cut_anywhere_is_made_again(inferencer, data, tmp_path, extension):
    out = tmp_path / 'out'
    _run(inferencer, data, out, extension=extension)
    path = out / f'002{extension}'
    whole = path.read_bytes()
    assert _run(inferencer, data, out, extension=extension) == (0, 5)
    for length in {0, 20, 60, 500, len(whole) // 2, len(whole) - 13, len(whole) - 1}:
        path.write_bytes(whole[:length])
        # Their notes are at the end: of such a file it cannot be told who made it.
        overwrite = extension in ('.tif', '.webp')
        done = _run(inferencer, data, out, extension=extension, overwrite=overwrite)
        assert done == (1, 4), length
        assert path.read_bytes() == whole


def test_parameters_without_weights_are_settings_too(data, tmp_path):
    for levels in (2, 3):
        config = {'type': 'LaplacianPyramidFusor', 'levels': levels}
        network = FusionInferencer(config, show_progress=False)
        assert _run(network, data, tmp_path / 'out') == (5, 0)
        assert _run(network, data, tmp_path / 'out') == (0, 5)


def test_processes_share_the_pairs(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    counts = [
        _run(inferencer, data, out, rank=rank, world_size=3, batch_size=2) for rank in range(3)
    ]
    assert counts == [(2, 0), (2, 0), (1, 0)]
    assert len(_times(out)) == 5


@pytest.mark.parametrize(
    'options', [{'ir_range': (50, 150)}, {'stretch': True}, {'ir_percentiles': (20, 80)}]
)
def test_options_are_those_of_the_inferencer_and_make_other_images(
    inferencer, data, tmp_path, options
):
    out = tmp_path / 'out'
    _run(inferencer, data, out)
    assert _run(inferencer, data, out, **options) == (5, 0)
    assert _run(inferencer, data, out, **options) == (0, 5)
    plain = inferencer(data / 'ir', data / 'vi')
    expected = inferencer(data / 'ir', data / 'vi', **options)
    for stem, image, other in zip(STEMS, expected, plain, strict=True):
        found = np.asarray(Image.open(out / f'{stem}.png'))
        assert np.array_equal(found, image) and not np.array_equal(found, other)


def test_exchanged_sources_are_other_sources(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    _run(inferencer, data, out)
    assert fuse_to_folder(inferencer, data / 'vi', data / 'ir', out) == (5, 0)


def test_a_pair_is_claimed_from_before_it_is_looked_at_until_it_is_there(
    inferencer, data, tmp_path, monkeypatch
):
    out, held = tmp_path / 'out', []

    def noting(function):
        def noted(*args, **options):
            claimed = {path.name[1:-6] for path in out.glob('.*.claim')}
            (path,) = (each for each in args if isinstance(each, Path))
            held.append((path.name, path.name in claimed, len(claimed)))
            return function(*args, **options)

        return noted

    monkeypatch.setattr(fused_writer, 'is_done', noting(fused_writer.is_done))
    monkeypatch.setattr(fused_writer, 'write_image', noting(fused_writer.write_image))
    files = [f'{stem}.png' for stem in STEMS]
    _run(inferencer, data, out)
    assert sorted(name for name, _, _ in held) == sorted(files * 2)
    assert all(is_held for _, is_held, _ in held)
    assert not [*out.glob('.*.claim')]
    # Nor is one held that was done: others would wait for it, and it for them.
    held.clear()
    _run(inferencer, data, out)
    assert held == [(name, True, 1) for name in files]


def test_files_are_read_and_written_in_threads(inferencer, data, tmp_path, monkeypatch):
    main = threading.main_thread()
    threads = {'read': set(), 'write': set()}
    read, write = pairs.read_image, fused_writer.write_image

    def reading(*args):
        threads['read'].add(threading.current_thread())
        return read(*args)

    def writing(*args):
        threads['write'].add(threading.current_thread())
        return write(*args)

    monkeypatch.setattr(pairs, 'read_image', reading)
    monkeypatch.setattr(fused_writer, 'write_image', writing)
    assert _run(inferencer, data, tmp_path / 'out') == (5, 0)
    inferencer(data / 'ir', data / 'vi', tmp_path / 'other')
    assert threads['read'] and threads['write']
    assert main not in threads['read'] | threads['write']
    assert len(_content(tmp_path / 'out')) == 5
    assert [*_content(tmp_path / 'out').values()] == [*_content(tmp_path / 'other').values()]


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


def _content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def _link(data, tmp_path):
    (tmp_path / 'link').symlink_to(data / 'vi')
    return tmp_path / 'link'


def _hard_links(data, tmp_path):
    (tmp_path / 'out').mkdir()
    for path in (data / 'vi').iterdir():
        os.link(path, tmp_path / 'out' / path.name)
    return tmp_path / 'out'


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize(
    'place',
    [
        lambda data, tmp_path: data / 'vi',
        lambda data, tmp_path: data / 'ir',
        lambda data, tmp_path: data / 'ir' / '..' / 'vi',
        _link,
        _hard_links,
    ],
)
def test_sources_are_never_written_over(data, tmp_path, inferencer, place, overwrite):
    out, before = place(data, tmp_path), _content(data)
    with pytest.raises(ValueError, match=r'(is|inside) the source .*name another'):
        _run(inferencer, data, out, overwrite=overwrite)
    with pytest.raises(ValueError, match=r'(is|inside) the source .*name another'):
        inferencer(data / 'ir', data / 'vi', out_dir=out, overwrite=overwrite)
    lists = [sorted((data / kind).iterdir()) for kind in ('ir', 'vi')]
    with pytest.raises(ValueError, match='is the source'):
        inferencer(*lists, out_dir=out, overwrite=overwrite)
    with pytest.raises(ValueError, match='is the source'):
        inferencer(map(str, lists[0]), map(str, lists[1]), out_dir=out, overwrite=True)
    assert _content(data) == before


def test_one_pair_of_the_working_folder(pair_folder, monkeypatch, inferencer):
    data = pair_folder(stems=('a',))
    monkeypatch.chdir(data / 'vi')
    before = _content(data)
    with pytest.raises(ValueError, match=r'a\.png is the source a\.png'):
        fuse_to_folder(inferencer, '../ir/a.png', 'a.png', '.')
    with pytest.raises(ValueError, match=r'a\.png is the source a\.png'):
        fuse_to_folder(inferencer, '../ir/a.png', 'a.png', 'a.png', overwrite=True)
    assert _content(data) == before


def test_a_folder_inside_the_sources_is_not_read_later(inferencer, data):
    (data / 'tree').mkdir()
    for kind in ('ir', 'vi'):
        (data / kind).rename(data / 'tree' / kind)
    tree = data / 'tree'
    for out in (tree / 'fused', tree / 'ir', tree / 'vi' / 'deep'):
        with pytest.raises(ValueError, match='so the next run would read it'):
            fuse_to_folder(inferencer, tree, tree, out)
        with pytest.raises(ValueError, match='so the next run would read it'):
            fuse_to_folder(inferencer, f'{tree}/**/*.png', tree / 'vi', out)
    # What a folder without sub folders is asked for is not found in them.
    out = tree / 'vi' / 'fused'
    assert fuse_to_folder(inferencer, tree / 'ir', tree / 'vi', out) == (5, 0)
    assert fuse_to_folder(inferencer, tree / 'ir', tree / 'vi', out) == (0, 5)


def test_files_of_others_need_overwrite(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    Image.new('L', (9, 9)).save(out / '010.png')
    before = _content(out)
    with pytest.raises(ValueError, match=r'010\.png is there already .*overwrite=True'):
        _run(inferencer, data, out)
    with pytest.raises(ValueError, match=r'010\.png is there already .*overwrite=True'):
        inferencer(data / 'ir', data / 'vi', out_dir=out)
    assert _content(out) == before
    assert _run(inferencer, data, out, overwrite=True) == (5, 0)
    assert _run(inferencer, data, out, grey=True) == (5, 0)


def test_a_file_for_one_pair(inferencer, pair_folder, tmp_path):
    data = pair_folder(stems=('a',))
    assert _run(inferencer, data, tmp_path / 'f.png') == (1, 0)
    assert _run(inferencer, data, tmp_path / 'f.png') == (0, 1)
    expected = inferencer(data / 'ir', data / 'vi', out_dir=tmp_path / 'g.png')[0]
    for name in ('f.png', 'g.png'):
        assert np.array_equal(np.asarray(Image.open(tmp_path / name)), expected)
    assert _run(inferencer, data, tmp_path / 'new' / 'f.JPG') == (1, 0)
    assert Image.open(tmp_path / 'new' / 'f.JPG').format == 'JPEG'
    assert _run(inferencer, data, f'{tmp_path}/g.png.d/') == (1, 0)
    assert (tmp_path / 'g.png.d' / 'a.png').is_file()
    (tmp_path / 'h.png').mkdir()
    _run(inferencer, data, tmp_path / 'h.png')
    _run(inferencer, data, f'{tmp_path}/i.png/')
    _run(inferencer, data, tmp_path / 'v1.2')
    for folder in ('h.png', 'i.png', 'v1.2'):
        assert [path.name for path in (tmp_path / folder).iterdir()] == ['a.png']
    with pytest.raises(ValueError, match=r'f\.png does not end in \.jpg'):
        _run(inferencer, data, tmp_path / 'f.png', extension='.jpg')
    with pytest.raises(ValueError, match=r"unknown image format '.gif'"):
        _run(inferencer, data, tmp_path / 'f.gif')


def test_a_file_for_several_pairs(inferencer, data, tmp_path):
    message = r'f\.png names one image, and there are 5 pairs: name a folder'
    with pytest.raises(ValueError, match=message):
        _run(inferencer, data, tmp_path / 'f.png')
    with pytest.raises(ValueError, match=message):
        inferencer(data / 'ir', data / 'vi', out_dir=tmp_path / 'f.png')
    assert not (tmp_path / 'f.png').exists()


def test_two_pairs_of_one_stem(inferencer, pair_folder, tmp_path):
    one, other = pair_folder(root='a'), pair_folder(root='b')
    lists = [[root / kind / '001.png' for root in (one, other)] for kind in ('ir', 'vi')]
    images = inferencer(*lists, out_dir=tmp_path / 'out')
    for image, name in zip(images, ('a/001.png', 'b/001.png'), strict=True):
        assert np.array_equal(np.asarray(Image.open(tmp_path / 'out' / name)), image)
    with pytest.raises(
        PairError, match=r'001\.png: ambiguous name: .* two that are called 001'
    ):
        inferencer(*map(iter, lists), out_dir=tmp_path / 'stream')
    twice = [[paths[0], paths[0]] for paths in lists]
    with pytest.raises(PairError, match='two that are called 001'):
        inferencer(*twice, out_dir=tmp_path / 'twice')


def test_equal_stems_in_several_folders(inferencer, tmp_path):
    for clip, grey in (('V0', 10), ('V1', 90)):
        for kind, mode in (('lwir', 'L'), ('visible', 'RGB')):
            path = tmp_path / 'kaist' / clip / kind / 'I0.jpg'
            path.parent.mkdir(parents=True)
            Image.new(mode, (20, 16), grey if mode == 'L' else (grey,) * 3).save(path)
    out = tmp_path / 'out'
    assert fuse_to_folder(inferencer, tmp_path / 'kaist', tmp_path / 'kaist', out) == (2, 0)
    levels = [
        int(np.asarray(Image.open(out / clip / 'I0.png')).mean()) for clip in ('V0', 'V1')
    ]
    assert levels == [10, 90]


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


def test_two_that_fuse_the_same_do_each_pair_once(pair_folder, tmp_path):
    data, out = pair_folder(stems=[f'{n:02d}' for n in range(24)]), tmp_path / 'out'
    results = []

    def work(batch_size):
        inferencer = FusionInferencer('average', show_progress=False)
        counts = _run(inferencer, data, out, batch_size=batch_size)
        results.append((counts, len([*out.glob('*.png')])))

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (one, first), (other, second) = results
    assert one[0] + other[0] == 24 and one[1] + other[1] == 24
    assert first == second == 24  # Neither ended before all was there.
    assert len([*out.iterdir()]) == 24


def test_claims_of_killed_processes_hold_nobody_up(inferencer, data, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    process = subprocess.Popen([sys.executable, '-c', ''])
    process.wait()
    gone = f'{owner_name().rpartition(".")[0]}.{process.pid}'
    (out / '.010.png.claim').write_text(gone)
    assert _run(inferencer, data, out) == (5, 0)
    assert len([*out.iterdir()]) == 5
