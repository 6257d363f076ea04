import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import InstanceData, PixelData

from tsjnet_mm.apis import config_dir
from tsjnet_mm.models.drivers import DetectionDriver, SegmentationDriver, network_images
from tsjnet_mm.models.drivers.detection_driver import filled_boxes
from tsjnet_mm.models.drivers.segmentation_driver import class_edges
from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils import rgb_to_luma

#: Options of a detector that returns whatever it finds.
DETECTING = {
    'nms_pre': 1000,
    'score_thr': 0.0,
    'nms': {'type': 'nms', 'iou_threshold': 1.0},
    'max_per_img': 1000,
}


def shipped(name, key):
    return Config.fromfile(config_dir() / '_base_' / 'models' / f'{name}.py')[key]


def luma_of(batch):
    return batch['inputs']['ir'].clone().requires_grad_()


def loss(driver, luma, batch):
    return driver.loss(luma, batch['inputs']['vi'], batch['data_samples'])


def test_frozen_driver_stays_in_eval_and_passes_gradients(tiny_segmentor, pair_batch):
    driver = SegmentationDriver(tiny_segmentor)
    driver.train()
    before = {name: value.clone() for name, value in driver.state_dict().items()}
    assert not any(module.training for module in driver.modules())
    assert not any(parameter.requires_grad for parameter in driver.parameters())
    luma = luma_of(pair_batch)
    sum(loss(driver, luma, pair_batch).values()).backward()
    assert luma.grad.abs().sum() > 0
    torch.testing.assert_close(driver.state_dict(), before, rtol=0, atol=0)


def test_joint_driver_trains(tiny_segmentor, pair_batch):
    driver = SegmentationDriver(tiny_segmentor, frozen=False).train()
    optimizer = torch.optim.Adam(driver.parameters(), lr=1e-2)
    history = []
    for _ in range(8):
        value = sum(loss(driver, luma_of(pair_batch), pair_batch).values())
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        history.append(value.item())
    assert history[-1] < 0.7 * history[0]


def test_one_stage_regression_only_by_name(tiny_detector, pair_batch):
    terms = loss(DetectionDriver(tiny_detector), luma_of(pair_batch), pair_batch)
    assert list(terms) == ['loss_bbox']
    everything = DetectionDriver(tiny_detector, loss_terms=['*loss*'])
    assert set(loss(everything, luma_of(pair_batch), pair_batch)) == {'loss_bbox', 'loss_cls'}


def test_two_stage_regression_only(pair_batch):
    config = shipped('detector_faster-rcnn_r18_fpn', 'detector')
    del config['loss_terms']
    driver = MODELS.build(config)
    luma = luma_of(pair_batch)
    terms = loss(driver, luma, pair_batch)
    assert set(terms) == {'loss_rpn_bbox', 'loss_bbox'}
    sum(terms.values()).backward()
    assert luma.grad.abs().sum() > 0


def test_no_matching_term_lists_those_there_are(tiny_detector, pair_batch):
    driver = DetectionDriver(tiny_detector, loss_terms=['*mask*'])
    with pytest.raises(ValueError, match=r"\['loss_bbox', 'loss_cls'\]"):
        loss(driver, luma_of(pair_batch), pair_batch)


def test_loss_weight(tiny_detector, pair_batch):
    driver = DetectionDriver(tiny_detector).eval()
    single = loss(driver, luma_of(pair_batch), pair_batch)['loss_bbox']
    driver.loss_weight = 2.5
    weighted = loss(driver, luma_of(pair_batch), pair_batch)['loss_bbox']
    torch.testing.assert_close(weighted, 2.5 * single)


def test_images_without_objects(tiny_detector, pair_batch):
    for sample in pair_batch['data_samples']:
        sample.gt_instances = sample.gt_instances[:0]
    terms = loss(DetectionDriver(tiny_detector), luma_of(pair_batch), pair_batch)
    assert terms['loss_bbox'].item() == 0


