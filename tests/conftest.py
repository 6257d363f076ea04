import contextlib
import http.server
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from PIL import Image

from tsjnet_mm.utils.env import allow_mmengine_checkpoints


@pytest.fixture(autouse=True)
def seed():
    """The same random weights and images in every run, whatever ran before."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def own_default_scope():
    """A Runner, ours or another library's, sets the default scope for good: not here."""
    before = DefaultScope._instance_dict.copy()
    yield
    DefaultScope._instance_dict = before


@pytest.fixture(scope='session')
def real_data():
    """Folder of real pairs that are no part of the project; skips where it is absent."""
    root = Path(__file__).resolve().parents[1]
    path = Path(os.environ.get('TSJNET_MM_DATA', root.parent / 'shared' / 'data'))
    if not path.is_dir():
        pytest.skip(f'no real data at {path}; TSJNET_MM_DATA names its folder')
    return path


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def trap(tmp_path):
    """The folder that harmful code makes when it runs."""
    return tmp_path / 'trap'


@pytest.fixture
def harmful(trap):
    """An object that makes the folder ``trap`` when it is unpickled."""
    return Harmful(trap)


@pytest.fixture
def hostile(harmful, tmp_path):
    """A checkpoint of a ``Linear(2, 1)`` that makes the folder ``trap`` when its code runs."""
    path = tmp_path / 'bad.pth'
    torch.save({'state_dict': torch.nn.Linear(2, 1).state_dict(), 'meta': harmful}, path)
    return path


@pytest.fixture
def left_by_the_dead():
    """Leave beside a folder what a process that was killed while it filled it leaves."""
    script = (
        'import os, signal, sys\n'
        'from tsjnet_mm.utils.files import whole_folder\n'
        'with whole_folder(sys.argv[1]) as partial:\n'
        '    (partial / "train" / "ir").mkdir(parents=True)\n'
        '    (partial / "train" / "ir" / "a.png").touch()\n'
        '    os.kill(os.getpid(), signal.SIGKILL)\n'
    )

    def leave(path):
        root = str(Path(__file__).resolve().parents[1])
        process = subprocess.run(
            [sys.executable, '-c', script, path], env={**os.environ, 'PYTHONPATH': root}
        )
        assert process.returncode == -signal.SIGKILL
        (left,) = path.parent.glob(f'.{path.name}.*.part')
        return left

    return leave


def write_yolo(path, objects, size):
    """Write absolute boxes ``(label, x1, y1, x2, y2)`` as a YOLO file."""
    height, width = size
    lines = [
        f'{label} {(x1 + x2) / 2 / width} {(y1 + y2) / 2 / height} '
        f'{(x2 - x1) / width} {(y2 - y1) / height}\n'
        for label, x1, y1, x2, y2 in objects
    ]
    path.write_text(''.join(lines))


@pytest.fixture
def pair_folder(tmp_path):
    """Factory of folders with small random 8-bit pairs.

    ``boxes`` (absolute, ``(label, x1, y1, x2, y2)``) are written for every pair as YOLO txt
    to ``labels``; with ``seg_classes`` random index masks go to ``masks``.
    """

    def make(
        stems=('001', '002', '010'),
        size=(24, 32),
        root='',
        ir='ir',
        vi='vi',
        ir_extension='.png',
        vi_extension='.png',
        boxes=None,
        labels='labels',
        seg_classes=0,
        masks='masks',
    ):
        base = tmp_path / root
        rng = np.random.default_rng(0)
        for folder, wanted in (
            (ir, 1),
            (vi, 1),
            (labels, boxes is not None),
            (masks, seg_classes),
        ):
            if wanted:
                (base / folder).mkdir(parents=True, exist_ok=True)
        for stem in stems:
            grey = rng.integers(0, 256, size, dtype=np.uint8)
            colour = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(grey).save(base / ir / (stem + ir_extension))
            Image.fromarray(colour).save(base / vi / (stem + vi_extension))
            if boxes is not None:
                write_yolo(base / labels / f'{stem}.txt', boxes, size)
            if seg_classes:
                mask = rng.integers(0, seg_classes, size, dtype=np.uint8)
                Image.fromarray(mask).save(base / masks / f'{stem}.png')
        return base

    return make


