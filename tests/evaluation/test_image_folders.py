import functools

import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.apis import (
    BASELINES,
    FusionInferencer,
    Preparation,
    evaluate_folders,
    fuse_to_folder,
    iterate_pairs,
)
from tsjnet_mm.datasets import PairError
from tsjnet_mm.evaluation import image_folders as evaluate
from tsjnet_mm.io.lens import Lens
from tsjnet_mm.metrics import measure

STEMS = ('2', '10', '3')
SIZE = (48, 64)
METRICS = ('PSNR', 'MSE', 'CC')


def read(path):
    """A file's levels, (1, C, H, W)."""
    array = np.asarray(Image.open(path)).astype(np.float64)
    return torch.from_numpy(array.reshape(*array.shape[:2], -1)).permute(2, 0, 1)[None]


@pytest.fixture
def data(pair_folder):
    """Three random pairs, and the fused images of a grey and a colour method."""
    root = pair_folder(stems=STEMS, size=SIZE)
    rng = np.random.default_rng(1)
    for folder, shape in (('grey', SIZE), ('colour', (*SIZE, 3))):
        (root / folder).mkdir()
        for stem in STEMS:
            image = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
            image.save(root / folder / f'{stem}.png')
    return root


@pytest.fixture
def run(data):
    def evaluate(*methods, **options):
        fused = {name: data / name for name in methods}
        options = {'metrics': METRICS, **options}
        return evaluate_folders(fused, data / 'ir', data / 'vi', **options)

    return evaluate


@pytest.mark.parametrize('convention', ['plain', 'tsjnet', 'vifb'])
def test_values_are_those_of_the_functions(run, data, convention):
    results = run('grey', 'colour', metrics=['SSIM', 'MSE'], convention=convention)
    assert results.convention == convention
    assert results.metrics == ('SSIM', 'MSE')
    assert results.methods == ('grey', 'colour')
    assert results.images == ('2', '3', '10')
    assert results.paths['fused']['grey'] == str(data / 'grey')
    for method in results.methods:
        for index, image in enumerate(results.images):
            images = [read(data / folder / f'{image}.png') for folder in (method, 'ir', 'vi')]
            expected = measure(*images, results.metrics, convention)
            for metric, value in expected.items():
                assert results.values[method][metric][index] == value.item()


def test_workers_and_batches_do_not_change_the_values(run):
    expected = run('grey', 'colour', metrics='paper', baselines=True)
    parallel = run('grey', 'colour', metrics='paper', baselines=True, workers=2)
    assert repr(parallel.values) == repr(expected.values)
    batches = run('grey', 'colour', metrics='paper', baselines=True, batch_size=2)
    for method, row in expected.values.items():
        for metric, column in row.items():
            assert batches.values[method][metric] == pytest.approx(column, rel=1e-11)


def test_measuring_here_what_workers_read(data, run, monkeypatch):
    """The way of a GPU, taken on the CPU."""
    expected = run('grey', 'colour', baselines=True)
    whole = evaluate._measure_batches
    monkeypatch.setattr(
        evaluate, '_measure_batches', lambda *args, on_cpu: whole(*args, on_cpu=False)
    )
    monkeypatch.setattr(evaluate, '_read_and_measure', None)
    assert run('grey', 'colour', baselines=True) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_on_the_gpu(run):
    expected = run('grey', 'colour', metrics='paper')
    results = run('grey', 'colour', metrics='paper', device='cuda', batch_size=3)
    for method, row in expected.values.items():
        for metric, column in row.items():
            assert results.values[method][metric] == pytest.approx(column, rel=1e-9)


