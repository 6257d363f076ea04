"""Training on one's own folders, by the command."""

import json
import re
import shlex
import warnings

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from tsjnet_mm.datasets.toy import write_toy_dataset

QUICK = ('--epochs', '1', '--crop', '64', '--workers', '0', '--batch-size', '2')


@pytest.fixture
def mine(tmp_path):
    """Seven drawn pairs in folders with names as people give; smaller than some crops."""
    root = tmp_path / "Bob's pairs {1}"
    write_toy_dataset(tmp_path / 'toy', train=7, test=1, size=(96, 80))
    (tmp_path / 'toy' / 'train').rename(root)
    return root


def folders(root, **more):
    found = {'ir': root / 'ir', 'vi': root / 'vi', 'out': root / 'run', **more}
    return [word for name, value in found.items() for word in (f'--{name}', value)]


def labels(root):
    return {'boxes': root / 'labels', 'masks': root / 'Segmentation_labels'}


def written(root):
    return Config.fromfile(root / 'run' / 'config.py')


@pytest.fixture
def configured(run_main, monkeypatch):
    """Run the command up to the training; returns its status, and what it printed."""
    monkeypatch.setattr('tsjnet_mm.cli.train.train', lambda cfg, args: None)
    monkeypatch.setattr(
        'tsjnet_mm.engine.work_dir.saved_checkpoints', lambda folder: [f'{folder}/epoch_1.pth']
    )

    def run(*arguments):
        return run_main('train.py', *arguments)

    return run


def test_a_fusor_is_trained_alone_and_fuses(mine, run_main, load_checkpoint, tmp_path):
    for path in (mine / 'ir').iterdir():  # 16 bit, and names that add to the pair's.
        grey = np.asarray(Image.open(path)).astype(np.uint16) * 60 + 7000
        path.unlink()
        Image.fromarray(grey).save(path.with_name(f'{path.stem}_T.tif'))
    affixes = ('--ir-affix', '_T', '--ir-range', '7000', '22300')
    status, out, err = run_main('train.py', *folders(mine), *QUICK, *affixes)
    assert status == 0, err
    run = mine / 'run'
    lists = [(run / f'{name}.txt').read_text().split() for name in ('train', 'val')]
    assert [len(stems) for stems in lists] == [6, 1]
    assert {*lists[0], *lists[1]} == {path.stem for path in (mine / 'vi').iterdir()}
    before = load_checkpoint_of_the_package()
    after = load_checkpoint(run / 'epoch_1.pth')['state_dict']
    assert before.keys() == after.keys()
    moved = [(after[key] - before[key]).abs().max() for key in after if after[key].ndim > 1]
    assert 0 < max(moved) < 0.01
    fuse = 'tsjnet fuse --ir IR --vi VI --out OUT --model tsjnet-light --weights '
    assert f'\n  {fuse}' in out
    assert out.rstrip().endswith('--ir-range 7000.0 22300.0 --ir-affix _T')
    status, out, err = run_main(
        'fuse.py', *folders(mine, out=tmp_path / 'fused'), '--weights', run / 'epoch_1.pth',
        *affixes, '--device', 'cpu',
    )  # fmt: skip
    assert status == 0 and out.startswith('7 fused images'), err


@pytest.mark.slow
def test_the_config_trains_again_to_the_same_weights(mine, run_main, load_checkpoint):
    run = mine / 'run'
    assert run_main('train.py', *folders(mine), *QUICK)[0] == 0
    text = (run / 'config.py').read_text()
    assert "'tsjnet_mm::_base_/models/tsjnet_light.py'" in text
    before = load_checkpoint(run / 'epoch_1.pth')['state_dict']
    status, _, err = run_main('train.py', run / 'config.py')
    assert status == 0, err
    again = load_checkpoint(run / 'epoch_1.pth')['state_dict']
    torch.testing.assert_close(again, before, rtol=0, atol=0)
    assert (run / 'config.py').read_text() == text


