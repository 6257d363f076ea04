import json

import pytest


def test_help_teaches(run_main):
    status, out, _ = run_main('detect.py', '--help')
    assert status == 0
    assert 'python tools/detect.py --ir ir.png --vi vi.png' in out
    assert 'predictions.bbox.json' in out and '--fusor-weights' in out


def test_detects_in_odd_folders(run_main, detector_files, pair_folder, tmp_path):
    folder = pair_folder(['7', 'a b'], (33, 47), ir='x/Infrared 1', vi='x/Visible 1')
    arguments = ['--config', detector_files[0], '--weights', detector_files[1]]
    arguments += ['--fusor', 'average', '--device', 'cpu', '--out', tmp_path / 'out']
    status, out, error = run_main(
        'detect.py', '--ir', folder / 'x/Infrared 1', '--vi', folder / 'x/Visible 1', *arguments
    )
    assert status == 0, error
    assert 'in 2 fused images' in out
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [
        '7.png',
        'a b.png',
        'images.json',
        'predictions.bbox.json',
    ]
    results = json.loads((tmp_path / 'out' / 'predictions.bbox.json').read_text())
    assert {item['image_id'] for item in results} == {1, 2}


@pytest.mark.parametrize(
    'changed, message',
    [
        ({'--config': 'none.py'}, 'none.py: no such config'),
        ({'--config': 'mmseg::x/y.py'}, 'expected a config of mmdet, found one of mmseg'),
        ({'--weights': 'none.pth'}, 'no checkpoint at none.pth'),
        ({'--weights': 'published'}, 'only of a library'),
        ({'--fusor': 'nowhere'}, "'nowhere' is neither a config file nor a model"),
        ({'--detector-classes': 'one'}, 'finds 2 classes, but 1 are named: one'),
    ],
)
def test_mistakes_are_named(run_main, detector_files, pair_folder, tmp_path, changed, message):
    folder = pair_folder()
    options = {
        '--ir': folder / 'ir',
        '--vi': folder / 'vi',
        '--config': detector_files[0],
        '--weights': detector_files[1],
        '--out': tmp_path / 'out',
        '--device': 'cpu',
        **changed,
    }
    status, _, error = run_main(
        'detect.py', *(part for item in options.items() for part in item)
    )
    assert status == 1
    assert message.replace('only of a library', 'have published weights') in error
    assert not (tmp_path / 'out').exists()
