import shutil

import pytest

from tsjnet_mm.datasets import M3FDDataset
from tsjnet_mm.datasets.transforms import LoadPair, LoadPairAnnotations, PackFusionInputs

CORNERS = (2, 3, 12, 13)


@pytest.fixture
def published(pair_folder):
    root = pair_folder(root='published', ir='Ir', vi='Vis')
    (root / 'Annotation').mkdir()
    tags = ('xmin', 'ymin', 'xmax', 'ymax')
    box = ''.join(f'<{tag}>{value}</{tag}>' for tag, value in zip(tags, CORNERS, strict=True))
    for stem in ('001', '002', '010'):
        (root / 'Annotation' / f'{stem}.xml').write_text(
            f'<annotation><object><name>Lamp</name><bndbox>{box}</bndbox></object></annotation>'
        )
    return root


def test_both_layouts_read_the_same(published, pair_folder):
    other = pair_folder(root='yolo', boxes=[(3, *CORNERS)])
    voc, yolo = (M3FDDataset(str(root)) for root in (published, other))
    for index in range(3):
        first, second = (data.get_data_info(index)['instances'] for data in (voc, yolo))
        assert [item['bbox_label'] for item in first] == [3]
        assert first[0]['bbox'] == pytest.approx(second[0]['bbox'])
        assert first[0]['bbox_label'] == second[0]['bbox_label']


def test_fusion_archive_has_no_labels(published):
    shutil.rmtree(published / 'Annotation')
    assert 'instances' not in M3FDDataset(str(published)).get_data_info(0)
    with pytest.raises(FileNotFoundError, match=r'no boxes at .*Annotation'):
        M3FDDataset(str(published), annotations=['boxes'])


def test_missing_folders_name_both_layouts(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'Ir and .*Vis, or .*/ir and .*/vi'):
        M3FDDataset(str(tmp_path))


def test_real_pairs(real_data):
    dataset = M3FDDataset(
        str(real_data / 'M3FD'),
        pipeline=[LoadPair(), LoadPairAnnotations(), PackFusionInputs()],
    )
    assert len(dataset) == 6
    for sample in dataset:
        assert sample['inputs']['ir'].shape == (1, 768, 1024)
        assert len(sample['data_samples'].gt_instances) > 0
