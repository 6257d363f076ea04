import pytest
import torch

from tsjnet_mm.models.layers import ResNeStTrunk, bands, for_inference


@pytest.fixture
def trunk():
    torch.manual_seed(0)
    trunk = ResNeStTrunk(3, stem_channels=(8, 8, 12), planes=8, expansion=4)
    with torch.no_grad():
        for _ in range(3):  # running statistics that differ from their defaults
            trunk(torch.randn(2, 3, 20, 20))
    return trunk.eval()


@pytest.mark.parametrize('rows', [1, 3, 7, 16, 100])
@pytest.mark.parametrize('size', [(16, 9), (17, 30), (1, 5)])
def test_bands_change_nothing(trunk, monkeypatch, rows, size):
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        whole = trunk(x)
        monkeypatch.setattr(bands, 'SMALL_BYTES', 0)
        monkeypatch.setattr(bands, 'BAND_BYTES', rows * 4 * trunk.out_channels * size[1])
        banded = trunk(x)
    torch.testing.assert_close(banded, whole, rtol=0, atol=2e-6)


def test_the_blocks_input_is_overwritten_only_where_it_is_our_own(trunk, monkeypatch):
    monkeypatch.setattr(bands, 'SMALL_BYTES', 0)
    x = torch.randn(1, 3, 12, 12)
    kept = x.clone()
    with torch.no_grad():
        features = trunk.stem(x)
        before = features.clone()
        assert bands.works_in_bands(trunk.blocks[0], features)
        bands.bottleneck_in_bands(trunk.blocks[0], features)
        torch.testing.assert_close(features, before, rtol=0, atol=0)
        trunk(x)
    torch.testing.assert_close(x, kept, rtol=0, atol=0)


def test_training_and_small_features_do_without_bands(trunk, monkeypatch):
    x = torch.randn(1, 12, 12, 12)
    with torch.no_grad():
        assert not bands.works_in_bands(trunk.blocks[0], x)
    monkeypatch.setattr(bands, 'SMALL_BYTES', 0)
    assert not bands.works_in_bands(trunk.blocks[0], x)
    with torch.no_grad():
        assert bands.works_in_bands(trunk.blocks[0], x)
        assert not bands.works_in_bands(trunk.train().blocks[0], x)


@pytest.mark.parametrize('size', [(40, 36), (64, 64)])
def test_folded_copy_in_bands(trunk, monkeypatch, size):
    copy = for_inference(trunk)
    x = torch.randn(1, 3, *size)
    monkeypatch.setattr(bands, 'BAND_BYTES', 2**14)
    with torch.no_grad():
        whole = trunk(x)
        monkeypatch.setattr(bands, 'SMALL_BYTES', 0)
        torch.testing.assert_close(copy(x), whole, rtol=0, atol=5e-6)
