"""One odd pair gives the same pixels through every door that fuses."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer, Preparation, fuse_to_folder
from tsjnet_mm.datasets import FolderDataset
from tsjnet_mm.datasets.transforms import FusePair, LoadImagePair
from tsjnet_mm.demo.fusor_choice import DemoModels
from tsjnet_mm.demo.options import Options
from tsjnet_mm.demo.upload_fusion import fuse_upload
from tsjnet_mm.protocols.benchmark import ZooBenchmark
from tsjnet_mm.protocols.export_dataset import export_dataset
from tsjnet_mm.video import fuse_video

SIZE = (47, 61)
PREPARATION = Preparation(ir_percentiles=(1, 99), resize=True)


@pytest.fixture
def root(tmp_path):
    """A raw 16-bit infrared image, and a larger visible one in colour, with an odd size."""
    rng = np.random.default_rng(3)
    for kind in ('ir', 'vi'):
        (tmp_path / kind).mkdir()
    smooth = cv2.resize(rng.random((5, 6)), (31, 24), interpolation=cv2.INTER_CUBIC)
    counts = np.uint16(7000 + 1500 * smooth.clip(0, 1))
    Image.fromarray(counts).save(tmp_path / 'ir' / 'a_ir.png')
    colour = cv2.resize(rng.random((5, 6, 3)), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    Image.fromarray(np.uint8(255 * colour.clip(0, 1))).save(tmp_path / 'vi' / 'a_vis.png')
    return tmp_path


@pytest.fixture
def inferencer():
    return FusionInferencer('laplacian', device='cpu', precision='fp32', show_progress=False)


@pytest.fixture
def expected(root, inferencer):
    (image,) = inferencer(root / 'ir', root / 'vi', preparation=PREPARATION)
    assert image.shape == (*SIZE, 3)
    with pytest.warns(UserWarning, match='16-bit infrared image'):
        (raw,) = inferencer(root / 'ir', root / 'vi', resize=True)
    assert np.abs(image.astype(int) - raw).mean() > 5
    return image


def _read(path):
    return np.asarray(Image.open(path))


def test_folder(root, inferencer, expected):
    out = root / 'out'
    fuse_to_folder(inferencer, root / 'ir', root / 'vi', out, preparation=PREPARATION)
    assert np.array_equal(_read(out / 'a_vis.png'), expected)


def test_export(root, inferencer, expected):
    (root / 'labels').mkdir()
    (root / 'labels' / 'a_vis.txt').write_text('')
    dataset = FolderDataset(str(root), metainfo={'classes': ('person',)}, any_ir_size=True)
    export_dataset(dataset, root / 'out', 'train', inferencer, 'coco', preparation=PREPARATION)
    assert np.array_equal(_read(root / 'out' / 'train' / 'a_vis.png'), expected)


def test_zoo(root, expected):
    models = {'mine': ('laplacian', None)}
    benchmark = ZooBenchmark(
        models, root / 'ir', root / 'vi', root / 'zoo', preparation=PREPARATION
    )
    benchmark.fuse('cpu', report=lambda line: None)
    assert np.array_equal(_read(root / 'zoo' / 'fused' / 'mine' / 'a_vis.png'), expected)


def test_demo(root, expected):
    models = DemoModels(device='cpu', precision='fp32')
    files = root / 'ir' / 'a_ir.png', root / 'vi' / 'a_vis.png'
    options = Options(ir_range='percentiles', low=1, high=99, resize=True)
    done = fuse_upload(models, 'laplacian', *files, root, options)
    assert np.array_equal(_read(done.fused), expected)


def test_data_pipeline(root, expected):
    paths = {
        'ir_path': str(root / 'ir' / 'a_ir.png'),
        'vi_path': str(root / 'vi' / 'a_vis.png'),
    }
    load = LoadImagePair(ir_percentiles=(1, 99), resize=True, to_float32=True)
    fused = FusePair('laplacian', precision='fp32')(load(paths))['img']
    assert np.array_equal(np.rint(fused[..., ::-1]), expected)


def test_video(root, inferencer, expected):
    out = root / 'fused.mkv'
    fuse_video(inferencer, root / 'ir', root / 'vi', out, preparation=PREPARATION)
    is_read, frame = cv2.VideoCapture(str(out)).read()
    assert is_read and frame.shape == (46, 60, 3)
    # FFV1 keeps what it is given; the colours are halved in resolution on the way to it.
    assert np.abs(frame[..., ::-1].astype(int) - expected[:46, :60]).mean() < 3
