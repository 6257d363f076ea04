import numpy as np

from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations, PackFusionInputs
from tsjnet_mm.registry import DATASETS


def test_folder_from_the_registry(pair_folder):
    root = pair_folder(boxes=[(1, 2, 3, 12, 13)], seg_classes=2)
    (root / 'names.txt').write_text('person\ncar\n')
    dataset = DATASETS.build(
        {
            'type': 'FolderDataset',
            'data_root': str(root),
            'metainfo': {'classes': str(root / 'names.txt'), 'seg_classes': ('road', 'car')},
            'pipeline': [LoadPair(), LoadPairAnnotations(), PackFusionInputs()],
        }
    )
    assert dataset.metainfo['classes'] == ['person', 'car']
    sample = dataset[0]['data_samples']
    assert sample.gt_instances.labels.tolist() == [1]
    np.testing.assert_allclose(sample.gt_instances.bboxes, [[2, 3, 12, 13]], atol=1e-5)
    assert sample.gt_sem_seg.data.max() == 1


def test_folder_of_images_alone(pair_folder):
    root = pair_folder()
    sample = DATASETS.build(
        {
            'type': 'FolderDataset',
            'data_root': str(root),
            'pipeline': [LoadPair(), LoadPairAnnotations(), PackFusionInputs()],
        }
    )[2]['data_samples']
    assert sample.img_id == '010'
    assert 'gt_instances' not in sample
    assert 'gt_sem_seg' not in sample
