import pytest

from tsjnet_mm.labels import box_classes, map_classes, seg_classes


def test_known_datasets():
    assert box_classes(['MSRS']) == ['person', 'bicycle', 'car']
    assert box_classes(['m3fd'])[0] == 'People'
    assert box_classes(['dog', 'cat']) == ['dog', 'cat']
    names, palette = seg_classes(['msrs'], ['person'])
    assert names[:4] == ['background', 'car', 'person', 'bike']
    assert palette[2] == (64, 64, 0)


def test_default_seg_classes():
    names, palette = seg_classes([], ['person', 'car'])
    assert names == ['background', 'person', 'car']
    assert len(palette) == 3
    assert palette[0] == (0, 0, 0)
    assert len(set(palette)) == 3


def test_msrs_by_default():
    masks = seg_classes(['msrs'], [])[0]
    assert map_classes(box_classes(['msrs']), masks) == {'person': 2, 'bicycle': 3, 'car': 1}


def test_coco_to_m3fd():
    found = map_classes(
        ['person', 'bicycle', 'car', 'motorcycle', 'truck'],
        box_classes(['m3fd']),
        ['bicycle=Motorcycle'],
        require_all=False,
    )
    assert found == {'person': 0, 'bicycle': 4, 'car': 1, 'motorcycle': 4, 'truck': 5}


def test_given_and_left_out():
    assert map_classes(['van', 'car', 'dog'], ['bg', 'car'], ['van=car', 'dog=']) == {
        'van': 1,
        'car': 1,
    }


@pytest.mark.parametrize(
    ('sources', 'given', 'message'),
    [
        (['car', 'dog'], [], 'called dog: say which is meant'),
        (['car'], ['van=car'], "'van=car': expected one of car"),
        (['car'], ['car=boat'], "'car=boat'"),
        (['car'], ['car'], 'SOURCE=TARGET'),
        (['car'], ['car=car', 'car='], 'each once'),
        (['car'], ['car='], 'none of the classes car is among'),
    ],
)
def test_errors_of_maps(sources, given, message):
    with pytest.raises(ValueError, match=message):
        map_classes(sources, ['background', 'car'], given)


def test_names_that_come_twice():
    with pytest.raises(ValueError, match='twice: car'):
        box_classes(['car', 'car'])
    with pytest.raises(ValueError, match='twice: a'):
        seg_classes(['a', 'a'], [])
    with pytest.raises(ValueError, match='255'):
        seg_classes([str(i) for i in range(256)], [])
