import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.datasets import FolderDataset, MSRSDataset, PairError
from tsjnet_mm.datasets.near_duplicates import describe_pair, group_near_duplicates


def scene(seed, size=(120, 160)):
    """Smooth random blobs."""
    noise = np.random.default_rng(seed).standard_normal((*size, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))


def describe(tmp_path, ir, vi, name='pair'):
    paths = [tmp_path / f'{name}_{modality}.png' for modality in ('ir', 'vi')]
    for path, image in zip(paths, (ir, vi), strict=True):
        Image.fromarray(image).save(path)
    return describe_pair(*paths)


def groups_of(dataset):
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    descriptors = [describe_pair(info['ir_path'], info['vi_path']) for info in infos]
    return [info['img_id'] for info in infos], np.stack(descriptors)


def test_similarity(tmp_path):
    vi = scene(0)
    ir = vi[..., 0]
    first = describe(tmp_path, ir, vi)
    assert first.shape == (2048,) and first.dtype == np.float32
    assert first @ first == pytest.approx(1, abs=1e-5)
    # Another light and size, then another place.
    darker = (vi * 0.5 + 20).astype(np.uint8)
    small = cv2.resize(darker, (80, 60), interpolation=cv2.INTER_AREA)
    assert first @ describe(tmp_path, small[..., 0], small) > 0.9
    other = scene(1)
    assert abs(first @ describe(tmp_path, other[..., 0], other)) < 0.15
    # The mean of both modalities.
    assert first @ describe(tmp_path, ir, other) == pytest.approx(0.5, abs=0.1)


def test_infrared_of_16_bits_and_three_channels(tmp_path):
    vi = scene(0)
    ir = vi[..., 0]
    first = describe(tmp_path, ir, vi)
    raw = (ir.astype(np.uint16) * 8) + 7000
    assert first @ describe(tmp_path, raw, vi) > 0.95
    assert first @ describe(tmp_path, np.repeat(ir[..., None], 3, axis=2), vi) > 0.999


def test_flat_images(tmp_path):
    vi = scene(0)
    black = np.zeros((120, 160), np.uint8)
    first = describe(tmp_path, vi[..., 0], black)
    assert np.isfinite(first).all()
    assert first @ first == pytest.approx(0.5, abs=1e-5)


def test_unreadable(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'no')
    with pytest.raises(PairError, match=r'a\.png: unreadable'):
        describe_pair(tmp_path / 'a.png', tmp_path / 'a.png')


def test_groups_are_chains_numbered_by_first_member():
    angles = np.deg2rad([0, 90, 30, 60, 200, 92])
    descriptors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    near = np.cos(np.deg2rad(31))
    assert group_near_duplicates(descriptors, near).tolist() == [0, 0, 0, 0, 1, 0]
    assert group_near_duplicates(descriptors, np.cos(np.deg2rad(5))).tolist() == [
        0,
        1,
        2,
        3,
        4,
        1,
    ]
    assert group_near_duplicates(descriptors, 2).tolist() == [0, 1, 2, 3, 4, 5]


def test_groups_over_blocks(monkeypatch):
    monkeypatch.setattr('tsjnet_mm.datasets.near_duplicates._BLOCK', 7)
    rng = np.random.default_rng(0)
    wanted = rng.integers(0, 12, 100)
    wanted = np.unique(wanted, return_inverse=True)[1]
    groups = group_near_duplicates(np.eye(12, dtype=np.float32)[wanted], 0.5)
    assert groups.max() == 11
    assert len({*zip(wanted, groups, strict=True)}) == 12
    first = [int(np.argmax(groups == group)) for group in range(12)]
    assert first == sorted(first)


@pytest.mark.parametrize('folder, groups', [('M3SVD/0111_1716', 1), ('LLVIP/train', 1)])
def test_real_video_and_standing_camera_are_one_group(real_data, folder, groups):
    _, descriptors = groups_of(FolderDataset(str(real_data / folder), annotations=[]))
    assert len(descriptors) in (20, 32)
    assert group_near_duplicates(descriptors).max() + 1 == groups


@pytest.mark.slow
def test_real_scenes_are_many_groups(real_data):
    stems, descriptors = groups_of(MSRSDataset(str(real_data / 'MSRS'), split='test'))
    groups = dict(zip(stems, group_near_duplicates(descriptors), strict=True))
    assert len({*groups.values()}) == 171
    for near in (('00204D', '00209D', '00218D'), ('00392D', '00396D'), ('00139D', '00143D')):
        assert len({groups[stem] for stem in near}) == 1
    assert groups['00004N'] != groups['00008N']
