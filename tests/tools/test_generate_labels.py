import json

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets import MSRSDataset
from tsjnet_mm.datasets.toy import write_toy_dataset

TOOL = 'generate_labels.py'


@pytest.fixture
def toy(tmp_path):
    write_toy_dataset(tmp_path / 'toy', train=2, test=0, size=(160, 120), seed=3)
    root = tmp_path / 'toy' / 'train'
    (root / 'Segmentation_labels').rename(tmp_path / 'true')
    return root


def masks_of(root, **changes):
    options = {
        '--ir': root / 'ir',
        '--vi': root / 'vi',
        '--boxes': root / 'labels',
        '--out': root / 'Segmentation_labels',
        '--review': root.parent / 'review',
        '--classes': 'msrs',
        '--seg-classes': 'msrs',
        **changes,
    }
    return [part for item in options.items() if item[1] is not None for part in item]


def test_masks_for_training(run_main, toy):
    status, out, _ = run_main(TOOL, 'masks', *masks_of(toy))
    assert status == 0
    assert 'objects in 2 pairs' in out
    assert 'sheet_001.png' in out
    dataset = MSRSDataset(str(toy.parent), annotations=['boxes', 'masks'])
    assert len(dataset) == 2
    values = np.unique(np.asarray(Image.open(dataset[0]['seg_map_path'])))
    assert set(values) <= {0, 1, 2, 3, 255}
    content = json.loads((toy.parent / 'review' / 'confidence.json').read_text())
    assert {item['image'] for item in content['objects']} <= {
        '00001N.png',
        '00002N.png',
        '00001D.png',
        '00002D.png',
    }
    assert (toy.parent / 'review' / 'sheet_001.png').stat().st_size > 10000

    status, out, _ = run_main(TOOL, 'masks', *masks_of(toy))
    assert status == 0
    assert '2 pairs were there already' in out


def test_masks_of_others_are_refused(run_main, toy, tmp_path):
    out = toy / 'Segmentation_labels'
    (tmp_path / 'true').rename(out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    status, _, error = run_main(TOOL, 'masks', *masks_of(toy))
    assert status == 1
    assert error.startswith('error: ')
    assert 'was not made here (2 such files)' in error
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_other_settings_are_refused(run_main, toy):
    run_main(TOOL, 'masks', *masks_of(toy), '--sheet-pairs', 0)
    assert not list((toy.parent / 'review').glob('sheet*'))
    status, _, error = run_main(TOOL, 'masks', *masks_of(toy), '--max-shift', 0)
    assert status == 1
    assert 'made with another --max-shift' in error
    status, _, _ = run_main(TOOL, 'masks', *masks_of(toy), '--max-shift', 0, '--overwrite')
    assert status == 0


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'--ir': 'nowhere'}, 'nowhere'),
        ({'--boxes': 'nowhere'}, 'nowhere'),
        ({'--classes': 'person'}, 'unknown class'),
        ({'--seg-classes': 'person'}, 'called bicycle, car'),
    ],
)
def test_errors_name_what_is_wrong(run_main, toy, changes, message):
    status, _, error = run_main(TOOL, 'masks', *masks_of(toy, **changes))
    assert status == 1
    assert error.startswith('error: ')
    assert message in error
    assert error.count('\n') == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--method', 'sam'], '--sam-weights'),
        (['--max-shift', '2'], '--max-shift'),
        (['--sheet-rows', '0'], '--sheet-rows'),
        (['--ir-range', '0', '1', '--ir-percentiles', '1', '99'], 'not both'),
    ],
)
def test_options_of_masks_that_do_not_go_together(run_main, toy, options, message):
    status, _, error = run_main(TOOL, 'masks', *masks_of(toy), *options)
    assert status == 2
    assert message in error


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--views', 'fused'], '--views fused needs'),
        (['--format', 'coco'], '.json'),
        (['--score', '0'], '--score'),
        (['--fused', 'x', '--fusor', 'average'], 'not both'),
    ],
)
def test_options_of_boxes_that_do_not_go_together(run_main, toy, options, message):
    status, _, error = run_main(
        TOOL,
        'boxes',
        '--ir',
        toy / 'ir',
        '--vi',
        toy / 'vi',
        '--out',
        toy / 'new',
        '--classes',
        'msrs',
        '--detector',
        'x.py',
        '--checkpoint',
        'x.pth',
        *options,
    )
    assert status == 2
    assert message in error


def test_missing_weights_of_sam(run_main, toy, tmp_path):
    status, _, error = run_main(
        TOOL, 'masks', *masks_of(toy), '--method', 'sam', '--sam-weights', tmp_path / 'none'
    )
    assert status == 1
    assert error.startswith('error: ')


def test_boxes(run_main, load_tool, toy, monkeypatch):
    class Detector:
        classes = ('dog', 'car', 'person')

        def __init__(self, config, checkpoint, classes, device):
            assert (config, checkpoint, classes) == ('x.py', 'x.pth', None)

        def __call__(self, image):
            return {
                'boxes': np.array([[10, 10, 40, 60], [5, 5, 20, 20]], np.float32),
                'scores': np.array([0.9, 0.9], np.float32),
                'labels': np.array([2, 0]),
            }

    monkeypatch.setattr('tsjnet_mm.labels.ViewDetector', Detector)
    monkeypatch.setattr('tsjnet_mm.utils.checkpoints.refuse_unsafe_checkpoints', lambda: None)
    status, out, _ = run_main(
        TOOL,
        'boxes',
        '--ir',
        toy / 'ir',
        '--vi',
        toy / 'vi',
        '--out',
        toy / 'new',
        '--classes',
        'msrs',
        '--detector',
        'x.py',
        '--checkpoint',
        'x.pth',
        '--fusor',
        'average',
        '--device',
        'cpu',
    )
    assert status == 0
    assert 'the detector finds no bicycle' in out
    assert 'boxes of 2 objects in 2 pairs' in out
    (first, _) = sorted((toy / 'new').iterdir())
    fields = first.read_text().split()
    assert fields[0] == '0'
    # Three views at 0.9 each.
    assert float(fields[5]) == pytest.approx(0.999)
    assert (toy / 'new_review' / 'sheet_001.png').is_file()