def test_baselines(run, data):
    results = run(baselines=True)
    assert results.methods == ('average', 'max', 'visible only', 'infrared only')
    assert tuple(BASELINES) == results.methods
    ir, vi = read(data / 'ir' / '2.png'), read(data / 'vi' / '2.png')
    luma = 0.299 * vi[:, :1] + 0.587 * vi[:, 1:2] + 0.114 * vi[:, 2:]
    fused = {
        'average': (ir + luma) / 2,
        'max': torch.maximum(ir, luma),
        'visible only': luma,
        'infrared only': ir,
    }
    for name, image in fused.items():
        expected = measure(image.round(), ir, vi, METRICS)
        for metric, value in expected.items():
            assert results.values[name][metric][0] == pytest.approx(value.item(), rel=1e-12)
    assert results.not_finite() == {('infrared only', 'PSNR'): 3}


def test_pairs_of_different_sizes_and_kinds_in_one_batch_size(run, data):
    for folder in ('ir', 'vi', 'grey'):
        Image.open(data / folder / '3.png').resize((60, 50)).save(data / folder / '3.png')
    Image.open(data / 'vi' / '10.png').convert('L').save(data / 'vi' / '10.png')
    assert run('grey', batch_size=3) == run('grey')


def save_as(image, path, kind):
    grey = np.asarray(image)
    if kind == 'deep':
        Image.fromarray(grey.astype(np.uint16) * 257).save(path.with_suffix('.png'))
    elif kind == 'float':
        Image.fromarray(grey.astype(np.float32) / 255).save(path.with_suffix('.tif'))
    else:
        image.convert(kind).save(path.with_suffix('.png'))


@pytest.mark.parametrize('kind', ['RGB', 'RGBA', 'LA', 'P', 'deep', 'float'])
def test_grey_images_in_any_file(run, data, kind):
    """Also that one that equals a source is found to be equal."""
    for stem in STEMS:
        Image.open(data / 'ir' / f'{stem}.png').save(data / 'grey' / f'{stem}.png')
    expected = run('grey')
    assert expected.not_finite() == {('grey', 'PSNR'): 3}
    (data / 'other').mkdir()
    for stem in STEMS:
        save_as(Image.open(data / 'grey' / f'{stem}.png'), data / 'other' / stem, kind)
    results = run('other')
    tolerance = 1e-6 if kind == 'float' else 0
    assert results.values['other']['CC'] == pytest.approx(
        expected.values['grey']['CC'], rel=1e-12, abs=tolerance
    )
    if kind != 'float':
        assert results.values['other'] == expected.values['grey']


def test_vifb_compares_the_stored_channels(run, data):
    (data / 'rgb').mkdir()
    for stem in STEMS:
        Image.open(data / 'grey' / f'{stem}.png').convert('RGB').save(
            data / 'rgb' / f'{stem}.png'
        )
    values = run('grey', 'rgb', metrics=['MSE'], convention='vifb').values
    assert np.abs(np.subtract(values['grey']['MSE'], values['rgb']['MSE'])).min() > 1e-3
    values = run('grey', 'rgb', metrics=['MSE'], convention='tang').values
    assert values['grey'] == values['rgb']


def test_16_bit_sources_are_scaled(run, data):
    expected = run('grey')
    for stem in STEMS:
        save_as(Image.open(data / 'ir' / f'{stem}.png'), data / 'ir' / stem, 'deep')
    assert run('grey').values == expected.values


def test_names_with_affixes(run, data):
    expected = run('grey')
    for folder, name in (('ir', 'IR_{}'), ('vi', '{}-vis'), ('grey', '{}_Grey_fused')):
        for stem in STEMS:
            path = data / folder / f'{stem}.png'
            path.rename(path.with_name(name.format(stem) + '.png'))
    results = run('grey')
    assert results.images == ('2-vis', '3-vis', '10-vis')
    assert results.values == expected.values


def problems(run, *methods, **options):
    with pytest.raises(PairError) as error:
        run(*methods, **options)
    return str(error.value)


