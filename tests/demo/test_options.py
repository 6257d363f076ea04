import numpy as np
import pytest
import tifffile
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.demo.fusor_choice import DemoModels
from tsjnet_mm.demo.options import Options
from tsjnet_mm.demo.upload_fusion import fuse_upload
from tsjnet_mm.demo.uploads import DemoError
from tsjnet_mm.io.resume import NOTE
from tsjnet_mm.io.warping import Homography


@pytest.fixture
def classical():
    return DemoModels(device='cpu')


@pytest.fixture
def kelvin(tmp_path):
    """A drawn pair: 16-bit counts of 0.01 kelvin from 10 to 40 degrees, and a colour image."""
    rows, columns = np.mgrid[:48, :64]
    celsius = 10 + 30 * (rows + columns) / (47 + 63)
    Image.fromarray(np.round((celsius + 273.15) * 100).astype(np.uint16)).save(
        tmp_path / 'ir.png'
    )
    colours = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / 'vi.png')
    return tmp_path / 'ir.png', tmp_path / 'vi.png', celsius


def as_by_hand(files, out, style='luma', model='average', **options):
    """What the command line fuses and measures."""
    names = ('keep_hue', 'denoise', 'parallax')
    own = {name: options.pop(name) for name in names if name in options}
    fuse = FusionInferencer(model, device='cpu', show_progress=False, style=style, **own)
    return fuse(*files, out / 'fused.png', **options)[0]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'ir_range': 'percentiles', 'low': 5, 'high': 5}, '0 <= low < high <= 100'),
        ({'ir_range': 'percentiles', 'low': -1}, '0 <= low < high <= 100'),
        ({'ir_range': 'percentiles', 'high': None}, '0 <= low < high <= 100'),
        ({'ir_range': 'celsius', 'low': 40, 'high': 0}, 'the lower one first'),
        ({'ir_range': 'celsius', 'low': 0, 'high': np.inf}, 'two finite numbers'),
        ({'ir_range': 'stored', 'unit': 'kelvin'}, 'A unit of the infrared values needs'),
        ({'ir_range': 'other'}, 'no such range'),
        ({'unit': 'other'}, 'ir_unit must be one of celsius'),
        ({'style': 'overlay', 'grey': True}, 'grey is for the style luma'),
        ({'style': 'overlay', 'parallax': 'visible'}, 'goes with the style luma alone'),
        ({'style': 'isotherm'}, 'a value of isotherm, such as 30'),
        ({'denoise': 'other'}, 'There is no such'),
        ({'ir_range': 'celsius', 'low': 0, 'high': 40}, 'choose the unit of its values'),
    ],
)
def test_options_that_cannot_be_meant(classical, kelvin, tmp_path, options, message):
    with pytest.raises(DemoError, match=message) as caught:
        fuse_upload(classical, 'max', *kelvin[:2], tmp_path, Options(**options))
    assert str(tmp_path) not in str(caught.value) and '--' not in str(caught.value)


@pytest.mark.parametrize(
    ('options', 'by_hand'),
    [
        ({'keep_hue': True}, {'keep_hue': True}),
        ({'denoise': 'chroma'}, {'denoise': 'chroma'}),
        ({'parallax': 'visible'}, {'parallax': 'visible'}),
        ({'ir_range': 'percentiles', 'low': 20, 'high': 70}, {'ir_percentiles': (20, 70)}),
    ],
)
def test_options_are_those_of_the_command_line(classical, kelvin, tmp_path, options, by_hand):
    by_hand = {'ir_percentiles': (1, 99), **by_hand}
    fusion = fuse_upload(classical, 'average', *kelvin[:2], tmp_path, Options(**options))
    expected = as_by_hand(kelvin[:2], tmp_path, **by_hand)
    picture = Image.open(fusion.fused)
    np.testing.assert_array_equal(np.asarray(picture), expected)
    # The page writes the note of the command line, too.
    assert picture.text[NOTE] == Image.open(tmp_path / 'fused.png').text[NOTE]
    assert fusion.degrees is None


def test_temperatures_of_counts(classical, kelvin, tmp_path):
    ir, vi, celsius = kelvin
    options = Options(ir_range='celsius', low=15, high=35, unit='centikelvin')
    homography = Homography([[1, 0, 4], [0, 1, 0], [0, 0, 1]])
    fusion = fuse_upload(classical, 'average', ir, vi, tmp_path, options, homography)
    expected = as_by_hand(
        (ir, vi),
        tmp_path,
        ir_celsius=(15, 35),
        ir_unit='centikelvin',
        homography=homography,
        temperatures=tmp_path / 'degrees',
    )
    np.testing.assert_array_equal(np.asarray(Image.open(fusion.fused)), expected)
    assert fusion.degrees.name == 'vi_average_fused_celsius.tif'
    degrees = tifffile.imread(fusion.degrees)
    np.testing.assert_array_equal(degrees, tifffile.imread(tmp_path / 'degrees' / 'vi.tif'))
    np.testing.assert_allclose(degrees[:, 4:], celsius[:, :-4], atol=0.01)
    # Known degrees are what an isotherm compares with.
    hot = options._replace(style='isotherm', isotherm=30)
    fused = np.asarray(Image.open(fuse_upload(classical, 'max', ir, vi, tmp_path, hot).fused))
    coloured = np.ptp(fused.astype(int), axis=2) > 0
    np.testing.assert_array_equal(coloured, celsius > 30)


def test_a_radiometric_jpeg_alone(classical, flir, tmp_path):
    celsius = np.linspace(5, 45, 24 * 32).reshape(24, 32)
    counts = np.round(flir.black_body(celsius)).astype(np.uint16)
    visible = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    more = [flir.visible_record(visible)]
    path = flir.flir_jpeg(tmp_path / 'a.jpg', counts, segment=60000, more=more)
    fusion = fuse_upload(classical, 'average', path, None, tmp_path)
    expected = as_by_hand((path, 'embedded'), tmp_path, ir_percentiles=(1, 99), resize=True)
    np.testing.assert_array_equal(np.asarray(Image.open(fusion.fused)), expected)
    degrees = tifffile.imread(fusion.degrees)
    assert degrees.shape == (48, 64) and degrees.dtype == np.float32
    np.testing.assert_allclose(degrees[::47, ::63], celsius[::23, ::31], atol=1)
    legend = Options(ir_range='stored', style='overlay', legend=True)
    with pytest.raises(DemoError, match='its picture was read, which holds no temperatures'):
        fuse_upload(classical, 'average', path, None, tmp_path, legend)


def test_radiometric_jpegs_that_do_not_do(classical, flir, tmp_path):
    counts = np.full((24, 32), 9000, np.uint16)
    path = flir.flir_jpeg(tmp_path / 'a.jpg', counts)
    with pytest.raises(DemoError, match='the visible one is missing'):
        fuse_upload(classical, 'average', path, None, tmp_path)
    flir.flir_jpeg(path, counts, keep=[0])
    with pytest.raises(DemoError, match=r'a\.jpg: its radiometric data are damaged, segment 1'):
        fuse_upload(classical, 'average', path, None, tmp_path)