def load_checkpoint_of_the_package():
    from tsjnet_mm.models.fusors.hub import published_weights
    from tsjnet_mm.utils.checkpoints import load_state_dict

    return load_state_dict(published_weights('tsjnet-light'))


@pytest.mark.slow
def test_drivers_train_along(mine, run_main, load_checkpoint, tmp_path):
    """Six pairs, with crops larger than they are; batches of five leave one pair over."""
    options = (*QUICK[:2], '--crop', '128', '--workers', '1', '--batch-size', '5')
    status, out, err = run_main('train.py', *folders(mine, **labels(mine)), *options)
    assert status == 0, err
    assert 'a detector of class_0' in out and 'a segmentor of background, ' in out
    state = load_checkpoint(mine / 'run' / 'epoch_1.pth')['state_dict']
    assert {key.split('.')[0] for key in state} == {'fusor', 'detector', 'segmentor'}
    log = next((mine / 'run').glob('*/vis_data/scalars.json')).read_text()
    scores = json.loads(log.splitlines()[-1])
    assert {'drivers/fused/mAP@.5', 'drivers/ir/mIoU', 'fusion/SSIM'} <= scores.keys()
    status, out, _ = run_main(
        'fuse.py', *folders(mine, out=tmp_path / 'fused'), '--device', 'cpu',
        '--weights', mine / 'run' / 'epoch_1.pth',
    )  # fmt: skip
    assert status == 0 and out.startswith('7 fused images')


def test_config_of_a_joint_training(mine, configured):
    names = ('--classes', 'person', 'bicycle', 'car', '--seg-classes', 'msrs')
    more = ('--lr', '2e-4', '--epochs', '12', '--batch-size', '5')
    status, _, err = configured(*folders(mine, **labels(mine)), *names, *more)
    assert status == 0, err
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # mmengine warns of models that no config trains.
        cfg = written(mine)
    assert cfg.model.type == 'JointFusor'
    assert cfg.model.fusor.init_cfg.checkpoint == 'tsjnet_mm://tsjnet-light'
    assert (cfg.model.detector.num_classes, cfg.model.segmentor.num_classes) == (3, 9)
    train, val = cfg.train_dataloader, cfg.val_dataloader
    for dataset in (train.dataset, val.dataset):
        assert dataset.metainfo.classes == ('person', 'bicycle', 'car')
        assert len(dataset.metainfo.seg_classes) == 9
        assert dataset.annotations == ['boxes', 'masks']
    assert train.dataset.ann_file != val.dataset.ann_file
    assert (train.batch_size, train.drop_last) == (5, True)  # One of six would be left over.
    assert (cfg.train_cfg.max_epochs, cfg.train_cfg.val_interval) == (12, 5)
    assert cfg.optim_wrapper.optimizer.lr == 2e-4
    assert cfg.optim_wrapper.paramwise_cfg.custom_keys.detector.lr_mult == 10
    assert cfg.work_dir == str(mine / 'run')


def test_preparation_and_validation_pairs(mine, configured):
    other = ('--val-ir', mine / 'ir', '--val-vi', mine / 'vi', '--resize')
    status, _, err = configured(*folders(mine), *other, '--ir-percentiles', '1', '99')
    assert status == 0, err
    cfg = written(mine)
    for dataset in (cfg.train_dataloader.dataset, cfg.val_dataloader.dataset):
        assert dataset.any_ir_size and not dataset.get('ann_file')
        load = dataset.pipeline[0]
        assert (load.type, load.resize, load.ir_percentiles) == ('LoadPair', True, (1.0, 99.0))
    assert not (mine / 'run' / 'train.txt').exists()


def test_one_pair_is_not_validated_on(mine, configured):
    for folder in ('ir', 'vi', 'Segmentation_labels'):
        for path in sorted((mine / folder).iterdir())[1:]:
            path.unlink()
    masks = labels(mine)['masks']
    status, out, err = configured(*folders(mine, masks=masks))
    assert status == 0 and '1 pair to train on with a segmentor' in out, err
    cfg = written(mine)
    assert cfg.val_dataloader is None and cfg.test_cfg is None
    # A segmentor's norms need two images.
    assert (cfg.train_dataloader.dataset.type, cfg.train_dataloader.dataset.times) == (
        'RepeatDataset',
        2,
    )


