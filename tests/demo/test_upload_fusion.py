import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.demo import fusor_choice as demo_models
from tsjnet_mm.demo import html as demo_html
from tsjnet_mm.demo import upload_fusion as demo
from tsjnet_mm.demo import uploads as demo_uploads
from tsjnet_mm.demo.options import Options
from tsjnet_mm.demo.uploads import DemoError
from tsjnet_mm.evaluation.image_folders import evaluate_folders
from tsjnet_mm.io.preparation import Preparation


@pytest.fixture
def classical():
    """The models that need no weights."""
    return demo_models.DemoModels(device='cpu')


@pytest.fixture(scope='module')
def scene(tmp_path_factory):
    """The drawn pair: infrared and visible file."""
    return demo_uploads.collect_examples(tmp_path_factory.mktemp('examples'))[-1][1:]


def write_header(path, width, height):
    """A PNG that promises an image and holds none of it."""
    fields = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    chunk = b'IHDR' + fields
    data = struct.pack('>I', len(fields)) + chunk + struct.pack('>I', zlib.crc32(chunk))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + data + b'\x00\x00\x00\x00IDAT')


def write_text(path):
    path.write_text('not an image')


def write_truncated(path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:3000])


def write_frames(path, kind):
    frames = [Image.new('RGB', (40, 40), colour) for colour in ('red', 'blue')]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:])


BAD = {
    'text.png': (write_text, 'Cannot read the visible image text.png: it is damaged'),
    'text.txt': (write_text, 'Cannot use the visible image text.txt: give one of .png, '),
    'torn.png': (write_truncated, 'Cannot read the visible image torn.png: it is truncated'),
    'moving.png': (lambda path: write_frames(path, 'GIF'), 'it is animated'),
    'moving.webp': (lambda path: write_frames(path, 'WEBP'), 'it is animated'),
    'pages.tif': (lambda path: write_frames(path, 'TIFF'), 'it is animated or has several'),
    'print.jpg': (lambda path: Image.new('CMYK', (40, 40)).save(path), 'its colours are CMYK'),
    'lab.tif': (lambda path: Image.new('LAB', (40, 40)).save(path), 'its colours are LAB'),
    'large.png': (lambda path: write_header(path, 5000, 4000), 'it has 5000x4000 pixels'),
    'bomb.png': (lambda path: write_header(path, 60000, 60000), 'the limit is 16 megapixels'),
    'empty.png': (lambda path: path.touch(), 'Cannot read the visible image empty.png'),
}


@pytest.mark.parametrize('name', BAD)
def test_bad_uploads_are_refused_in_plain_words(scene, tmp_path, name):
    write, message = BAD[name]
    write(tmp_path / name)
    with warnings.catch_warnings(), pytest.raises(DemoError) as caught:
        warnings.simplefilter('error')
        demo_uploads.read_upload(scene[0], tmp_path / name, Preparation(resize=True))
    assert message in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_photograph_with_a_thumbnail_is_one_image(tmp_path):
    write_frames(tmp_path / 'photo.jpg', 'MPO')
    assert demo_uploads.check_upload(tmp_path / 'photo.jpg', 'visible') == (40, 40)


@pytest.mark.parametrize(('missing', 'modality'), [(0, 'infrared'), (1, 'visible')])
def test_one_of_two_is_missing(scene, missing, modality):
    files = [None if index == missing else path for index, path in enumerate(scene)]
    with pytest.raises(DemoError, match=f'the {modality} one is missing'):
        demo_uploads.read_upload(*files)


def test_sizes_that_differ(scene, tmp_path):
    Image.new('L', (320, 240)).save(tmp_path / 'small.png')
    with pytest.raises(DemoError, match='has 320x240 pixels and the visible one 640x480'):
        demo_uploads.read_upload(tmp_path / 'small.png', scene[1])
    pair, _ = demo_uploads.read_upload(
        tmp_path / 'small.png', scene[1], Preparation(resize=True)
    )
    assert pair.ir.shape == (480, 640)


