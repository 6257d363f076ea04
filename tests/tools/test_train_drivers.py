"""Any detector of mmdet and any segmentor of mmseg drives a training, in the documented line.

Three pairs in batches of two: the second and last batch holds a single pair.
"""

import json
import math
import os
import socket
import subprocess
import sys

import pytest
import torch

CLASSES = ('person', 'bicycle', 'car')
SEG_CLASSES = tuple('abcdefghi')
SMALL_RESNET = {
    'backbone': {'depth': 18, 'init_cfg': None},
    'neck': {'in_channels': [64, 128, 256, 512]},
}
NO_DOWNLOAD = {'backbone': {'init_cfg': None}}
DETECTORS = {
    'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py': (
        SMALL_RESNET,
        {'loss_bbox', 'loss_rpn_bbox'},
    ),
    'retinanet/retinanet_r50_fpn_1x_coco.py': (SMALL_RESNET, {'loss_bbox'}),
    'rtmdet/rtmdet_tiny_8xb32-300e_coco.py': (NO_DOWNLOAD, {'loss_bbox'}),
    'yolox/yolox_tiny_8xb8-300e_coco.py': (None, {'loss_bbox'}),
    # Its masks are filled boxes, and its mask term does not count.
    'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py': (SMALL_RESNET, {'loss_bbox', 'loss_rpn_bbox'}),
    'centernet/centernet_r18_8xb16-crop512-140e_coco.py': (
        NO_DOWNLOAD,
        {'loss_wh', 'loss_offset'},
    ),
}
SEGMENTORS = {
    'deeplabv3plus/deeplabv3plus_r18-d8_4xb2-80k_cityscapes-512x1024.py': (
        {'pretrained': None, 'auxiliary_head': None},
        {'decode.loss_ce'},
    ),
    'bisenetv1/bisenetv1_r18-d32_4xb4-160k_cityscapes-1024x1024.py': (
        NO_DOWNLOAD,
        {'decode.loss_ce', 'aux_0.loss_ce', 'aux_1.loss_ce'},
    ),
    'segformer/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024.py': (
        NO_DOWNLOAD,
        {'decode.loss_ce'},
    ),
    # Its edge maps are made from the masks.
    'pidnet/pidnet-s_2xb6-120k_1024x1024-cityscapes.py': (
        NO_DOWNLOAD,
        {f'decode.loss_{name}' for name in ('sem_p', 'sem_i', 'bd', 'sem_bd')},
    ),
}


@pytest.fixture
def joint_config(tiny_config, tiny_fusor, pair_folder, tmp_path):
    """Write a config that trains the tiny fusor with drivers on three labelled pairs."""

    def write(name='joint.py', **drivers):
        root = pair_folder(
            stems=('1', '2', '3'),
            size=(96, 128),
            root='labelled',
            boxes=[(0, 8, 8, 90, 80), (2, 40, 20, 70, 60)],
            seg_classes=9,
        )
        steps = [{'type': 'LoadPair'}, {'type': 'LoadPairAnnotations'}]
        loader = {
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'DefaultSampler', 'shuffle': True},
            'dataset': {
                'type': 'FolderDataset',
                'data_root': str(root),
                'metainfo': {'classes': CLASSES, 'seg_classes': SEG_CLASSES},
                'pipeline': [*steps, {'type': 'PackFusionInputs'}],
            },
        }
        return tiny_config(
            name,
            epochs=1,
            model={'type': 'JointFusor', 'fusor': tiny_fusor, **drivers},
            train_dataloader=loader,
            default_hooks={
                'logger': {'interval': 1},
                'checkpoint': {'interval': 100, 'save_last': False},
            },
        )

    return write


def logged(work_dir):
    """What each iteration logged."""
    paths = work_dir.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    return [line for line in lines if 'loss' in line]


def train(run_main, config, work_dir):
    status, output, errors = run_main('train.py', config, '--work-dir', work_dir)
    assert status in (0, None), output + errors
    iterations = logged(work_dir)
    assert [line['iter'] for line in iterations] == [1, 2]
    assert all(math.isfinite(line['loss']) for line in iterations)
    return iterations


def slow_if(paths, heavy):
    """Parameters, those whose path starts with one of ``heavy`` marked slow."""
    return [
        pytest.param(path, marks=pytest.mark.slow) if path.startswith(heavy) else path
        for path in paths
    ]