def test_classes_of_labels(mine, configured):
    (mine / 'labels' / 'classes.txt').write_text('walker\nrider\nvan\n')
    boxes = labels(mine)['boxes']
    assert configured(*folders(mine, boxes=boxes))[0] == 0
    assert written(mine).train_dataloader.dataset.metainfo == {
        'classes': ('walker', 'rider', 'van')
    }


def test_the_same_command_again_and_another(mine, configured):
    assert configured(*folders(mine))[0] == 0
    assert configured(*folders(mine), '--resume')[0] == 0
    before = (mine / 'run' / 'config.py').read_text()
    status, _, err = configured(*folders(mine), '--epochs', '3')
    assert status == 1 and 'config.py is of other data or options' in err
    (command,) = re.findall('`tsjnet train (.*)`', err)  # To be pasted into a shell.
    assert shlex.split(command) == [str(mine / 'run' / 'config.py')]
    assert f'#     tsjnet train {command}\n' in before
    assert (mine / 'run' / 'config.py').read_text() == before


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--ir', 'a'], 'expected CONFIG, or --ir DIR --vi DIR --out DIR'),
        ([], 'expected CONFIG, or --ir DIR --vi DIR --out DIR'),
        (['c.py', '--ir', 'a'], 'give CONFIG or folders, not both: --ir goes with'),
        (['c.py', '--epochs', '3'], 'give CONFIG or folders, not both: --epochs goes with'),
        (['c.py', '--resize'], 'give CONFIG or folders, not both: --resize goes with'),
        (['--work-dir', 'w'], '--work-dir goes with CONFIG: with folders it is --out'),
        (['--launcher', 'pytorch'], '--launcher goes with CONFIG'),
        (['--val-ir', 'a'], '--val-ir and --val-vi go together'),
        (['--classes', 'a'], '--classes goes with --boxes'),
        (['--seg-classes', 'a'], '--seg-classes goes with --masks'),
        (['--epochs', '0'], '--epochs must be at least 1, got 0'),
        (['--crop', '63'], '--crop must be at least 64, got 63'),
        (['--masks', 'm', '--batch-size', '1'], '--batch-size must be at least 2 with --masks'),
        (['--lr', '0'], '--lr must lie between 0 and 1, got 0.0'),
        (['--ir-range', '1', '2', '--ir-percentiles', '1', '2'], 'not both'),
    ],
)
def test_options_that_do_not_go_together(arguments, message, run_main):
    whole = ['--ir', 'ir', '--vi', 'vi', '--out', 'out']
    given = arguments if 'expected' in message or 'c.py' in arguments else whole + arguments
    status, _, err = run_main('train.py', *given)
    assert status == 2 and message in err.splitlines()[-1]


def test_what_cannot_be_trained_on_is_one_sentence(mine, configured):
    def fails(message, **more):
        status, _, err = configured(*folders(mine, **more))
        assert status == 1 and message in err and err.startswith('error: '), err
        assert err.count('\n') == 1 and not (mine / 'run').exists()

    (mine / 'empty').mkdir()
    fails('none of these', boxes=mine / 'empty')
    fails('expected labels of boxes, found nothing', boxes=mine / 'no')
    fails('expected a folder of images, found none', masks=mine / 'no')
    fails('expected a folder of images, found none', vi=mine / 'no')
    label = next((mine / 'labels').iterdir())
    label.rename(mine / 'kept.txt')
    fails('missing label file', boxes=mine / 'labels')
    mask = next((mine / 'Segmentation_labels').iterdir())
    Image.fromarray(np.ones((9, 9), np.uint8)).save(mask)
    fails('mask of another size', masks=mine / 'Segmentation_labels')
    for path in (mine / 'Segmentation_labels').iterdir():
        Image.fromarray(np.zeros((80, 96), np.uint8)).save(path)
    fails('found background alone', masks=mine / 'Segmentation_labels')
