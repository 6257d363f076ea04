"""A benchmark by a protocol, on a drawn set."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.apis.task_networks import ViewDetector
from tsjnet_mm.datasets.split_lists import hash_stems
from tsjnet_mm.evaluation import load_results
from tsjnet_mm.io.images import read_image, write_image
from tsjnet_mm.protocols.benchmark_protocol import read_protocol
from tsjnet_mm.protocols.protocol_run import ProtocolRun

STEMS = ('001', '002', '010')


def write_protocol(folder, name='mine.json', **changes):
    folder.mkdir(exist_ok=True)
    (folder / 'list.txt').write_text('\n'.join(STEMS) + '\n')
    content = {
        'format': 1,
        'name': 'mine-1',
        'tsjnet_mm': '0.1.0',
        'datasets': {
            'drawn': {
                'title': 'Drawn',
                'list': 'list.txt',
                'list_sha256': hash_stems(STEMS),
                'folders': [['none/ir', 'none/vi'], ['set/ir', 'set/vi']],
            }
        },
        'reader': {},
        'metrics': {'tsjnet': ['MSE', 'CC'], 'plain': ['EN', 'SD']},
        'groups': {'fidelity': ['tsjnet.MSE', 'tsjnet.CC'], 'information': ['plain.EN']},
        'machines': {},
        'cost': {'size': [32, 32], 'threads': 1, 'repeats': 1, 'ranked': ['parameters']},
        'trivial': ['visible only', 'infrared only', 'average', 'max'],
        'count_as_one': [],
        'near_copy_tolerance': 0.02,
        'resamples': 50,
        'seed': 0,
        **changes,
    }
    (folder / name).write_text(json.dumps(content))
    return folder / name


@pytest.fixture
def protocol(tmp_path):
    return write_protocol(tmp_path / 'protocol')


@pytest.fixture
def run(run_main, pair_folder, protocol, tmp_path):
    # One pair more than the list has.
    pair_folder(stems=(*STEMS, 'other'), size=(72, 80), root='data/set')

    def start(*options, out='out', file=protocol):
        where = ['--out', tmp_path / out, '--skip-costs', '--workers', '1']
        named = ['--protocol', file, '--data', tmp_path / 'data'] if file else []
        return run_main('benchmark_zoo.py', *named, *where, *options)

    return start


@pytest.fixture
def submitted(run, tmp_path):
    """Images of a method: three quarters of the visible image, saved from an earlier run."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for stem in STEMS:
        grey = read_image(tmp_path / 'data' / 'set' / 'vi' / f'{stem}.png').mean(axis=2)
        write_image((grey * 0.75).astype(np.uint8), folder / f'{stem}.png')
    return folder


def results(tmp_path, out='out'):
    return json.loads((tmp_path / out / 'results.json').read_text())


def test_two_runs_are_equal_and_hold_every_value(run, protocol, tmp_path):
    status, out, error = run('--models', 'wavelet')
    assert status == 0, error
    assert run('--models', 'wavelet', out='again')[0] == 0
    first = (tmp_path / 'out' / 'results.json').read_bytes()
    assert first == (tmp_path / 'again' / 'results.json').read_bytes()
    assert run('--models', 'wavelet')[0] == 0
    assert first == (tmp_path / 'out' / 'results.json').read_bytes()
    content = results(tmp_path)
    rows = ['visible only', 'infrared only', 'average', 'max', 'wavelet']
    assert list(content['rows']) == rows
    assert content['protocol']['sha256'] == read_protocol(protocol).sha256
    part = content['datasets']['drawn']
    assert part['images'] == list(STEMS)
    measured = load_results(tmp_path / 'out' / 'drawn' / 'results_plain.json')
    assert part['values']['plain'] == measured.values
    assert set(measured.values['wavelet']) == {'EN', 'SD'}
    assert all(len(column) == 3 for column in measured.values['wavelet'].values())
    # A mean of two images is nearest to both: best in each column of the group.
    assert part['ranks']['fidelity']['average']['value'] == 1
    assert part['ranks']['machines'] == dict.fromkeys(rows)
    assert 'mean rank' not in out


