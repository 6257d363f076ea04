import pytest
from PIL import Image

BOXES = [(0, 4.0, 4.0, 40.0, 44.0), (2, 20.0, 10.0, 60.0, 46.0)]
SMALL = [
    'train_cfg.max_epochs=1',
    'model.backbone.base_channels=8',
    'model.neck.in_channels=[8,16,32,64]',
]


@pytest.fixture
def data(pair_folder, tmp_path):
    for split in ('train', 'test'):
        folder = pair_folder(root=f'data/{split}', size=(48, 64), boxes=BOXES)
        (tmp_path / 'ours' / split).mkdir(parents=True)
        for path in (folder / 'vi').iterdir():
            Image.open(path).convert('L').save(tmp_path / 'ours' / split / path.name)
    return tmp_path


def test_help_teaches(run_main):
    status, out, _ = run_main('downstream.py', '--help')
    assert status == 0
    assert 'python tools/downstream.py segmentation --dataset msrs' in out
    assert '--folds' in out


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--dataset', 'folder'], 'folder has no splits of its own'),
        (['--dataset', 'msrs', '--folds', '2'], '--folds 2 needs {fold} in --pairs'),
        (['--dataset', 'msrs', '--methods', 'a=x', 'a=y'], 'each method needs a name'),
        (['--dataset', 'msrs', '--methods', 'a=nowhere'], 'no folder of fused images nowhere'),
        (['--dataset', 'msrs', '--config', 'none.py'], 'none.py'),
    ],
)
def test_mistakes_are_named(run_main, data, monkeypatch, arguments, message):
    monkeypatch.setattr(
        'tsjnet_mm.protocols.downstream_protocol.train_and_test',
        lambda *rest: pytest.fail('trained'),
    )
    status, _, error = run_main(
        'downstream.py',
        'detection',
        *arguments,
        '--data-root',
        data / 'data',
        '--work-dir',
        data / 'work',
    )
    assert status == 1
    assert message in error


@pytest.mark.slow
def test_trains_and_tests_each_method(run_tool, data, repository):
    command = [
        'downstream.py',
        'detection',
        '--dataset',
        'msrs',
        '--data-root',
        data / 'data',
        '--methods',
        f'ours={data / "ours"}',
        '--config',
        repository / 'configs' / 'downstream' / 'faster-rcnn_r18_fpn_20e_toy.py',
        '--work-dir',
        data / 'work',
        '--cfg-options',
        *SMALL,
    ]
    command = list(map(str, command))
    done = run_tool(*command)
    rows = [line.split()[0] for line in done.stdout.splitlines() if '↑' not in line][-3:]
    assert rows == ['visible', 'infrared', 'ours']
    assert (data / 'work' / 'ours' / 'run' / 'epoch_1.pth').is_file()
    assert '| visible' in (data / 'work' / 'table.md').read_text()
    log = (data / 'work' / 'ours' / 'log.txt').read_text()
    again = run_tool(*command)
    assert again.stdout.splitlines()[-4:] == done.stdout.splitlines()[-4:]
    assert (data / 'work' / 'ours' / 'log.txt').read_text() == log
