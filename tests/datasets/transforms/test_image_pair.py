import numpy as np
import pytest
from mmengine.registry import DefaultScope, init_default_scope
from PIL import Image

from tsjnet_mm.datasets import PairError
from tsjnet_mm.datasets.transforms import LoadImagePair, LoadPair
from tsjnet_mm.registry import TRANSFORMS


def paths(folder, stem='001'):
    return {
        'ir_path': str(folder / 'ir' / f'{stem}.png'),
        'vi_path': str(folder / 'vi' / f'{stem}.png'),
    }


def test_channels_are_blue_green_red_infrared(pair_folder):
    pair = paths(pair_folder())
    results = LoadImagePair()(dict(pair))
    assert results['img'].dtype == np.uint8
    assert results['img'].shape == (24, 32, 4)
    rgb = np.asarray(Image.open(pair['vi_path']))
    np.testing.assert_array_equal(results['img'][..., :3], rgb[..., ::-1])
    np.testing.assert_array_equal(
        results['img'][..., 3], np.asarray(Image.open(pair['ir_path']))
    )
    assert results['img_shape'] == results['ori_shape'] == (24, 32)
    assert results['img_path'] == pair['vi_path']
    assert not {'ir', 'vi'} & set(results)


@pytest.mark.parametrize('extension', ['.png', '.bmp', '.TIF'.lower()])
def test_finds_the_infrared_partner(pair_folder, extension):
    base = pair_folder(
        ir='thermal/train', vi='rgb/train', ir_extension=extension, stems=('a.b',)
    )
    results = LoadImagePair('rgb', 'thermal')(
        {'img_path': str(base / 'rgb' / 'train' / 'a.b.png')}
    )
    assert results['ir_path'] == str(base / 'thermal' / 'train' / f'a.b{extension}')
    assert results['vi_path'].endswith('a.b.png')


def test_the_last_folder_of_that_name_is_replaced(pair_folder):
    base = pair_folder(root='vi')
    results = LoadImagePair()({'img_path': str(base / 'vi' / '001.png')})
    assert results['ir_path'] == str(base / 'ir' / '001.png')


def test_missing_partner(pair_folder):
    base = pair_folder()
    (base / 'ir' / '001.png').unlink()
    with pytest.raises(PairError, match=r'ir.001\.\*'):
        LoadImagePair()({'img_path': str(base / 'vi' / '001.png')})
    with pytest.raises(PairError, match="expected a folder 'visible'"):
        LoadImagePair('visible')({'img_path': str(base / 'vi' / '001.png')})


def test_deep_infrared_keeps_its_levels(pair_folder):
    base = pair_folder()
    deep = np.linspace(0, 65535, 24 * 32).reshape(24, 32).astype(np.uint16)
    Image.fromarray(deep).save(base / 'ir' / '001.png')
    image = LoadImagePair(to_float32=True)(paths(base))['img']
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[..., 3], deep / 257, atol=1e-4)
    clipped = LoadImagePair(ir_range=(0, 16383))(paths(base))['img'][..., 3]
    reference = LoadPair(ir_range=(0, 16383))(paths(base))['ir']
    np.testing.assert_array_equal(clipped, np.rint(reference * 255))


@pytest.mark.parametrize(
    'options',
    [
        {'ir_percentiles': (20, 80)},
        {'resize': True},
        {'homography': [[1, 0, 5], [0, 1, 2], [0, 0, 1]]},
    ],
)
def test_the_infrared_image_is_prepared_as_that_of_a_pair(pair_folder, options):
    base = pair_folder()
    pair = paths(base)
    if 'ir_percentiles' not in options:
        Image.open(pair['ir_path']).resize((17, 13)).save(pair['ir_path'])
    image = LoadImagePair(**options, to_float32=True)(dict(pair))['img']
    expected = LoadPair(**options)(dict(pair))
    np.testing.assert_allclose(image[..., 3], 255 * expected['ir'], atol=1e-4)
    assert image.shape == (24, 32, 4) and np.ptp(image[..., 3]) > 100


def test_moves_through_mmdets_transforms(pair_folder):
    """Flip, resize and packing of mmdet, which know nothing of a fourth channel."""
    base = pair_folder()
    with DefaultScope.overwrite_default_scope('mmdet'):
        init_default_scope('mmdet')
        results = {
            'img_path': str(base / 'vi' / '001.png'),
            'img_id': 1,
            'instances': [{'bbox': [1, 2, 11, 12], 'bbox_label': 0, 'ignore_flag': 0}],
        }
        steps = [
            {'type': 'tsjnet_mm.LoadImagePair'},
            {'type': 'LoadAnnotations', 'with_bbox': True},
            {'type': 'RandomFlip', 'prob': 1.0},
            {'type': 'Resize', 'scale': (64, 48)},
            {'type': 'PackDetInputs'},
        ]
        for step in steps:
            results = TRANSFORMS.build(step)(results)
    assert tuple(results['inputs'].shape) == (4, 48, 64)
    boxes = results['data_samples'].gt_instances.bboxes
    np.testing.assert_allclose(boxes.numpy(), [[42, 4, 62, 24]])
    infrared = np.asarray(Image.open(base / 'ir' / '001.png'))
    mean = results['inputs'][3].float().mean().item()
    assert abs(mean - infrared.mean()) < 1