def test_images_are_added_to_a_table(run, submitted, tmp_path):
    assert run('--models', 'wavelet')[0] == 0
    before = results(tmp_path)['datasets']['drawn']['values']
    shutil.rmtree(tmp_path / 'out' / 'drawn')  # Values are enough to add a row.
    status, out, error = run(
        '--add', f'mine={submitted}', '--trained-on', 'mine=MSE', file=None
    )
    assert status == 0, error
    content = results(tmp_path)
    assert list(content['rows'])[-2:] == ['wavelet', 'mine']
    values = content['datasets']['drawn']['values']
    assert {row: values['plain'][row] for row in before['plain']} == before['plain']
    assert content['rows']['mine']['trained_on'] == ['PSNR', 'MSE', 'RMSE']
    assert content['datasets']['drawn']['ranks']['fidelity']['mine']['columns'] == ['tsjnet.CC']
    assert 'mine† was trained on MSE' in out and 'in 1 of 2' in out
    status, _, error = run('--add', f'mine={submitted}', '--trained-on', 'mine=MSE', file=None)
    assert status == 0, error
    write_image(read_image(submitted / '001.png') // 2, submitted / '001.png')
    status, _, error = run('--add', f'mine={submitted}', '--trained-on', 'mine=MSE', file=None)
    assert status == 1 and 'has a row mine of other images' in error
    assert results(tmp_path) == content


class Finder(ViewDetector):
    """Finds the car's box with a score of the image's mean brightness, and a wrong one."""

    def __init__(self):
        self.classes, self.pipeline = ['car'], 'steps'
        self.model, self.looked = torch.nn.Linear(2, 1), 0

    def __call__(self, image):
        self.looked += 1
        scores = np.array([image.mean() / 255, 0.5])
        boxes = np.array([(8, 8, 40, 40), (50, 50, 70, 70)], np.float32)
        return {'boxes': boxes, 'scores': scores, 'labels': np.array([0, 0])}


def test_a_machine_column_keeps_its_values(run, submitted, tmp_path):
    (tmp_path / 'data' / 'set' / 'labels').mkdir()
    for stem in STEMS:
        box = f'0 {24 / 80} {24 / 72} {32 / 80} {32 / 72}\n'
        (tmp_path / 'data' / 'set' / 'labels' / f'{stem}.txt').write_text(box)
    entry = {'dataset': 'drawn', 'task': 'detection', 'classes': ['car']}
    entry |= {'config': 'mine.py', 'weights_sha256': 64 * '0'}
    protocol = tmp_path / 'protocol' / 'mine.json'
    content = json.loads(protocol.read_text())
    content['datasets']['drawn']['labels'] = 'set/labels'
    (protocol.parent / 'mine.py').write_text('')
    protocol = read_protocol(write_protocol(
        protocol.parent, datasets=content['datasets'], machines={'nano': entry}
    ))  # fmt: skip

    def make(machines=None, out='out', **options):
        made = ProtocolRun(protocol, tmp_path / 'data', tmp_path / out, **options)
        return made.run(machines=machines, costs=False, report=lambda line: None)

    finder, wavelet = Finder(), {'wavelet': ('wavelet', None)}
    first = make({'nano': finder}, models=wavelet)['datasets']['drawn']
    assert finder.looked == 5 * 3
    samples = first['machine_samples']['nano']
    assert list(samples) == ['visible only', 'infrared only', 'average', 'max', 'wavelet']
    assert {len(values) for values in samples.values()} == {51}
    # The maximum is bright and its true box leads; the others put the wrong box first or not.
    assert first['machines']['nano']['max'][0] == pytest.approx(1, abs=0.01)
    assert first['ranks']['machines']['max']['value'] < 2.6

    # Only the results are left: a row is added without a network, then with it.
    shutil.rmtree(tmp_path / 'out' / 'drawn')
    added = make(images={'mine': submitted})
    part = added['datasets']['drawn']
    assert added['marks'] == []
    assert part['machine_samples']['nano'] == samples
    assert part['ranks']['machines']['mine'] is None
    assert part['ranks']['machines']['wavelet'] == first['ranks']['machines']['wavelet']
    driven = {'images': {'mine': submitted}, 'trained': {'mine': ['nano']}}
    part = make({'nano': finder}, out='driven', **driven)['datasets']['drawn']
    # Shown, but neither ranked by what drove it nor a competitor there.
    assert part['machines']['nano']['mine'] and part['ranks']['machines']['mine'] is None
    assert part['ranks']['machines']['max']['competitors'] == 4
    part = make({'nano': finder}, images={'mine': submitted})['datasets']['drawn']
    assert {row: part['machine_samples']['nano'][row] for row in samples} == samples
    assert part['ranks']['machines']['mine']['competitors'] == 6

    # All in one run gives the same file.
    make({'nano': finder}, out='again', models=wavelet, images={'mine': submitted})
    files = [tmp_path / out / 'results.json' for out in ('out', 'again')]
    assert files[0].read_bytes() == files[1].read_bytes()

    # Other images in a row's place: what the network saw in the old ones is dropped.
    for path in submitted.iterdir():
        write_image(read_image(path) // 2, path)
    part = make(images={'mine': submitted}, overwrite=True)['datasets']['drawn']
    assert part['machine_samples']['nano'] == samples


def test_rows_in_turn_are_those_of_one_run(run, tmp_path):
    """Groups of rows one after the other: nothing is measured twice, and all is equal."""
    assert run('--models', 'wavelet')[0] == 0
    assert run('--models', 'tsjnet-tiny')[0] == 0
    status, out, error = run('--models', 'wavelet', 'tsjnet-tiny')
    assert status == 0, error
    assert 'tsjnet: 0 to measure, 6 kept' in out + error
    assert 'plain: 0 to measure, 6 kept' in out + error
    assert run('--models', 'wavelet', 'tsjnet-tiny', out='again')[0] == 0
    files = [tmp_path / out / 'results.json' for out in ('out', 'again')]
    assert files[0].read_bytes() == files[1].read_bytes()
    # What the zoo says of a network's training may change, its weights may not.
    content = results(tmp_path)
    content['rows']['tsjnet-tiny']['trained_on'] = ['EN']
    files[0].write_text(json.dumps(content))
    status, out, error = run('--models', 'tsjnet-tiny')
    assert status == 0, error
    assert '0 to measure' in out + error and files[0].read_bytes() == files[1].read_bytes()
    content['rows']['tsjnet-tiny']['weights'] = 64 * '0'
    files[0].write_text(json.dumps(content))
    status, _, error = run('--models', 'tsjnet-tiny')
    assert status == 1 and 'has a row tsjnet-tiny of other images, weights' in error
    shutil.copyfile(files[1], files[0])
    # What a killed run measured of other images is not taken for what the results keep.
    measured = tmp_path / 'out' / 'drawn' / 'results_plain.json'
    killed = json.loads(measured.read_text())
    killed['values']['wavelet']['SD'][0] = 1.0
    measured.write_text(json.dumps(killed))
    assert run('--models', 'tsjnet-tiny')[0] == 0
    status, out, error = run('--models', 'wavelet', 'tsjnet-tiny')
    assert status == 0 and 'plain: 1 to measure, 5 kept' in out + error
    assert files[0].read_bytes() == files[1].read_bytes()
    text = files[0].read_text()
    values = json.loads(text)['datasets']['drawn']['values']['plain']['max']['SD']
    assert values == [float(f'{value:.6g}') for value in values]
    assert '"images": ["001", "002", "010"]' in text  # A line for each list.


def stretch(pixels):
    low, high = float(pixels.min()), float(pixels.max())
    return np.round((pixels - low) * (255 / (high - low))).astype(np.uint8)


def stretch_colour(pixels):
    """As a stretched luma looks in colour: what does not fit into 8 bits moves its ends."""
    return np.clip(
        np.stack([stretch(pixels).astype(int) + d for d in (12, 0, -12)], -1), 0, 255
    )


def change_all(change):
    def edit(folder):
        for path in folder.iterdir():
            write_image(change(read_image(path)), path)

    return edit


def rename_all(folder):
    for index, path in enumerate(sorted(folder.iterdir())):
        path.rename(folder / f'result-{"abc"[index]}.png')


@pytest.mark.parametrize(
    'edit, message',
    [
        (lambda folder: (folder / '002.png').unlink(), '1 missing: 002'),
        (
            lambda folder: shutil.copy(folder / '002.png', folder / 'other.png'),
            'found 1 of no such pair: other.png',
        ),
        (rename_all, 'such as 001.png, found result-a.png'),
        (
            lambda folder: (
                Image.open(folder / '010.png').resize((40, 36)).save(folder / '010.png')
            ),
            '010 is 40x36, not 80x72',
        ),
        (change_all(lambda pixels: pixels.astype(np.uint16) * 257), '001 has 16 bits (and 2'),
        (change_all(stretch), 'found 3 of 3 images'),
        (
            change_all(lambda pixels: stretch_colour(pixels).astype(np.uint8)),
            'found 3 of 3 images',
        ),
        (lambda folder: (folder / '001.png').write_bytes(b'no image'), '001.png'),
        (
            lambda folder: shutil.copy(folder / '001.png', folder / '001.bmp'),
            'that fit the same',
        ),
        (lambda folder: [path.unlink() for path in folder.iterdir()], 'found none'),
    ],
    ids=[
        'missing',
        'extra',
        'renamed',
        'size',
        'depth',
        'stretched',
        'colour',
        'damaged',
        'twice',
        'empty',
    ],
)
def test_what_does_not_fit_is_refused(run, submitted, tmp_path, edit, message):
    edit(submitted)
    status, _, error = run('--add', f'mine={submitted}')
    assert status == 1
    assert message in error and 'mine: expected' in error
    assert error.count('\n  ') == 1  # One sentence.
    assert not (tmp_path / 'out').exists()


def test_the_same_check_without_a_protocol(run_main, submitted, tmp_path):
    data = tmp_path / 'data' / 'set'
    (tmp_path / 'three.txt').write_text('\n'.join(STEMS))
    options = ['--ir', data / 'ir', '--vi', data / 'vi', '--pairs', tmp_path / 'three.txt']
    options += ['--add', f'mine={submitted}', '--skip-costs', '--workers', '1']
    options += ['--convention', 'plain', '--metrics', 'SD', '--out', tmp_path / 'plain']
    status, _, error = run_main('benchmark_zoo.py', *options)
    assert status == 0, error
    assert load_results(tmp_path / 'plain' / 'results_plain.json').methods == ('mine',)
    (submitted / '002.png').unlink()
    status, _, error = run_main('benchmark_zoo.py', *options)
    assert status == 1 and '1 missing: 002' in error


def test_results_of_another_protocol_or_version_are_refused(run, protocol, tmp_path):
    assert run()[0] == 0
    other = write_protocol(protocol.parent, 'other.json', seed=1)
    status, _, error = run(file=other)
    assert status == 1 and 'expected results of mine-1' in error and 'do not compare' in error
    protocol.write_text(json.dumps(json.loads(protocol.read_text()), indent=3))
    assert run()[0] == 0  # Spaces do not count.
    content = results(tmp_path)
    content['versions']['tsjnet_mm'] = '0.0.1'
    (tmp_path / 'out' / 'results.json').write_text(json.dumps(content))
    status, _, error = run()
    assert status == 1 and 'found those of 0.0.1' in error


def test_a_protocol_for_another_version_is_marked(run, protocol, tmp_path):
    other = write_protocol(protocol.parent, 'other.json', tsjnet_mm='9.0')
    status, out, error = run(file=other)
    assert status == 0, error
    assert 'the protocol is of 9.0' in out
    assert results(tmp_path)['marks'] == ['measured by version 0.1.0; the protocol is of 9.0']


@pytest.mark.parametrize(
    'change, message',
    [
        ({'format': 2}, 'format 2, not 1'),
        ({'metrics': {'cddfuse': ['CV']}}, 'CV is not defined under the convention'),
        ({'groups': {'fidelity': ['plain.AG']}}, 'plain.AG'),
        ({'trivial': ['nothing']}, "trivial row 'nothing'"),
        ({'cost': {'ranked': ['seconds']}}, 'differ between machines'),
    ],
)
def test_faults_of_a_protocol_are_named(run, protocol, change, message):
    status, _, error = run(file=write_protocol(protocol.parent, 'bad.json', **change))
    assert status == 1 and message in error and 'bad.json' in error


def test_lists_and_sources_are_those_of_the_protocol(run, protocol, tmp_path):
    (protocol.parent / 'list.txt').write_text('001\n002\n')
    status, _, error = run()
    assert status == 1 and 'list.txt: expected names with the SHA-256' in error
    content = json.loads(write_protocol(protocol.parent).read_text())
    content['datasets']['drawn']['sources_sha256'] = 64 * '0'
    protocol.write_text(json.dumps(content))
    status, _, error = run()
    assert status == 1 and 'expected the files of drawn as published' in error
    (tmp_path / 'data' / 'set' / 'ir' / '002.png').unlink()
    (tmp_path / 'data' / 'set' / 'vi' / '002.png').unlink()
    status, _, error = run()
    assert status == 1 and '1 are missing: 002' in error


def test_options_that_a_protocol_decides_are_refused(run):
    status, _, error = run('--metrics', 'SD')
    assert status == 2 and '--metrics is what the protocol decides' in error
    status, _, error = run('--add', 'average=.')
    assert status == 1 and 'name of a trivial method' in error


def test_the_shipped_protocol(real_data):
    protocol = read_protocol('ivif-1')
    assert [len(each.stems) for each in protocol.datasets.values()] == [180, 21]
    assert {'visible only', 'infrared only', 'average', 'max', 'laplacian'} == {
        *protocol.trivial
    }


def test_a_page_of_the_results(run, run_main, tmp_path):
    assert run('--models', 'wavelet')[0] == 0
    tool, out = 'analysis_tools/make_site.py', tmp_path / 'site'
    options = [tmp_path / 'out', '--out', out, '--scenes', tmp_path / 'out' / 'drawn']
    status, _, error = run_main(tool, *options, '--count', '2')
    assert status == 0, error
    page = (out / 'index.html').read_text()
    shown = json.loads(page.partition('id="data">')[2].partition('</script>')[0])
    assert [scene['name'] for scene in shown['scenes']] == list(STEMS)[:2]
    images = shown['scenes'][1]['images']
    assert list(images) == ['infrared', 'visible', 'average', 'max', 'wavelet']
    fused = tmp_path / 'out' / 'drawn' / 'fused' / 'wavelet' / '002.png'
    assert (read_image(out / images['wavelet']) == read_image(fused)).all()
    source = tmp_path / 'data' / 'set' / 'vi' / '002.png'
    assert (read_image(out / images['visible']) == read_image(source)).all()
    assert run_main(tool, *options)[0] == 0  # Its own pages are replaced.
    (out / 'numbers.html').write_text('<p>mine')
    status, _, error = run_main(tool, *options)
    assert status == 1 and 'numbers.html' in error
    status, _, error = run_main(tool, tmp_path / 'data', '--out', out)
    assert status == 1 and 'results.json' in error