def test_everything_wrong_is_said_at_once(run, data):
    (data / 'grey' / '2.png').unlink()
    (data / 'grey' / '7.png').write_bytes((data / 'grey' / '3.png').read_bytes())
    path = data / 'grey' / '10.png'
    path.write_bytes(path.read_bytes()[:-500])
    Image.open(data / 'colour' / '3.png').resize((32, 24)).save(data / 'colour' / '3.png')
    Image.open(data / 'ir' / '3.png').save(data / 'ir' / '4.png')
    Image.open(data / 'vi' / '3.png').save(data / 'vi' / '5.png')
    (data / 'colour' / '2.bmp').write_bytes(b'')
    text = problems(run, 'grey', 'colour')
    root = data
    assert text.splitlines()[:-3] == [
        'cannot evaluate:',
        f'visible images in {root}/vi without an infrared one in {root}/ir (1):',
        '  5.png',
        f'infrared images in {root}/ir without a visible one in {root}/vi (1):',
        '  4.png',
        f'pairs without a fused image of grey in {root}/grey (1):',
        '  2',
        f'fused images of grey in {root}/grey without a pair (1):',
        '  7.png',
        f'names that fit several files, {root}/vi and {root}/colour (1):',
        '  2.png and 2.bmp, 2.png',
        'images of another size than their pair (1):',
        f'  {root}/colour/3.png: expected 64x48 as {root}/ir/3.png, found 32x24',
    ]
    unreadable, line, hint = text.splitlines()[-3:]
    assert unreadable == 'images that cannot be read (1):'
    assert line.startswith(f'  {root}/grey/10.png: unreadable file: expected a whole image')
    assert hint == 'to measure only the 2 complete pairs: common=True'


def test_long_lists_are_cut(run, data):
    for index in range(100, 112):
        Image.open(data / 'grey' / '2.png').save(data / 'grey' / f'{index}.png')
    lines = problems(run, 'grey').splitlines()
    assert lines[1] == f'fused images of grey in {data}/grey without a pair (12):'
    assert lines[2:13] == [*(f'  {i}.png' for i in range(100, 110)), '  ... and 2 more']


def test_common_pairs_alone(run, data):
    expected = run('grey', 'colour')
    (data / 'grey' / '2.png').unlink()
    Image.open(data / 'grey' / '3.png').save(data / 'grey' / '7.png')
    Image.open(data / 'ir' / '3.png').save(data / 'ir' / '4.png')
    results = run('grey', 'colour', common=True)
    assert results.images == ('3', '10')
    for method in results.methods:
        for metric in METRICS:
            assert results.values[method][metric] == expected.values[method][metric][1:]
    for stem in ('3', '10'):
        (data / 'colour' / f'{stem}.png').unlink()
    text = problems(run, 'grey', 'colour', common=True)
    assert f'pairs without a fused image of colour in {data}/colour (2):' in text
    assert 'common=True' not in text


def test_common_does_not_excuse_damage(run, data):
    (data / 'grey' / '3.png').write_bytes(b'')
    assert 'grey/3.png: unreadable file' in problems(run, 'grey', common=True)


def test_values_out_of_range(run, data):
    for stem in STEMS:
        (data / 'grey' / f'{stem}.png').unlink()
        Image.fromarray(np.full(SIZE, 200.0, np.float32)).save(data / 'grey' / f'{stem}.tif')
    text = problems(run, 'grey')
    assert 'images that cannot be read (3):' in text
    assert 'floats in [0, 1] (convert it), found float32 from 200.0' in text


def test_too_small_for_a_metric(run, data, tmp_path):
    for folder in ('ir', 'vi', 'grey'):
        Image.open(data / folder / '3.png').resize((30, 45)).save(data / folder / '3.png')
    text = problems(run, 'grey', metrics='paper')
    assert text.splitlines()[1:] == [
        'pairs below 41x41, too small for VIF; leave it out (1):',
        '  3: 30x45',
    ]
    assert run('grey', metrics=['SSIM', 'CV']).images == ('2', '3', '10')