@pytest.fixture
def tiny_fusor():
    """Config of a TSJNet with a few thousand weights and all losses of the paper."""
    detail = {'type': 'DetailSalienceModule', 'channels': 8}
    local = {
        'type': 'NeighborhoodAttentionTransformer',
        'channels': 8,
        'embed_channels': 8,
        'depths': (1,),
        'num_heads': (2,),
        'kernel_size': 3,
        'neck_channels': 8,
        'drop_path_rate': 0.0,
    }
    trunk = {'stem_channels': (4, 4, 8), 'planes': 4, 'expansion': 2, 'num_blocks': 1}
    return {
        'type': 'TSJNet',
        'encoder': {
            'type': 'BaseResNeStEncoder',
            'embed_channels': 4,
            'refine_channels': (8,),
            'trunk': {**trunk, 'stride': 2},
        },
        'features': {'type': 'LocalSignificantModule', 'detail': detail, 'local': local},
        'fusion_layer': {'type': 'SumFusionLayer', 'detail': detail, 'local': local},
        'decoder': {
            'type': 'BaseResNeStDecoder',
            'in_channels': 8,
            'num_heads': 2,
            'reduced_channels': 8,
            'hidden_channels': 8,
            'upsample': 2,
            'levels': 2,
            'trunk': trunk,
        },
        'losses': {
            'ssim': {'type': 'SSIMLoss'},
            'diversity': {'type': 'DiversityLoss', 'loss_weight': 0.1},
            'ir_reconstruction': {'type': 'ReconstructionLoss', 'modality': 'ir'},
            'vi_reconstruction': {'type': 'ReconstructionLoss', 'modality': 'vi'},
        },
    }


@pytest.fixture
def load_checkpoint():
    """Read a checkpoint of the Runner, all of it."""

    def load(path):
        # mmengine's fork forgets what torch was told to allow whenever it loads itself.
        allow_mmengine_checkpoints()
        return torch.load(path, weights_only=True)

    return load


#: Config of a small detector of two classes.
DETECTOR = """
default_scope = 'mmdet'
model = dict(
    type='RetinaNet',
    data_preprocessor=dict(type='DetDataPreprocessor', pad_size_divisor=32),
    backbone=dict(type='ResNet', depth=18, base_channels=8, num_stages=4,
        out_indices=(2, 3), norm_cfg=dict(type='BN'), style='pytorch'),
    neck=dict(type='FPN', in_channels=[32, 64], out_channels=8, num_outs=2),
    bbox_head=dict(type='RetinaHead', num_classes=2, in_channels=8, stacked_convs=1,
        feat_channels=8, anchor_generator=dict(type='AnchorGenerator',
            octave_base_scale=2, scales_per_octave=1, ratios=[1.0], strides=[16, 32]),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True), loss_bbox=dict(type='L1Loss')),
    test_cfg=dict(nms_pre=100, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=5))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'), dict(type='Resize', scale=(64, 64), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('ori_shape', 'img_shape', 'scale_factor'))]))
"""


@pytest.fixture(scope='session')
def write_detector():
    """Write config and checkpoint of a small mmdet detector that finds something everywhere."""

    def write(folder, name='tiny'):
        from mmdet.registry import MODELS
        from mmengine.config import Config

        config, checkpoint = folder / f'{name}.py', folder / f'{name}.pth'
        config.write_text(DETECTOR)
        with DefaultScope.overwrite_default_scope('mmdet'):
            model = MODELS.build(Config.fromfile(config).model)
        torch.nn.init.zeros_(model.bbox_head.retina_cls.bias)
        meta = {'dataset_meta': {'classes': ('person', 'car')}}
        torch.save({'meta': meta, 'state_dict': model.state_dict()}, checkpoint)
        return config, checkpoint

    return write


@pytest.fixture
def detector_files(write_detector, tmp_path):
    """The two files of ``write_detector``."""
    return write_detector(tmp_path)


class _Stream(http.server.BaseHTTPRequestHandler):
    """Each connection gets the next part of ``self.server.parts``: levels of its frames."""

    def do_GET(self):
        with self.server.lock:
            part = self.server.parts.pop(0) if self.server.parts else ()
        if not part:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
        self.end_headers()
        with contextlib.suppress(OSError):
            for level in part:
                picture = np.full((*self.server.size, 3), level, np.uint8)
                with io.BytesIO() as file:
                    Image.fromarray(picture).save(file, 'JPEG')
                    data = file.getvalue()
                head = f'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}'
                self.wfile.write(head.encode() + b'\r\n\r\n' + data + b'\r\n')
                time.sleep(self.server.seconds_each)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Start a live MJPEG stream on this machine; returns its URL.

    Each connection gets one of the parts, a number of frames whose grey levels count from 10;
    one connection more is refused.
    """
    servers = []

    def start(*counts, seconds_each=0.02, size=(48, 64)):
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Stream)
        starts = np.cumsum((0, *counts))
        server.parts = [
            [10 + level % 240 for level in range(first, first + count)]
            for first, count in zip(starts, counts, strict=False)
        ]
        server.lock, server.seconds_each, server.size = threading.Lock(), seconds_each, size
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f'http://127.0.0.1:{server.server_address[1]}/'

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