@pytest.mark.parametrize(
    'path', slow_if(DETECTORS, ('faster', 'retina', 'mask', 'centernet', 'yolox'))
)
def test_detectors(path, joint_config, run_main, tmp_path):
    changes, terms = DETECTORS[path]
    config = joint_config(
        detector={
            'type': 'DetectionDriver',
            'config': f'mmdet::{path}',
            'num_classes': 3,
            'frozen': False,
            'model': changes,
        }
    )
    for line in train(run_main, config, tmp_path / 'run'):
        for image in ('fused', 'ir', 'vi'):
            found = {name for name in line if name.startswith(f'det_{image}.')}
            assert found == {f'det_{image}.{term}' for term in terms}


@pytest.mark.parametrize('path', slow_if(SEGMENTORS, ('deeplab', 'bisenet', 'pidnet')))
def test_segmentors(path, joint_config, run_main, tmp_path):
    changes, terms = SEGMENTORS[path]
    config = joint_config(
        segmentor={
            'type': 'SegmentationDriver',
            'config': f'mmseg::{path}',
            'num_classes': 9,
            'frozen': False,
            'model': changes,
        }
    )
    for line in train(run_main, config, tmp_path / 'run'):
        found = {name for name in line if name.startswith('seg.')}
        assert found == {f'seg.{term}' for term in terms}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            {'frozen': True, 'num_classes': 3},
            "random weights (100% of them): give it weights='",
        ),
        ({}, 'write_label_map'),
        ({'label_map': [0, 1]}, 'label_map has 2 entries, the data set 3 classes'),
        ({'label_map': [0, 1, 80]}, "must name some of the detector's 80 classes"),
    ],
)
def test_silent_nonsense_ends_before_the_first_step(
    change, message, joint_config, run_main, tmp_path
):
    detector = {
        'type': 'DetectionDriver',
        'config': 'mmdet::yolox/yolox_tiny_8xb8-300e_coco.py',
        'frozen': False,
        **change,
    }
    config = joint_config(detector=detector)
    status, _, errors = run_main('train.py', config, '--work-dir', tmp_path / 'run')
    assert status == 1 and 'Traceback' not in errors
    message = message.replace('write_label_map', 'give the driver label_map=[0, 1, 2] (')
    assert message in errors.splitlines()[-1]
    assert logged(tmp_path / 'run') == []


def test_another_number_of_segmentation_classes_ends_before_the_first_step(
    joint_config, run_main, tmp_path
):
    segmentor = {
        'type': 'SegmentationDriver',
        'config': 'mmseg::bisenetv1/bisenetv1_r18-d32_4xb4-160k_cityscapes-1024x1024.py',
        'frozen': False,
    }
    config = joint_config(segmentor=segmentor)
    status, _, errors = run_main('train.py', config, '--work-dir', tmp_path / 'run')
    assert status == 1
    assert 'has 19 classes (road, ...), the data set 9 (a, b, c' in errors.splitlines()[-1]
    assert 'num_classes=9' in errors.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='gloo between CPU processes')
def test_two_cpu_processes_with_synchronised_norms(joint_config, repository, tmp_path):
    """RTMDet and BiSeNet ask for SyncBN, which needs CUDA: it becomes BN, said once."""
    config = joint_config(
        detector={
            'type': 'DetectionDriver',
            'config': 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py',
            'num_classes': 3,
            'frozen': False,
            'model': NO_DOWNLOAD,
            'loss_terms': ['*loss*'],
        },
        segmentor={
            'type': 'SegmentationDriver',
            'config': 'mmseg::bisenetv1/bisenetv1_r18-d32_4xb4-160k_cityscapes-1024x1024.py',
            'num_classes': 9,
            'frozen': False,
        },
    )
    config.write_text(config.read_text() + "\nsync_bn = 'torch'\n")
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2'),
            *(f'--master_port={port}', str(repository / 'tools' / 'train.py'), str(config)),
            *('--launcher', 'pytorch', '--work-dir', str(tmp_path / 'run')),
        ],
        env={**os.environ, 'PYTHONPATH': f'{repository}:{":".join(sys.path)}'},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count('SyncBN becomes BN') == 1
    assert len(logged(tmp_path / 'run')) == 1  # Three pairs, two processes, two a process.