def test_wrong_arguments(run, data, tmp_path):
    folders = functools.partial(evaluate_folders, ir=data / 'ir', vi=data / 'vi')
    for options, message in (
        ({'metrics': 'FID'}, "unknown metric 'FID'"),
        ({'convention': 'mine'}, "unknown convention 'mine'"),
        ({'device': 'gpu'}, "device 'gpu': torch finds cpu"),
        ({'device': 'meta'}, "device 'meta': torch finds cpu"),
        ({'device': f'cuda:{torch.cuda.device_count()}'}, "device 'cuda:.*torch finds cpu"),
        ({'workers': 0}, 'workers must be at least 1, got 0'),
        ({'batch_size': -1}, 'batch_size must be at least 1, got -1'),
    ):
        with pytest.raises(ValueError, match=message):
            run('grey', **options)
    with pytest.raises(ValueError, match='at least one folder of fused images, or baselines'):
        folders({})
    with pytest.raises(ValueError, match="'max' is the name of a baseline"):
        folders({'max': data / 'grey'}, baselines=True)
    assert folders({'max': data / 'grey'}, metrics='MSE').methods == ('max',)
    with pytest.raises(FileNotFoundError, match='nowhere'):
        folders({'x': tmp_path / 'nowhere'})
    with pytest.raises(NotADirectoryError, match=r'2\.png'):
        folders({'x': data / 'grey' / '2.png'})
    (tmp_path / 'empty').mkdir()
    with pytest.raises(PairError, match=r'no images in .*empty and .*empty'):
        evaluate_folders({}, tmp_path / 'empty', tmp_path / 'empty', baselines=True)


@pytest.fixture
def raw(pair_folder):
    """Pairs of 16-bit infrared images that fill a part of the range."""
    root = pair_folder(size=SIZE)
    rng = np.random.default_rng(2)
    for path in (root / 'ir').iterdir():
        counts = np.uint16(7000 + 2000 * rng.random(SIZE) ** 3)
        Image.fromarray(counts).save(path)
    return root


def _fuse(root, name='fused', **options):
    inferencer = FusionInferencer('laplacian', show_progress=False)
    fuse_to_folder(inferencer, root / 'ir', root / 'vi', root / name, **options)


def _values(root, ir='ir', name='fused', **options):
    found = evaluate_folders(
        {name: root / name}, root / ir, root / 'vi', ['VIF', 'MSE', 'EN'], **options
    )
    return found.values[name], found.paths.get('preparation')


@pytest.mark.parametrize('extension', ['.png', '.jpg'])
@pytest.mark.parametrize(
    'options',
    [{'ir_percentiles': (1, 99)}, {'ir_range': (7100, 8000)}],
    ids=['percentiles', 'range'],
)
def test_pairs_are_measured_as_they_were_fused(raw, options, extension):
    _fuse(raw, extension=extension, **options)
    (raw / 'by_hand').mkdir()
    for path in (raw / 'ir').iterdir():
        counts = np.asarray(Image.open(path)).astype(float)
        limits = options.get('ir_range') or np.percentile(counts, options['ir_percentiles'])
        unit = np.clip((counts - limits[0]) / (limits[1] - limits[0]), 0, 1)
        Image.fromarray(np.uint8(np.round(unit * 255))).save(raw / 'by_hand' / path.name)
    values, noted = _values(raw)
    assert {name: tuple(noted[name]) for name in options} == options
    for path in (raw / 'fused').iterdir():  # Without notes: as others made them.
        Image.fromarray(np.asarray(Image.open(path))).save(path.with_suffix('.bmp'))
        path.unlink()
    assert _values(raw, 'by_hand') == (values, None)
    assert _values(raw, **options)[0] == values
    assert _values(raw)[0] != values


def test_moved_pairs_are_measured_on_the_visible_images_pixels(raw):
    matrix = [[2, 0, 3], [0, 2, -4], [0, 0, 1]]
    for path in (raw / 'ir').iterdir():
        Image.fromarray(np.asarray(Image.open(path))[::2, ::2]).save(path)
    for name, options in (('warp', {'homography': matrix}), ('size', {'resize': True})):
        preparation = Preparation(ir_range=(7000, 9000), **options)
        _fuse(raw, name, preparation=preparation)
        values, _ = _values(raw, name=name)
        (raw / f'ir_{name}').mkdir()
        for pair in iterate_pairs(raw / 'ir', raw / 'vi', preparation):
            levels = np.uint8(np.round(pair.filled * 255))
            Image.fromarray(levels).save(raw / f'ir_{name}' / f'{pair.name}.png')
            Image.open(raw / name / f'{pair.name}.png').save(raw / name / f'{pair.name}.bmp')
            (raw / name / f'{pair.name}.png').unlink()
        assert _values(raw, f'ir_{name}', name) == (values, None)