def raw_thermal(path, dtype=np.uint16):
    """An infrared image that fills a small part of its range."""
    rows, columns = np.mgrid[:480, :640]
    Image.fromarray((7000 + rows + 3 * columns).astype(dtype)).save(path)
    return path


@pytest.mark.parametrize('extension', ['.png', '.tif'])
@pytest.mark.parametrize('percentiles', [None, (1, 99)])
def test_16_bits_reach_the_fusor(classical, scene, tmp_path, extension, percentiles):
    ir = raw_thermal(tmp_path / f'raw{extension}')
    options = Options(ir_range='percentiles' if percentiles else 'stored')
    fusion = demo.fuse_upload(classical, 'average', ir, scene[1], tmp_path, options)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        inferencer = FusionInferencer('average', device='cpu', show_progress=False)
        expected = inferencer(ir, scene[1], ir_percentiles=percentiles)[0]
    assert np.array_equal(np.asarray(Image.open(fusion.fused)), expected)
    levels = len(np.unique(np.asarray(Image.open(fusion.views['infrared']))))
    assert levels > 250 if percentiles else levels < 12
    assert [note[:28] for note in fusion.notes] == (
        [] if percentiles else ['The infrared image fills les']
    )


def test_infrared_that_needs_a_range(classical, scene, tmp_path):
    ir = raw_thermal(tmp_path / 'raw.tif', np.int32)
    with pytest.raises(DemoError, match='neither 8 nor 16 bits: stretch it between'):
        demo.fuse_upload(classical, 'max', ir, scene[1], tmp_path, Options(ir_range='stored'))
    demo.fuse_upload(classical, 'max', ir, scene[1], tmp_path)


@pytest.mark.parametrize('grey', [False, True])
@pytest.mark.parametrize('name', ['average', 'max', 'laplacian'])
def test_result_is_that_of_the_command_line(classical, scene, tmp_path, name, grey):
    fusion = demo.fuse_upload(classical, name, *scene, tmp_path, Options(grey=grey))
    expected = FusionInferencer(name, device='cpu', show_progress=False)(*scene, grey=grey)[0]
    assert np.array_equal(np.asarray(Image.open(fusion.fused)), expected)
    suffix = '_grey' if grey else ''
    assert fusion.fused.name == f'visible_scene_{name}_fused{suffix}.png'
    assert fusion.detections is None and fusion.notes == []


def test_large_results_are_shown_smaller_and_kept_whole(classical, tmp_path):
    for name, mode in (('ir.png', 'L'), ('vi.png', 'RGB')):
        Image.new(mode, (3000, 600), 128).save(tmp_path / name)
    fusion = demo.fuse_upload(
        classical, 'max', tmp_path / 'ir.png', tmp_path / 'vi.png', tmp_path
    )
    assert Image.open(fusion.fused).size == (3000, 600)
    assert {Image.open(view).size for view in fusion.views.values()} == {(2048, 410)}


def test_download_names_hold_nothing_odd():
    assert demo.download_name('/x/a b/../ü<i>.png', 'net (1)') == 'ü-i_net-1_fused.png'
    assert demo.download_name('/x/' + 'n' * 200 + '.tif', 'max') == 'n' * 80 + '_max_fused.png'


def test_a_pair_that_the_model_cannot_fuse(classical, tmp_path):
    for name, mode in (('ir.png', 'L'), ('vi.png', 'RGB')):
        Image.new(mode, (1, 1)).save(tmp_path / name)
    model = classical['average'].inferencer.fusor
    model.min_size = 16
    with pytest.raises(DemoError, match='average cannot fuse this pair: AverageFusor fuses'):
        demo.fuse_upload(
            classical, 'average', tmp_path / 'ir.png', tmp_path / 'vi.png', tmp_path
        )
    with pytest.raises(DemoError, match='no such model'):
        demo.fuse_upload(classical, '../secret', None, None, tmp_path)


