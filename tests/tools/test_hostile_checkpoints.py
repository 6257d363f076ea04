"""No door of any tool runs code that is in a checkpoint, nor does a process that it starts."""

import json
import shutil
from pathlib import Path

import mmdet
import pytest
from mmengine.config import Config

from tsjnet_mm.protocols.downstream_protocol import RunFailed, train_and_test


@pytest.fixture
def refused(run_main, hostile, trap):
    """Run a tool that has to refuse the checkpoint with its name."""

    def check(*command):
        status, out, err = run_main(*command)
        assert not trap.exists()
        assert status == 1, out + err
        last = err.splitlines()[-1]
        assert last.startswith(f'error: {hostile} is refused: besides weights it holds')
        assert 'Traceback' not in err and 'Falling back' not in out + err

    return check


@pytest.mark.parametrize(
    'command',
    [
        'fuse.py --ir {ir} --vi {vi} --out {out} --weights {bad}',
        'fuse.py --ir {ir} --vi {vi} --out {out} --model seafusion --weights {bad}',
        'fuse_video.py --ir {ir} --vi {vi} --out {out}.mp4 --weights {bad}',
        'benchmark_zoo.py --ir {ir} --vi {vi} --out {out} --models x=tsjnet-light={bad}',
        'export_fused_dataset.py --dataset folder --data-root {data} --classes a --layout coco '
        '--model tsjnet-light --weights {bad} --out {out}',
        'model_converters/publish_model.py {bad} --out {out}',
        'model_converters/convert_peer.py seafusion {bad} {out}',
        'model_converters/tsjnet_release.py {bad} {out}',
        'deployment/export_onnx.py --model tsjnet-light --weights {bad} --out {out}.onnx',
        'generate_labels.py boxes --ir {ir} --vi {vi} --out {out} --classes person '
        '--detector {detector} --checkpoint {bad}',
        'generate_labels.py boxes --ir {ir} --vi {vi} --out {out} --classes person '
        '--detector {detector} --checkpoint {bad} --fusor tsjnet-light --fusor-weights {bad}',
    ],
)
def test_tools_that_read_weights(refused, command, hostile, pair_folder, tmp_path):
    configs = Path(mmdet.__file__).parent / '.mim' / 'configs'
    data = pair_folder(size=(64, 64), boxes=[(0, 4.0, 4.0, 40.0, 44.0)])
    names = {'ir': data / 'ir', 'vi': data / 'vi', 'data': data, 'bad': hostile}
    names['detector'] = configs / 'retinanet' / 'retinanet_r18_fpn_1x_coco.py'
    refused(*command.format(**names, out=tmp_path / 'out').split())


def test_training_and_testing(refused, run_tool, tiny_config, hostile, trap, tmp_path):
    config, work_dir = tiny_config(), tmp_path / 'work'
    options = ['--work-dir', work_dir]
    refused('test.py', config, hostile, *options)
    refused('train.py', config, *options, '--cfg-options', f'load_from={hostile}')
    refused('train.py', config, *options, '--resume', hostile)
    start = ['model.init_cfg.type=Pretrained', f'model.init_cfg.checkpoint={hostile}']
    refused('train.py', config, *options, '--cfg-options', *start)
    (work_dir / 'last_checkpoint').write_text(str(hostile))
    refused('train.py', config, *options, '--resume')
    # A process of its own has not read anything before.
    done = run_tool('train.py', config, *options, '--cfg-options', *start, check=False)
    assert done.returncode == 1 and not trap.exists()
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f'error: {hostile} is refused: besides weights it holds')
    assert 'Traceback' not in done.stderr and 'Falling back' not in done.stdout + done.stderr


@pytest.mark.slow
def test_processes_of_an_ablation(run_tool, tiny_config, hostile, trap, tmp_path):
    config = tiny_config('row.py', epochs=3)
    folder = tmp_path / 'runs' / 'row'
    folder.mkdir(parents=True)
    shutil.copy(hostile, folder / 'epoch_3.pth')
    command = 'ablation.py', f'row={config}', '--work-dir', tmp_path / 'runs'
    done = run_tool(*command, check=False)
    assert done.returncode == 1
    assert f'{folder / "epoch_3.pth"} is refused: besides weights it holds' in done.stderr
    assert not trap.exists()


@pytest.mark.slow
@pytest.mark.parametrize('door', ['init_cfg', 'last_checkpoint'])
def test_processes_of_the_downstream_protocol(
    hostile, trap, tmp_path, repository, pair_folder, door
):
    data = pair_folder(size=(48, 64))
    image = {'id': 1, 'file_name': '001.png', 'width': 64, 'height': 48}
    box = {'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [4, 4, 30, 30], 'area': 900}
    truth = {'images': [image], 'annotations': [{**box, 'iscrowd': 0}]}
    truth['categories'] = [{'id': 1, 'name': 'car'}]
    (data / 'truth.json').write_text(json.dumps(truth))
    folder = tmp_path / 'work'
    cfg = Config.fromfile(repository / 'configs/downstream/faster-rcnn_r18_fpn_20e_toy.py')
    dataset = {
        'ann_file': 'truth.json',
        'data_root': f'{data}',
        'metainfo': {'classes': ['car']},
    }
    for name in ('train', 'val', 'test'):
        cfg[f'{name}_dataloader'].dataset.update(dataset, data_prefix={'img': 'vi/'})
        if name != 'train':
            cfg[f'{name}_evaluator'].ann_file = str(data / 'truth.json')
    cfg.model.roi_head.bbox_head.num_classes = 1
    cfg.work_dir = str(folder / 'run')
    if door == 'init_cfg':
        cfg.model.backbone.init_cfg = {'type': 'Pretrained', 'checkpoint': str(hostile)}
    else:
        (folder / 'run').mkdir(parents=True)
        (folder / 'run' / 'last_checkpoint').write_text(str(hostile))
    folder.mkdir(exist_ok=True)
    (folder / 'config.py').write_text(cfg.pretty_text)
    with pytest.raises(RunFailed, match=r'bad\.pth is refused: besides weights it holds'):
        train_and_test('mmdet', folder / 'config.py', folder)
    assert not trap.exists()
