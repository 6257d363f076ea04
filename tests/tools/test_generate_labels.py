import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.cli.generate_labels import parse_args
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


def scenes_of(root, *more):
    folders = '--ir', root / 'ir', '--vi', root / 'vi', '--out', root / 'scenes'
    network = '--segmentor', 's.py', '--checkpoint', 's.pth', '--device', 'cpu'
    return ['scenes', *folders, *network, *more]


@pytest.fixture
def segmentor(monkeypatch):
    """Finds road, but car in the lower left quarter; sure in the visible images alone."""

    class Segmentor:
        classes = ('road', 'truck', 'person')
        calls = 0

        def __init__(self, config, checkpoint, classes, device):
            assert (config, checkpoint, classes) == ('s.py', 's.pth', None)

        def probabilities(self, image):
            Segmentor.calls += 1
            is_ir = np.array_equal(image[..., 0], image[..., 1])
            sure = 0.5 if is_ir else 0.9
            found = np.full((3, *image.shape[:2]), (1 - sure) / 2, np.float32)
            found[2 if is_ir else 0] = sure
            if not is_ir:
                found[:2, 60:, :80] = found[1::-1, 60:, :80]
            return found

    monkeypatch.setattr('tsjnet_mm.labels.ViewSegmentor', Segmentor)
    monkeypatch.setattr('tsjnet_mm.utils.checkpoints.refuse_unsafe_checkpoints', lambda: None)
    return Segmentor


def test_scenes(run_main, toy, segmentor, tmp_path):
    first = sorted(path.stem for path in (toy / 'vi').iterdir())[0]
    (tmp_path / 'some.txt').write_text(f'{first}.png\n')
    options = '--seg-classes', 'msrs', '--label-map', 'truck=car', '--pairs'
    command = scenes_of(toy, *options, tmp_path / 'some.txt')
    status, out, _ = run_main(TOOL, *command, '--views', 'ir', 'vi')
    assert status == 0
    assert 'pixels: background 75.00 %, car 25.00 %; decided by ir 0 %, vi 100 %' in out
    (path,) = (toy / 'scenes').iterdir()
    mask = np.asarray(Image.open(path))
    assert path.stem == first
    assert (mask[61:, :79] == 1).all()
    assert (mask == 1).mean() == 0.25
    assert (mask == 0).mean() == 0.75
    assert (toy / 'scenes_review' / 'sheet_001.png').is_file()

    status, _, error = run_main(TOOL, *command)
    assert status == 1
    assert 'made with another views' in error
    calls = segmentor.calls
    command += ['--views', 'ir', 'vi']
    assert '1 pair was there already' in run_main(TOOL, *command)[1]
    assert segmentor.calls == calls
    status, out, _ = run_main(
        TOOL, *command[:-3], '--overwrite', '--boxes', toy / 'labels', '--classes', 'msrs'
    )
    assert status == 0
    assert set(np.unique(np.asarray(Image.open(path)))) >= {1, 2}
    assert ' 0 objects' not in out
    record = json.loads((toy / 'scenes_review' / 'pairs' / f'{first}.json').read_text())
    assert record['tsjnet_mm']['views'] == ['vi', 'average']


def test_options_of_scenes_that_cannot_be_used(run_main, toy, segmentor, tmp_path):
    (tmp_path / 'some.txt').write_text('\nx7\n')
    unknown = 'some.txt, line 2: expected one of the 2 pairs, found x7'
    for options, expected, message in (
        (['--boxes', 'x'], 2, 'go together'),
        (['--views', 'vi', 'vi'], 2, 'each view once'),
        (['--min-probability', '2'], 2, '--min-probability'),
        (['--smoothing', '-1'], 2, '--smoothing'),
        (['--seg-classes', 'person', 'car'], 1, 'called road, truck'),
        (['--label-map', 'lorry=car'], 1, "'lorry=car'"),
        (['--pairs', tmp_path / 'some.txt'], 1, unknown),
    ):
        status, _, error = run_main(TOOL, *scenes_of(toy, *options))
        assert status == expected
        assert message in error
        assert not (toy / 'scenes').exists()
    assert segmentor.calls == 0


def test_script_of_the_training_pairs(tmp_path, monkeypatch, capfd):
    """Its commands have options that exist, lists that exist, and one folder for each set."""
    root = Path(__file__).resolve().parents[2]
    splits = root / 'configs' / '_base_' / 'datasets' / 'splits'
    for folder in ('RoadScene', 'LLVIP/train', 'M3SVD/0111_1716', 'MSRS/train'):
        listed = splits / f'{folder.split("/")[0].lower()}_train.txt'
        for kind in ('ir', 'vi'):
            (tmp_path / 'data' / folder / kind).mkdir(parents=True)
            for stem in [*listed.read_text().split(), 'other']:
                (tmp_path / 'data' / folder / kind / f'{stem}.jpg').touch()
    (tmp_path / 'data/MSRS/train/labels').mkdir()
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\nprintf "%s\\t" "$@"\necho\n')
    python.chmod(0o755)
    monkeypatch.setenv('PYTHON', str(python))
    command = ['bash', root / 'tools' / 'label_training_pairs.sh', tmp_path / 'data']
    subprocess.run([*command, tmp_path / 'out'], check=True)
    made = []
    for line in capfd.readouterr().out.splitlines():
        monkeypatch.setattr('sys.argv', line.rstrip('\t').split('\t'))
        args = parse_args()
        network = args.detector if args.command == 'boxes' else args.segmentor
        assert all(Path(path).is_file() for path in (network, args.pairs))
        assert Path(args.vi).is_dir()
        made.append(f'{args.out.parent.name} {args.out.name}')
    sets = 'roadscene', 'llvip', 'm3svd'
    assert made == [
        *(f'{name} {kind}' for name in sets for kind in ('labels', 'masks')),
        'msrs masks',
    ]
    linked = sorted((tmp_path / 'out/llvip/vi').iterdir())
    assert len(linked) == 32
    assert linked[0].resolve() == tmp_path / 'data/LLVIP/train/vi/010001.jpg'
    assert (tmp_path / 'out/msrs/labels').resolve() == tmp_path / 'data/MSRS/train/labels'
    assert subprocess.run([*command, tmp_path / 'out', 'kitti'], check=False).returncode == 2
    assert 'kitti: expected roadscene, llvip, m3svd or msrs' in capfd.readouterr().err
