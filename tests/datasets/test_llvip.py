import pytest

from tsjnet_mm.datasets import LLVIPDataset
from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations, PackFusionInputs


@pytest.mark.parametrize('split', ['train', 'test'])
def test_published_layout(pair_folder, split):
    root = pair_folder(
        ir=f'infrared/{split}',
        vi=f'visible/{split}',
        stems=('190001',),
        ir_extension='.jpg',
        vi_extension='.jpg',
    )
    (root / 'Annotations').mkdir()
    for stem in ('010001', '190001'):  # one folder of labels for both splits
        (root / 'Annotations' / f'{stem}.xml').write_text(
            '<annotation><object><name>person</name><bndbox><xmin>1</xmin><ymin>2</ymin>'
            '<xmax>9</xmax><ymax>20</ymax></bndbox></object></annotation>'
        )
    dataset = LLVIPDataset(str(root), split=split)
    assert len(dataset) == 1
    info = dataset.get_data_info(0)
    assert info['vi_path'] == str(root / f'visible/{split}/190001.jpg')
    assert info['instances'] == [{'bbox': [1, 2, 9, 20], 'bbox_label': 0, 'ignore_flag': 0}]


def test_layout_by_split(pair_folder):
    root = pair_folder(root='LLVIP/train', boxes=[(0, 1, 2, 9, 20)]).parent
    info = LLVIPDataset(str(root)).get_data_info(0)
    assert info['ir_path'] == str(root / 'train/ir/001.png')
    assert len(info['instances']) == 1


def test_real_pairs(real_data):
    dataset = LLVIPDataset(
        str(real_data / 'LLVIP'),
        pipeline=[LoadPair(), LoadPairAnnotations(), PackFusionInputs()],
    )
    assert len(dataset) == 32
    for index in range(32):
        inputs = dataset[index]['inputs']
        assert inputs['ir'].shape == (1, 1024, 1280)
        assert inputs['vi'].shape == (3, 1024, 1280)
