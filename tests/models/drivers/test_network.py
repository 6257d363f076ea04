import sys

import pytest
from mmengine.hub import get_config

from tsjnet_mm.models.drivers.network import read_network

RTMDET = 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'
FASTER_RCNN = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
PIDNET = 'mmseg::pidnet/pidnet-s_2xb6-120k_1024x1024-cityscapes.py'
OCRNET = 'mmseg::ocrnet/ocrnet_hr18s_4xb2-40k_cityscapes-512x1024.py'


def test_the_network_and_its_preprocessor_are_taken_as_they_are():
    network = read_network('mmdet', RTMDET)
    expected = get_config(RTMDET).model
    expected.data_preprocessor.pop('batch_augments')
    # Its pipeline pads, which there is none of here.
    expected.data_preprocessor.pad_size_divisor = 32
    assert network.model == expected
    assert network.model.bbox_head.num_classes == 80
    assert network.classes[:3] == ('person', 'bicycle', 'car') and len(network.classes) == 80
    assert read_network('mmdet', RTMDET.removesuffix('.py')).model == expected


def test_sizes_of_training_crops_stay_behind():
    preprocessor = read_network('mmseg', PIDNET).model.data_preprocessor
    assert 'size' in get_config(PIDNET).model.data_preprocessor
    assert 'size' not in preprocessor and preprocessor.size_divisor == 32
    assert preprocessor.mean == [123.675, 116.28, 103.53]
    yolox = read_network('mmdet', 'mmdet::yolox/yolox_tiny_8xb8-300e_coco.py').model
    assert 'batch_augments' not in yolox.data_preprocessor
    assert yolox.data_preprocessor.pad_size_divisor == 32


def test_a_preprocessor_on_top_level_belongs_to_the_network(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text(
        "data_preprocessor = dict(type='SegDataPreProcessor', size=(64, 64))\n"
        "model = dict(type='EncoderDecoder')\n"
    )
    network = read_network('mmseg', str(path))
    assert network.model.data_preprocessor == {
        'type': 'SegDataPreProcessor',
        'size_divisor': 32,
    }
    assert network.classes is None
    path.write_text("model = dict(type='EncoderDecoder')\n")
    with pytest.raises(ValueError, match='no data_preprocessor'):
        read_network('mmseg', str(path))
    path.write_text('lr = 1\n')
    with pytest.raises(ValueError, match='no `model`'):
        read_network('mmseg', str(path))


def test_class_names_of_a_config_with_metainfo(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text(
        f"_base_ = '{FASTER_RCNN}'\n"
        "train_dataloader = dict(dataset=dict(_delete_=True, type='RepeatDataset', times=2,\n"
        "    dataset=dict(type='CocoDataset', metainfo=dict(classes=('person', 'car')))))\n"
    )
    assert read_network('mmdet', str(path)).classes == ('person', 'car')


def counts(node, key='num_classes'):
    """All values of a key in a config."""
    if isinstance(node, (list, tuple)):
        return [count for item in node for count in counts(item, key)]
    if not isinstance(node, dict):
        return []
    own = [node[key]] if key in node else []
    return own + [count for value in node.values() for count in counts(value, key)]


@pytest.mark.parametrize(
    ('config', 'heads'),
    [
        (RTMDET, 1),
        (FASTER_RCNN, 1),
        ('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', 2),
        ('mmdet::cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py', 4),
        ('mmdet::yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py', 1),
        (PIDNET, 1),
        (OCRNET, 2),
        ('mmseg::bisenetv1/bisenetv1_r18-d32_4xb4-160k_cityscapes-1024x1024.py', 3),
    ],
)
def test_all_heads_get_the_classes(config, heads):
    scope = config.split(':')[0]
    before = counts(read_network(scope, config).model)
    network = read_network(scope, config, num_classes=7)
    assert counts(network.model) == [7] * heads and 7 not in before
    # The names of the config's classes are no longer those of the network.
    assert network.classes is None


def test_parts_that_know_no_classes_keep_their_numbers():
    model = {
        'rpn_head': {'num_classes': 1},
        'backbone': {'num_classes': 1000},
        'bbox_head': [{'num_classes': 2, 'out_channels': 2}, {'loss': {'num_classes': 2}}],
    }
    found = read_network('mmdet', model=model, num_classes=5).model
    assert found.rpn_head.num_classes == 1 and found.backbone.num_classes == 1000
    assert found.bbox_head[0] == {'num_classes': 5, 'out_channels': 5}
    assert found.bbox_head[1].loss.num_classes == 5


def test_weights_of_classes_follow_their_number():
    assert len(counts(read_network('mmseg', PIDNET).model, 'class_weight')[0]) == 19
    dropped = counts(read_network('mmseg', PIDNET, num_classes=7).model, 'class_weight')
    assert dropped == [None, None, None]
    kept = counts(read_network('mmseg', PIDNET, num_classes=19).model, 'class_weight')
    assert all(len(weights) == 19 for weights in kept)
    with_nothing = 'mmseg::mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024.py'
    weights = counts(read_network('mmseg', with_nothing, num_classes=3).model, 'class_weight')
    assert weights == [[1.0, 1.0, 1.0, 0.1]]
    panoptic = 'mmdet::mask2former/mask2former_r50_8xb2-lsj-50e_coco-panoptic.py'
    model = read_network('mmdet', panoptic, num_classes=3).model
    assert counts(model, 'num_things_classes') == [3, 3]
    assert counts(model, 'num_stuff_classes') == [0, 0]


def test_own_values_win():
    model = {
        'backbone': {'depth': 18, 'init_cfg': None},
        'roi_head': {'bbox_head': {'num_classes': 5}},
        'test_cfg': {'_delete_': True, 'rcnn': {}},
    }
    network = read_network('mmdet', FASTER_RCNN, model, num_classes=7).model
    assert network.backbone.depth == 18 and network.backbone.init_cfg is None
    assert network.backbone.type == 'ResNet'
    assert network.roi_head.bbox_head.num_classes == 5
    assert network.test_cfg == {'rcnn': {}}
    alone = read_network('mmdet', model={'type': 'RetinaNet', 'num_classes': 2}, num_classes=3)
    assert alone.model == {'type': 'RetinaNet', 'num_classes': 3}


def test_weights():
    given = read_network('mmdet', RTMDET, weights='mine.pth').model
    assert given.init_cfg == {'type': 'Pretrained', 'checkpoint': 'mine.pth'}
    published = read_network('mmdet', FASTER_RCNN, weights='published').model.init_cfg
    assert published['checkpoint'].endswith('faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({}, 'needs `config`'),
        ({'config': 'mmseg::pspnet/x.py'}, 'expected a config of mmdet, found one of mmseg'),
        ({'config': 'mmdet::rtmdet/nope.py'}, 'mmdet has no such config'),
        ({'config': 'nope.py'}, 'nope.py: no such config'),
        ({'config': 'nope.py', 'weights': 'published'}, "'mmdet::folder/name.py'"),
        ({'model': {}, 'weights': 'published'}, "'mmdet::folder/name.py'"),
        (
            {'config': 'mmdet::_base_/models/retinanet_r50_fpn.py', 'weights': 'published'},
            'no published weights are known',
        ),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_network('mmdet', **arguments)


def test_a_missing_library_is_not_installed_on_the_way(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmdet', None)
    with pytest.raises(ImportError, match=r'mmdet, which is not .* "tsjnet_mm\[train\]"'):
        read_network('mmdet', RTMDET)