def test_label_map_renames_and_drops(tiny_detector, pair_batch):
    driver = DetectionDriver(tiny_detector, label_map=[1, -1, -1])
    first, second = (
        driver._annotated(sample, (32, 32)) for sample in pair_batch['data_samples']
    )
    assert first.gt_instances.labels.tolist() == [1]
    assert second.gt_instances.labels.tolist() == []
    assert second.gt_instances.bboxes.shape == (0, 4)
    assert pair_batch['data_samples'][0].gt_instances.labels.tolist() == [0]
    # The detector's first class is a class.
    driver = DetectionDriver(tiny_detector, label_map=[2, -1, 0])
    first, second = (
        driver._annotated(sample, (32, 32)) for sample in pair_batch['data_samples']
    )
    assert first.gt_instances.labels.tolist() == [2]
    assert second.gt_instances.labels.tolist() == [0]
    # A box goes with its label, wherever the dropped ones stand.
    boxes = [[0.0, 0, 9, 9], [1.0, 1, 8, 8], [2.0, 2, 7, 7], [3.0, 3, 6, 6]]
    pair_batch['data_samples'][0].gt_instances = InstanceData(
        bboxes=torch.tensor(boxes), labels=torch.tensor([1, 2, 1, 0])
    )
    several = driver._annotated(pair_batch['data_samples'][0], (32, 32)).gt_instances
    assert several.bboxes.tolist() == boxes[1::2] and several.labels.tolist() == [0, 2]