def test_straightened_pairs_are_measured_straight(raw):
    height, width = SIZE
    lenses = {
        kind: Lens([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1]], [k, 0, 0, 0])
        for kind, k in (('ir_calibration', -0.4), ('vi_calibration', 0.3))
    }
    preparation = Preparation(ir_range=(7000, 9000), **lenses)
    _fuse(raw, preparation=preparation)
    values, noted = _values(raw)
    assert noted['vi_calibration'] == lenses['vi_calibration'].to_note()
    (raw / 'straight').mkdir()
    (raw / 'seen').mkdir()
    for pair in iterate_pairs(raw / 'ir', raw / 'vi', preparation):
        for folder, image in (('straight', pair.ir), ('seen', pair.vi)):
            levels = np.uint8(np.round(image * 255))
            Image.fromarray(levels).save(raw / folder / f'{pair.name}.png')
        Image.open(raw / 'fused' / f'{pair.name}.png').save(raw / 'fused' / f'{pair.name}.bmp')
        (raw / 'fused' / f'{pair.name}.png').unlink()
    found = evaluate_folders(
        {'fused': raw / 'fused'}, raw / 'straight', raw / 'seen', ['VIF', 'MSE', 'EN']
    )
    for metric, column in found.values['fused'].items():  # levels that round up or down
        assert values[metric] == pytest.approx(column, rel=1e-4)
    assert _values(raw)[0]['VIF'] != pytest.approx(values['VIF'], rel=0.01)
    with pytest.raises(PairError, match=r'expected the calibration .* as the options'):
        _fuse(raw, 'other', ir_range=(7000, 9000))
        _values(raw, name='other', preparation=Preparation(ir_range=(7000, 9000), **lenses))


def test_pictures_in_thermal_colours_are_no_fused_images(raw):
    inferencer = FusionInferencer('laplacian', show_progress=False, style='overlay')
    fuse_to_folder(inferencer, raw / 'ir', raw / 'vi', raw / 'fused', ir_percentiles=(1, 99))
    message = (
        r'which are no fused luma .*\(3\)(?s:.*)001\.png: expected the style luma, found ov'
    )
    with pytest.raises(PairError, match=message):
        _values(raw)


def test_notes_that_do_not_agree(raw):
    _fuse(raw, ir_percentiles=(1, 99))
    with pytest.raises(
        PairError, match=r'001\.png: expected ir_range 0 9 as the options, found'
    ) as e:
        _values(raw, ir_range=(0, 9))
    assert 'another preparation of their sources (3)' in str(e.value)
    with pytest.raises(PairError, match=r'001\.png: expected the homography .* found none'):
        _values(raw, homography=np.eye(3))
    _fuse(raw, 'other', ir_percentiles=(1, 98))
    (raw / 'fused' / '010.png').write_bytes((raw / 'other' / '010.png').read_bytes())
    message = r'010\.png: expected ir_percentiles 1 99 as .*001\.png, found ir_percentiles 1 98'
    with pytest.raises(PairError, match=message):
        _values(raw)


def test_what_is_paired_is_what_fuse_pairs(raw):
    for kind, affix in (('ir', '_ir'), ('vi', '_rgb')):
        for path in (raw / kind).iterdir():
            path.rename(raw / f'{path.stem}{affix}.png')
    fuse_to_folder(FusionInferencer('max', show_progress=False), raw, raw, raw / 'fused')
    found = evaluate_folders({'fused': raw / 'fused'}, raw, raw, ['MSE'])
    assert found.images == ('001_rgb', '002_rgb', '010_rgb')
