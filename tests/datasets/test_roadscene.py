import pytest

from tsjnet_mm.datasets import RoadSceneDataset
from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations, PackFusionInputs


@pytest.mark.parametrize('ir, vi', [('cropinfrared', 'crop_LR_visible'), ('ir', 'vi')])
def test_layouts(pair_folder, ir, vi):
    root = pair_folder(ir=ir, vi=vi, stems=('FLIR_10', 'FLIR_9', 'FLIR_video_1'))
    dataset = RoadSceneDataset(str(root))
    infos = [dataset.get_data_info(index) for index in range(3)]
    assert [info['img_id'] for info in infos] == ['FLIR_9', 'FLIR_10', 'FLIR_video_1']
    assert infos[0]['ir_path'] == str(root / ir / 'FLIR_9.png')
    assert 'instances' not in infos[0]


def test_real_pairs(real_data):
    dataset = RoadSceneDataset(
        str(real_data / 'RoadScene'),
        pipeline=[LoadPair(), LoadPairAnnotations(), PackFusionInputs()],
    )
    assert len(dataset) == 171
    for sample in dataset:
        ir, vi = sample['inputs']['ir'], sample['inputs']['vi']
        assert ir.shape[1:] == vi.shape[1:] == sample['data_samples'].img_shape
        assert vi.shape[0] == 3
        assert 0 <= vi.min() < vi.max() <= 1
        assert 'gt_instances' not in sample['data_samples']
