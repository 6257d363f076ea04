import json
import shutil

import pytest

BOXES = [(0, 4.0, 4.0, 40.0, 44.0), (1, 20.0, 10.0, 60.0, 46.0)]


@pytest.fixture
def run(run_main, pair_folder, detector_files, tmp_path):
    folder = pair_folder(['a', 'b', 'c'], (48, 64), 'data', boxes=BOXES)

    def start(*changed, tool='judge.py', task=('detection',), network=True):
        arguments = [*task, '--ir', folder / 'ir', '--vi', folder / 'vi']
        arguments += ['--boxes', folder / 'labels', '--classes', 'person,car']
        if network:
            arguments += ['--config', detector_files[0], '--weights', detector_files[1]]
        return run_main(
            tool, *arguments, '--device', 'cpu', '--out', tmp_path / 'out', *changed
        )

    return start


def test_help_teaches(run_main):
    status, out, _ = run_main('judge.py', '--help')
    assert status == 0
    assert 'python tools/judge.py segmentation --ir IR' in out and '--predictions' in out


def test_judges_folders_and_models(run, tmp_path):
    shutil.copytree(tmp_path / 'data' / 'vi', tmp_path / 'same')
    rows = ['--methods', f'same={tmp_path / "same"}', '--models', 'average']
    status, out, error = run(*rows, '--resamples', '100')
    assert status == 0, error
    lines = [line.split() for line in out.splitlines()]
    tables = [[line[0] for line in lines if line and line[0] in ROWS]][0]
    assert tables[:4] == ['visible', 'infrared', 'same', 'average']
    scores = json.loads((tmp_path / 'out' / 'judged.json').read_text())['scores']
    assert scores.keys() == {*ROWS}
    texts = [(tmp_path / 'out/predictions' / f'{row}.bbox.json').read_text() for row in ROWS]
    assert texts[2] == texts[0] != texts[1]
    assert '| same' in (tmp_path / 'out' / 'table.md').read_text()
    results = json.loads((tmp_path / 'out/predictions/average.bbox.json').read_text())
    assert {item['image_id'] for item in results} == {1, 2, 3}
    # What was found, as if elsewhere.
    found = [f'{row}={tmp_path}/out/predictions/{row}.bbox.json' for row in ROWS]
    where = tmp_path / 'again'
    status, _, error = run(
        '--predictions', *found, '--out', where, '--resamples', '100', network=False
    )
    assert status == 0, error
    assert json.loads((where / 'judged.json').read_text())['scores'] == scores


ROWS = ('visible', 'infrared', 'same', 'average')


@pytest.mark.parametrize(
    'changed, status, message',
    [
        (['--weights', ''], 2, '--config and --weights go together'),
        (['--predictions', 'a=b.json'], 2, 'leave out --config'),
        (['--classes', ''], 2, 'detection needs --classes'),
        (
            ['--classes', 'tree,house'],
            1,
            'none of the classes person, car is among tree, house',
        ),
        (['--boxes', 'nowhere'], 1, 'nowhere: no such file or folder'),
        (['--methods', 'a=nowhere'], 1, 'no folder of fused images nowhere'),
        (['--methods', 'a=x', 'a=y'], 1, 'each row needs a name of its own'),
        (['--reference', 'mine'], 1, '--reference mine is no row'),
        (['--map', 'bus=car'], 1, "'bus=car': expected one of person, car"),
        (['--resamples', '5'], 2, '--resamples must be at least 100'),
        (['--weights', 'none.pth'], 1, 'no checkpoint at none.pth'),
    ],
)
def test_mistakes_are_named(run, changed, status, message):
    found, _, error = run(*changed)
    assert found == status
    assert message in error


def test_a_column_of_the_zoo_table(run, tmp_path):
    arguments = ['--models', 'average', 'max', '--skip-costs', '--workers', '1']
    arguments += ['--metrics', 'MSE', '--convention', 'plain']
    status, out, error = run(*arguments, tool='benchmark_zoo.py', task=())
    assert status == 0, error
    assert 'AP@0.5 of tiny' in out
    text = (tmp_path / 'out' / 'table.md').read_text()
    head, *rows = [line for line in text.splitlines() if line.startswith('|')][:4]
    column = [cell.strip() for cell in head.split('|')].index('AP@0.5 of tiny↑')
    record = json.loads((tmp_path / 'out/judged/found/max.json').read_text())
    assert len(record['found']) == 3
    assert all(line.split('|')[column].strip() for line in rows)
    assert '| visible' in text and '| infrared' in text and 'Difference to visible' in text
