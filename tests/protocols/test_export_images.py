import numpy as np
import pytest
import torch
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.datasets import FolderDataset
from tsjnet_mm.io.errors import PairError
from tsjnet_mm.protocols.export_images import build_source
from tsjnet_mm.utils import recolour

OPTIONS = {'keep_grey': False, 'ir_range': None, 'ir_percentiles': None}


@pytest.fixture
def infos(pair_folder):
    dataset = FolderDataset(str(pair_folder()), pipeline=[], serialize_data=False)
    return [dataset.get_data_info(index) for index in range(len(dataset))]


@pytest.fixture
def folder(tmp_path, infos):
    """Grey fused images of all pairs, under a method's own names."""
    path = tmp_path / 'mine'
    path.mkdir()
    rng = np.random.default_rng(1)
    for info in infos:
        grey = rng.integers(0, 256, (24, 32), dtype=np.uint8)
        Image.fromarray(grey).save(path / f'fused_{info["img_id"]}.png')
    return path


def make(images, infos, batch_size=1, **changes):
    return list(build_source(images, infos, batch_size, {**OPTIONS, **changes}).make(infos))


def pixels(path):
    return np.asarray(Image.open(path))


def test_visible_images_are_the_same_pixels(infos):
    for image, info in zip(make('vi', infos), infos, strict=True):
        assert np.array_equal(image, pixels(info['vi_path']))


def test_infrared_images_have_three_equal_channels(infos):
    for image, info in zip(make('ir', infos), infos, strict=True):
        assert np.array_equal(image, np.repeat(pixels(info['ir_path'])[..., None], 3, -1))


def test_infrared_range_is_stretched(infos):
    images = make('ir', infos, ir_range=(100, 151))
    for image, info in zip(images, infos, strict=True):
        grey = pixels(info['ir_path']).astype(float)
        assert np.array_equal(image[..., 1], np.round(np.clip((grey - 100) * 5, 0, 255)))


def test_inferencer_fuses(infos):
    inferencer = FusionInferencer('average', precision='fp32', show_progress=False)
    expected = [inferencer(info['ir_path'], info['vi_path'])[0] for info in infos]
    for size in (1, 2):
        for image, wanted in zip(make(inferencer, infos, size), expected, strict=True):
            assert np.array_equal(image, wanted)
    grey = inferencer(infos[0]['ir_path'], infos[0]['vi_path'], grey=True)[0]
    image = make(inferencer, infos, keep_grey=True)[0]
    assert np.array_equal(image, np.repeat(grey[..., None], 3, -1))


def test_grey_images_of_a_folder_get_the_visible_colour(infos, folder):
    for image, info in zip(make(folder, infos), infos, strict=True):
        luma = torch.from_numpy(pixels(folder / f'fused_{info["img_id"]}.png') / 255).float()
        visible = torch.from_numpy(pixels(info['vi_path']) / 255).float().permute(2, 0, 1)
        expected = (recolour(luma[None], visible) * 255).round().byte().permute(1, 2, 0)
        assert np.array_equal(image, expected.numpy())
        assert not np.array_equal(image[..., 0], image[..., 1])


def test_grey_images_of_a_folder_may_stay_grey(infos, folder):
    for image, info in zip(make(folder, infos, keep_grey=True), infos, strict=True):
        grey = pixels(folder / f'fused_{info["img_id"]}.png')
        assert np.array_equal(image, np.repeat(grey[..., None], 3, -1))


def test_colour_images_of_a_folder_are_the_same_pixels(infos, tmp_path):
    folder = tmp_path / 'vi'
    source = build_source(folder, infos, 1, OPTIONS)
    for image, info in zip(source.make(infos), infos, strict=True):
        assert np.array_equal(image, pixels(info['vi_path']))
    assert source.files(infos[0]) == (str(folder / '001.png'), infos[0]['vi_path'])


def test_sixteen_bits_of_a_folder_are_scaled(infos, folder):
    path = folder / 'fused_001.png'
    levels = pixels(path)
    Image.fromarray(levels.astype(np.uint16) * 257).save(path)
    image = make(folder, infos, keep_grey=True)[0]
    assert np.array_equal(image[..., 0], levels)


def test_other_images_of_a_folder_are_not_looked_at(infos, folder):
    (folder / 'fused_999.png').write_bytes(b'no image')
    assert len(make(folder, infos)) == 3
    assert len(make(folder, infos[1:])) == 2


def test_words_of_the_folders_name_are_no_part_of_a_pairs(infos, folder):
    for path in folder.iterdir():
        path.rename(path.with_name(path.name.replace('fused_', 'mine_')))
    assert len(make(folder, infos)) == 3


def test_folder_that_does_not_fit(infos, folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no folder of fused images .*nowhere'):
        make(tmp_path / 'nowhere', infos)
    (folder / 'result_010.png').write_bytes(b'')
    with pytest.raises(PairError, match=r'one image for 010, found fused_010.*result_010'):
        make(folder, infos)
    (folder / 'result_010.png').unlink()
    Image.fromarray(np.zeros((24, 31), np.uint8)).save(folder / 'fused_002.png')
    with pytest.raises(PairError, match=r'fused_002\.png: different sizes: .* 32x24.* 31x24'):
        make(folder, infos)
    (folder / 'fused_002.png').unlink()
    (folder / 'fused_001.png').unlink()
    with pytest.raises(PairError, match=r'each of 3 pairs, found none for 2: 001, 002$'):
        make(folder, infos)


def test_descriptions_tell_apart_what_differs(infos, folder, tmp_path):
    inferencer = FusionInferencer('average', show_progress=False)
    descriptions = [
        str(build_source(images, infos, 1, {**OPTIONS, **changes}).description)
        for images, changes in (
            ('ir', {}),
            ('ir', {'ir_range': [0, 9]}),
            ('vi', {}),
            (folder, {}),
            (folder, {'keep_grey': True}),
            (tmp_path / 'vi', {}),
            (inferencer, {}),
            (inferencer, {'keep_grey': True}),
            (FusionInferencer('max', show_progress=False), {}),
        )
    ]
    assert len({*descriptions}) == len(descriptions)