@pytest.mark.parametrize('convention', ['plain', 'cddfuse', 'vifb'])
def test_metrics_are_those_of_the_evaluation(classical, pair_folder, tmp_path, convention):
    data = pair_folder(stems=['a'], size=(64, 80))
    ir, vi = data / 'ir' / 'a.png', data / 'vi' / 'a.png'
    fusion = demo.fuse_upload(classical, 'laplacian', ir, vi, tmp_path)
    rows = demo.measure_fusion(fusion, convention)
    inferencer = FusionInferencer('laplacian', device='cpu', show_progress=False)
    inferencer(ir, vi, out_dir=tmp_path / 'out')
    folders = {'laplacian': tmp_path / 'out'}, ir.parent, vi.parent
    names = [row.name for row in rows]
    results = evaluate_folders(*folders, metrics=names, convention=convention)
    expected = results.means()['laplacian']
    assert {row.name: row.value for row in rows} == pytest.approx(expected, rel=1e-12)
    if convention == 'plain':
        assert names == ['SSIM', 'PSNR', 'MSE', 'VIF', 'CC', 'CV']
        assert [row.higher_is_better for row in rows] == [True, True, False, True, True, False]
        assert len(demo.measure_fusion(fusion, convention, all_metrics=True)) > 20


def test_stretched_infrared_is_measured_as_fused(classical, scene, tmp_path):
    ir = raw_thermal(tmp_path / 'raw.png')
    fusion = demo.fuse_upload(classical, 'average', ir, scene[1], tmp_path)
    assert Image.open(fusion.sources[0]).mode == 'L'
    assert all(np.isfinite(row.value) for row in demo.measure_fusion(fusion))


def test_metrics_of_a_tiny_image_and_of_a_deleted_one(classical, tmp_path):
    for name, mode in (('ir.png', 'L'), ('vi.png', 'RGB')):
        Image.new('L', (8, 8), 90).convert(mode).save(tmp_path / name)
    fusion = demo.fuse_upload(
        classical, 'average', tmp_path / 'ir.png', tmp_path / 'vi.png', tmp_path
    )
    values = {row.name: row.value for row in demo.measure_fusion(fusion)}
    assert values['SSIM'] is None and values['MSE'] == 0
    with pytest.raises(DemoError, match='unknown convention'):
        demo.measure_fusion(fusion, 'mine')
    fusion.fused.unlink()
    with pytest.raises(DemoError, match='fuse the pair again'):
        demo.measure_fusion(fusion)


def test_examples(pair_folder, tmp_path):
    data = pair_folder(stems=['a', 'b', 'c', 'd'])
    examples = demo_uploads.collect_examples(tmp_path / 'copies', data / 'ir', data / 'vi')
    assert [name for name, *_ in examples] == ['a', 'b', 'c', 'drawn']
    for name, ir, vi in examples[:-1]:
        assert ir.read_bytes() == (data / 'ir' / f'{name}.png').read_bytes()
        assert vi.read_bytes() == (data / 'vi' / f'{name}.png').read_bytes()
    assert demo_uploads.example_thumbnail(*examples[-1][1:], height=60).shape == (60, 80, 3)


def test_table_of_metrics():
    rows = [
        demo.MetricRow('PSNR', 'peak <dB>', float('inf'), True),
        demo.MetricRow('MSE', 'error', 12345.6, False),
        demo.MetricRow('CV', 'cv', 0.123456, False),
        demo.MetricRow('SSIM', 'similarity', None, True),
    ]
    table = demo_html.format_metrics(rows, 'plain')
    for cell in ('>∞<', '>12346<', '>0.1235<', '>image too small<', 'peak &lt;dB&gt;'):
        assert cell in table
    assert table.count('title="higher is better">↑') == 2
    assert table.count('title="lower is better">↓') == 2
    assert 'plain: this project&#x27;s default' in table