@pytest.mark.parametrize('to_rgb', [True, False])
@pytest.mark.parametrize('appearance', ['grey', 'colour'])
def test_network_sees_what_its_preprocessor_would_make(
    tiny_detector, pair_batch, to_rgb, appearance
):
    preprocessor = tiny_detector['data_preprocessor']
    preprocessor['bgr_to_rgb'] = to_rgb
    preprocessor['pad_size_divisor'] = 1
    tiny_detector['test_cfg'] = DETECTING
    driver = DetectionDriver(tiny_detector, appearance=appearance)
    visible = pair_batch['inputs']['vi']
    luma = (visible * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    seen = []
    handle = driver.model.backbone.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    driver.loss(luma, visible, pair_batch['data_samples'])
    driver.predict(luma, visible, pair_batch['data_samples'])
    handle.remove()
    # Recoloured with its own chroma, the luma of an image is the image.
    rgb = visible if appearance == 'colour' else luma.expand(-1, 3, -1, -1)
    ordered = rgb if to_rgb else rgb.flip(1)
    mean = torch.tensor(preprocessor['mean']).view(3, 1, 1)
    std = torch.tensor(preprocessor['std']).view(3, 1, 1)
    for image in seen:
        torch.testing.assert_close(image, (255 * ordered - mean) / std, rtol=0, atol=1e-3)
    assert len(seen) == 2


def test_a_segmentor_sees_colour_in_the_images_own_size(tiny_segmentor, pair_batch):
    mean, std = (
        torch.tensor(tiny_segmentor['data_preprocessor'][key]) for key in ('mean', 'std')
    )
    driver = SegmentationDriver(tiny_segmentor, appearance='colour')
    seen = []
    driver.model.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    visible = pair_batch['inputs']['vi'][:, :, :50, :70]
    luma = rgb_to_luma(visible)
    samples = pair_batch['data_samples']
    for sample in samples:
        sample.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data[:, :50, :70])
        sample.set_metainfo({'img_shape': (50, 70)})
    driver.loss(luma, visible, samples)
    driver.predict(luma, visible, samples)
    # Recoloured with its own chroma, the luma of an image is the image.
    expected = (255 * visible - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    for image in seen:
        torch.testing.assert_close(image, expected, rtol=0, atol=1e-3)
    assert len(seen) == 2


@pytest.mark.parametrize('appearance', ['grey', 'colour'])
def test_all_channels_pass_gradients_to_the_luma(appearance):
    luma = torch.full((1, 1, 4, 5), 0.5, requires_grad=True)
    visible = torch.tensor([0.5, 0.4, 0.6]).view(1, 3, 1, 1).expand(-1, -1, 4, 5)
    (image,) = network_images(luma, visible, appearance)
    image.sum().backward()
    # A step of the luma is one of red, green and blue.
    torch.testing.assert_close(luma.grad, torch.full((1, 1, 4, 5), 3 * 255.0))


def test_segmentation_ignores_255_and_pads_masks(tiny_segmentor, pair_batch):
    tiny_segmentor['data_preprocessor']['size_divisor'] = 64
    driver = SegmentationDriver(tiny_segmentor)
    luma = luma_of(pair_batch)
    value = loss(driver, luma, pair_batch)['decode.loss_ce']
    for sample in pair_batch['data_samples']:
        assert sample.gt_sem_seg.shape == (64, 96)  # padded to 128 in a view only
        sample.gt_sem_seg.data[:] = 255
    assert value.item() > 0
    assert loss(driver, luma, pair_batch)['decode.loss_ce'].item() == 0


def test_missing_labels_name_the_image(tiny_detector, tiny_segmentor, pair_batch):
    for sample in pair_batch['data_samples']:
        del sample.gt_instances, sample.gt_sem_seg
    with pytest.raises(ValueError, match=r'0\.png has no gt_instances'):
        loss(DetectionDriver(tiny_detector), luma_of(pair_batch), pair_batch)
    with pytest.raises(ValueError, match=r'0\.png has no gt_sem_seg'):
        loss(SegmentationDriver(tiny_segmentor), luma_of(pair_batch), pair_batch)


def test_pretrained_checkpoint_is_loaded(tiny_segmentor, tmp_path):
    trained = SegmentationDriver(tiny_segmentor).model
    path = tmp_path / 'segmentor.pth'
    torch.save({'state_dict': trained.state_dict()}, path)
    tiny_segmentor['init_cfg'] = {'type': 'Pretrained', 'checkpoint': str(path)}
    driver = SegmentationDriver(tiny_segmentor)
    driver.init_weights()
    torch.testing.assert_close(driver.model.state_dict(), trained.state_dict())


def test_synchronised_norms_of_drivers_are_reverted(tiny_segmentor, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    for part in ('backbone', 'decode_head'):
        tiny_segmentor[part]['norm_cfg'] = {'type': 'SyncBN'}
    driver = SegmentationDriver(tiny_segmentor)
    assert not any(isinstance(part, torch.nn.SyncBatchNorm) for part in driver.modules())
    # They bear a single pooled value, as others do.
    norm = driver.model.decode_head.convs[0].bn.train()
    assert norm(torch.rand(1, 8, 1, 1)).shape == (1, 8, 1, 1)


def test_unknown_appearance(tiny_segmentor):
    with pytest.raises(ValueError, match='sepia'):
        SegmentationDriver(tiny_segmentor, appearance='sepia')


def batch_of_one_cropped_pair(pair_batch):
    """The second pair is padded: its own size is 50x70 of 64x96."""
    pair_batch['data_samples'][1].set_metainfo({'img_shape': (50, 70)})
    return pair_batch['inputs']['ir'], pair_batch['inputs']['vi'], pair_batch['data_samples']


def test_detections_come_in_the_data_sets_classes(tiny_detector, pair_batch):
    tiny_detector['test_cfg'] = DETECTING
    batch = batch_of_one_cropped_pair(pair_batch)
    driver = DetectionDriver(tiny_detector, frozen=False).train()
    plain = driver.predict(*batch)
    assert driver.training and driver.model.training
    assert {label for found in plain for label in found.labels.tolist()} == {0, 1, 2}
    for found, (height, width) in zip(plain, ((64, 96), (50, 70)), strict=True):
        assert found.bboxes.shape == (len(found), 4) and len(found) > 0
        assert found.scores.shape == (len(found),) and not found.scores.requires_grad
        assert (found.bboxes >= 0).all()
        assert (found.bboxes[:, 2] <= width).all() and (found.bboxes[:, 3] <= height).all()
    driver.eval()
    driver.predict(*batch)
    assert not driver.training and not driver.model.training
    # Boxes are in the image's own pixels, as the network finds them, not scaled.
    samples = [DetDataSample(metainfo={'img_shape': size}) for size in ((64, 96), (50, 70))]
    images = list(255 * batch[0].expand(-1, 3, -1, -1))
    given = driver.model.data_preprocessor({'inputs': images, 'data_samples': samples})
    with torch.no_grad():
        raw = driver.model.predict(given['inputs'], given['data_samples'], rescale=False)
    for found, expected in zip(plain, raw, strict=True):
        torch.testing.assert_close(found.bboxes, expected.pred_instances.bboxes)
    # The data set's 0 is the detector's 2, its 1 is the detector's 0, its 2 is unknown to it.
    driver.label_map = torch.tensor([2, 0, -1])
    for found, before in zip(driver.predict(*batch), plain, strict=True):
        kept = before[before.labels != 1]
        expected = torch.where(kept.labels == 2, 0, 1)
        torch.testing.assert_close(found.labels, expected)
        torch.testing.assert_close(found.bboxes, kept.bboxes)
        torch.testing.assert_close(found.scores, kept.scores)
    # Of classes that share one of the detector's, the first.
    driver.label_map = torch.tensor([1, 2, 2])
    for found, before in zip(driver.predict(*batch), plain, strict=True):
        assert found.labels.tolist() == [
            {1: 0, 2: 1}[label] for label in before.labels.tolist() if label
        ]


@pytest.mark.parametrize('divisor', [1, 64])
def test_masks_come_in_the_pairs_own_size(tiny_segmentor, pair_batch, divisor):
    tiny_segmentor['data_preprocessor']['size_divisor'] = divisor
    luma, visible, samples = batch_of_one_cropped_pair(pair_batch)
    driver = SegmentationDriver(tiny_segmentor, frozen=False).train()
    torch.nn.init.normal_(driver.model.decode_head.conv_seg.weight, std=100)
    found = driver.predict(luma, visible, samples)
    assert driver.training
    assert [tuple(mask.data.shape) for mask in found] == [(1, 64, 96), (1, 50, 70)]
    driver.eval()
    images = 255 * luma.expand(-1, 3, -1, -1)
    if divisor == 64:  # Padded by zeros after normalisation: by the mean before it.
        mean = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
        padded = mean.expand(2, 3, 64, 128).clone()
        padded[..., :96] = images
        images = padded
    batch = driver.model.data_preprocessor({'inputs': list(images.flip(1))})
    with torch.no_grad():
        logits = driver.model.encode_decode(
            batch['inputs'], [{'img_shape': images.shape[2:]} for _ in images]
        )
    expected = logits.argmax(1, keepdim=True)
    assert len(expected[1, :, :50, :70].unique()) > 1
    torch.testing.assert_close(found[0].data, expected[0, :, :64, :96])
    torch.testing.assert_close(found[1].data, expected[1, :, :50, :70])


@pytest.mark.parametrize(
    'term',
    [
        *('loss_bbox', 'loss_rpn_bbox', 's0.loss_bbox', 'loss_reg', 'loss_bbox_reg'),
        *('loss_iou', 'd0.loss_iou', 'enc_loss_iou', 'dn_loss_bbox', 'loss_l1', 'loss_dfl'),
        *('loss_xy', 'loss_wh', 'loss_offset', 'off_loss', 'loss_pts_init', 'loss_pts_refine'),
        'loss_grid',
    ],
)
def test_terms_of_boxes_count_by_default(tiny_detector, term):
    driver = DetectionDriver(tiny_detector, loss_weight=3.0)
    kept = driver.keep_terms({term: torch.tensor([1.0, 3.0]), 'loss_cls': torch.tensor(9.0)})
    assert {name: value.item() for name, value in kept.items()} == {term: 6.0}
    # Of several levels, the sum.
    kept = driver.keep_terms({term: [torch.tensor(1.0), torch.tensor(4.0)]})
    assert kept[term].item() == 15.0


@pytest.mark.parametrize(
    'term',
    [
        *(
            'loss_cls',
            'loss_rpn_cls',
            'd3.loss_cls',
            'loss_obj',
            'loss_conf',
            'loss_centerness',
        ),
        *('loss_mask', 'loss_mask_iou', 'loss_dice', 'loss_center_heatmap', 'det_loss'),
        *('loss_semantic_seg', 'acc', 'accuracy'),
    ],
)
def test_other_terms_do_not_count_by_default(tiny_detector, term):
    with pytest.raises(ValueError, match='write loss_terms'):
        DetectionDriver(tiny_detector).keep_terms({term: torch.tensor(1.0)})


def seen_by(driver, batch):
    """The samples that the wrapped network is given."""
    seen = []
    original = driver.model.loss
    driver.model.loss = lambda inputs, samples: (
        seen.extend(samples) or original(inputs, samples)
    )
    driver.loss(batch['inputs']['ir'], batch['inputs']['vi'], batch['data_samples'])
    return seen


def test_ignored_objects_reach_the_network(tiny_detector, pair_batch):
    ignored = InstanceData(bboxes=torch.tensor([[0.0, 0.0, 9.0, 9.0]]))
    pair_batch['data_samples'][1].ignored_instances = ignored
    first, second = seen_by(DetectionDriver(tiny_detector, label_map=[0, 1, 2]), pair_batch)
    assert 'ignored_instances' not in first
    assert second.ignored_instances.bboxes.tolist() == [[0.0, 0.0, 9.0, 9.0]]


def test_objects_without_masks_get_filled_boxes_only_where_masks_are_trained(
    tiny_detector, pair_batch
):
    assert 'masks' not in seen_by(DetectionDriver(tiny_detector), pair_batch)[0].gt_instances
    config = 'mmdet::rtmdet/rtmdet-ins_tiny_8xb32-300e_coco.py'
    driver = DetectionDriver(config=config, num_classes=3, loss_terms=['*loss*'])
    pair_batch['data_samples'][0].gt_instances.bboxes[0, 0] = 9.5
    masks = seen_by(driver, pair_batch)[0].gt_instances.masks
    assert set(driver.loss(*batch_of_one_cropped_pair(pair_batch))) >= {'loss_mask'}
    expected = torch.zeros(1, 64, 96)
    expected[:, 8:60, 9:50] = 1
    masks = masks if isinstance(masks, torch.Tensor) else masks.to_tensor(torch.float32, 'cpu')
    torch.testing.assert_close(masks.float(), expected)


def test_masks_of_a_detector_whose_head_has_no_loss_of_its_own_for_them(pair_batch):
    config = 'mmdet::yolact/yolact_r50_1xb8-55e_coco.py'
    backbone = {'depth': 18, 'base_channels': 8, 'init_cfg': None}
    model = {'backbone': backbone, 'neck': {'in_channels': [8, 16, 32, 64]}}
    options = {'config': config, 'num_classes': 3, 'loss_terms': ['*loss_mask*']}
    driver = DetectionDriver(model, frozen=False, **options).train()
    assert loss(driver, luma_of(pair_batch), pair_batch)['loss_mask'].item() > 0
    driver = DetectionDriver(model, allow_random=True, **options).train()
    with pytest.raises(ValueError, match=r'YOLACT cannot .* in eval mode, .* frozen=False'):
        loss(driver, luma_of(pair_batch), pair_batch)


def test_filled_boxes_hold_every_pixel_that_a_box_touches():
    bboxes = torch.tensor([[1.2, 0.0, 3.1, 1.5], [-2.5, -1.0, 1.0, 9.0]])
    expected = torch.zeros(2, 3, 5)
    expected[0, 0:2, 1:4] = 1
    expected[1, :, :1] = 1
    masks = filled_boxes(bboxes, (3, 5)).to_tensor(torch.float32, 'cpu')
    torch.testing.assert_close(masks, expected)


def test_edges_lie_where_known_classes_meet():
    mask = torch.zeros(1, 6, 9, dtype=torch.int64)
    mask[:, :, 4:] = 3
    mask[:, :, 7:] = 255
    expected = torch.zeros(1, 6, 9, dtype=torch.int64)
    expected[:, :, 2:6] = 1  # Two pixels on either side; the ignored ones make no edge.
    assert torch.equal(class_edges(mask), expected)
    assert torch.equal(class_edges(mask.transpose(1, 2)), expected.transpose(1, 2))
    assert class_edges(torch.full((1, 4, 5), 7)).sum() == 0


def test_networks_that_need_other_annotations_are_refused(tiny_detector, pair_batch):
    driver = DetectionDriver(tiny_detector)
    driver.model.loss = lambda inputs, samples: samples[0].gt_panoptic_seg
    with pytest.raises(ValueError, match='RetinaNet needs `gt_panoptic_seg`'):
        loss(driver, luma_of(pair_batch), pair_batch)
    driver.model.loss = lambda inputs, samples: samples[0].text
    with pytest.raises(ValueError, match='needs `text`'):
        loss(driver, luma_of(pair_batch), pair_batch)
    driver.model.loss = lambda inputs, samples: {
        'loss_bbox': torch.tensor(samples[0].get('text', 2.0))
    }
    assert loss(driver, luma_of(pair_batch), pair_batch)['loss_bbox'].item() == 2


def test_batch_augmentations_stay_behind(tiny_detector, pair_batch):
    tiny_detector['data_preprocessor']['batch_augments'] = [
        {'type': 'BatchFixedSizePad', 'size': (256, 256)}
    ]
    driver = DetectionDriver(tiny_detector)
    assert seen_by(driver, pair_batch)[0].batch_input_shape == (64, 96)


def test_a_single_pair_trains_a_pooled_segmentor(tiny_segmentor, pair_batch):
    tiny_segmentor['decode_head'].update(
        type='ASPPHead', dilations=(1, 2), in_channels=64, channels=8
    )
    del tiny_segmentor['decode_head']['num_convs']
    driver = SegmentationDriver(tiny_segmentor, frozen=False).train()
    luma, visible = (pair_batch['inputs'][name][:1] for name in ('ir', 'vi'))
    luma.requires_grad_()
    samples = pair_batch['data_samples'][:1]
    value = sum(driver.loss(luma, visible, samples).values())
    value.backward()
    assert value.isfinite() and luma.grad.abs().sum() > 0
    assert all(p.grad is not None for p in driver.model.decode_head.parameters())
    # The pooled vector's running statistics are those of batches alone.
    pool = driver.model.decode_head.image_pool[1].bn
    assert torch.equal(pool.running_mean, torch.zeros(8)) and pool.training


def test_scores_of_the_labelled_objects(tiny_detector, pair_batch, monkeypatch):
    driver = DetectionDriver(tiny_detector, allow_random=True)
    samples = pair_batch['data_samples']
    box = samples[0].gt_instances.bboxes  # 40 by 52, of class 0
    half = box + torch.tensor([0.0, 0, 0, -27])  # IoU 25 / 52, too little
    most = box + torch.tensor([0.0, 0, 0, -25])  # IoU 27 / 52
    found = [
        InstanceData(
            bboxes=torch.cat((half, most, box, box)),
            scores=torch.tensor([0.9, 0.4, 0.3, 0.8]),
            labels=torch.tensor([0, 0, 0, 1]),  # the last is of another class
        ),
        InstanceData(
            bboxes=torch.zeros(0, 4), scores=torch.zeros(0), labels=torch.zeros(0).long()
        ),
    ]
    monkeypatch.setattr(driver, 'predict', lambda *_: found)
    scores = driver.object_scores(None, None, samples)
    assert [score.tolist() for score in scores] == [pytest.approx([0.4]), [0.0]]
    samples[1].gt_instances = samples[1].gt_instances[:0]
    assert driver.object_scores(None, None, samples)[1].shape == (0,)
