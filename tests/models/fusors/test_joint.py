import pytest
import torch

from tsjnet_mm.registry import MODELS
from tsjnet_mm.utils import rgb_to_luma


@pytest.fixture
def joint(tiny_fusor, tiny_detector, tiny_segmentor):
    """Config of a joint model with small drivers, frozen unless changed."""
    return {
        'type': 'JointFusor',
        'fusor': tiny_fusor,
        'detector': {'type': 'DetectionDriver', 'model': tiny_detector},
        'segmentor': {'type': 'SegmentationDriver', 'model': tiny_segmentor},
    }


def test_eq_7_sums_all_terms(joint, pair_batch):
    model = MODELS.build(joint)
    losses = model(**pair_batch, mode='loss')
    assert {name for name in losses if not name.startswith('loss_')} == {
        'det_fused.loss_bbox',
        'seg.decode.loss_ce',
    }
    total, log = model.parse_losses(losses)
    torch.testing.assert_close(total, sum(losses.values()))
    assert log['loss'] == total


@pytest.mark.parametrize('term', ['det_fused.loss_bbox', 'seg.decode.loss_ce'])
def test_driver_gradients_reach_the_encoder(joint, pair_batch, term):
    model = MODELS.build(joint).train()
    model(**pair_batch, mode='loss')[term].backward()
    gradient = model.fusor.encoder.embed.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


def test_training_moves_the_fusor_and_not_the_frozen_drivers(joint, pair_batch):
    model = MODELS.build(joint).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=1e-3)
    for _ in range(2):
        loss, _ = model.parse_losses(model(**pair_batch, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for name, value in model.state_dict().items():
        if name.startswith(('detector.', 'segmentor.')):
            torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    for name, parameter in model.fusor.named_parameters():
        assert not torch.equal(parameter, before[f'fusor.{name}']), name


def count_passes(model, batch):
    passes = []
    model.detector.model.backbone.register_forward_hook(
        lambda *_: passes.append(torch.is_grad_enabled())
    )
    return model(**batch, mode='loss'), passes


def test_frozen_detector_sees_the_sources_only_to_log(joint, pair_batch):
    _, passes = count_passes(MODELS.build(joint), pair_batch)
    assert passes == [True]
    model = MODELS.build({**joint, 'log_sources': True})
    losses, passes = count_passes(model, pair_batch)
    assert passes == [True, False, False]
    assert {'det_ir.bbox', 'det_vi.bbox'} < set(losses)
    total, _ = model.parse_losses(losses)
    counted = [value for name, value in losses.items() if 'loss' in name]
    torch.testing.assert_close(total, sum(counted))


def test_training_detector_learns_from_all_three_images(joint, pair_batch):
    joint['detector']['frozen'] = False
    losses, passes = count_passes(MODELS.build(joint), pair_batch)
    assert passes == [True, True, True]
    names = {'det_fused.loss_bbox', 'det_ir.loss_bbox', 'det_vi.loss_bbox'}
    assert names < set(losses)


def test_without_drivers_it_is_the_fusor(joint, pair_batch):
    model = MODELS.build({**joint, 'detector': None, 'segmentor': None}).eval()
    losses = model(**pair_batch, mode='loss')
    expected = model.fusor(**pair_batch, mode='loss')
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(model(pair_batch['inputs']), model.fusor(pair_batch['inputs']))


def test_learning_rate_multipliers_by_driver(joint):
    from mmengine.optim import build_optim_wrapper

    joint['segmentor']['frozen'] = False
    model = MODELS.build(joint)
    wrapper = build_optim_wrapper(
        model,
        {
            'type': 'OptimWrapper',
            'optimizer': {'type': 'Adam', 'lr': 1e-3},
            'paramwise_cfg': {'custom_keys': {'segmentor': {'lr_mult': 0.1}}},
        },
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group in wrapper.optimizer.param_groups:
        for parameter in group['params']:
            slow = names[id(parameter)].startswith('segmentor.')
            assert group['lr'] == pytest.approx(1e-4 if slow else 1e-3)


def test_inference_copy_is_the_fusors(joint):
    model = MODELS.build(joint)
    copy = model.for_inference()
    assert type(copy) is type(model.fusor) and copy is not model.fusor
    ir, vi = torch.rand(1, 1, 32, 40), torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        expected = model.eval().fuse(ir, vi)
        torch.testing.assert_close(copy.fuse(ir, vi), expected, rtol=0, atol=1e-5)


def test_small_images_are_refused_as_by_its_fusor(joint):
    model = MODELS.build(joint)
    assert model.min_size == 16
    with pytest.raises(ValueError, match='16'):
        model.fuse(torch.rand(1, 1, 12, 20), torch.rand(1, 3, 12, 20))


DETECTING = {
    'nms_pre': 50,
    'score_thr': 0.0,
    'nms': {'type': 'nms', 'iou_threshold': 0.5},
    'max_per_img': 20,
}


def test_drivers_predict_on_each_image_of_a_pair(joint, pair_batch, tiny_detector):
    tiny_detector['test_cfg'] = DETECTING
    model = MODELS.build(joint).eval()
    pair_batch['data_samples'][1].set_metainfo({'img_shape': (50, 70)})
    with torch.no_grad():
        samples = model(**pair_batch, mode='predict')
        fused = model.fuse(**pair_batch['inputs'])
    visible = pair_batch['inputs']['vi']
    images = {'': fused, 'ir_': pair_batch['inputs']['ir'], 'vi_': rgb_to_luma(visible)}
    masks = set()
    for prefix, luma in images.items():
        found = model.detector.predict(luma, visible, samples)
        classes = model.segmentor.predict(luma, visible, samples)
        for index, sample in enumerate(samples):
            boxes = sample.get(f'{prefix}pred_instances')
            torch.testing.assert_close(boxes.bboxes, found[index].bboxes)
            torch.testing.assert_close(boxes.scores, found[index].scores)
            mask = sample.get(f'{prefix}pred_sem_seg').data
            torch.testing.assert_close(mask, classes[index].data)
        masks.add(tuple(samples[0].get(f'{prefix}pred_instances').scores.tolist()))
    assert len(masks) == 3  # Three images, three answers.
    assert samples[1].fused.data.shape == (1, 50, 70)
    assert samples[1].pred_sem_seg.data.shape == (1, 50, 70)


def test_drivers_predict_only_if_asked(joint, pair_batch, tiny_detector):
    tiny_detector['test_cfg'] = DETECTING
    model = MODELS.build({**joint, 'predict_drivers': False}).eval()
    (sample, _) = model(**pair_batch, mode='predict')
    assert 'fused' in sample
    assert not [name for name in sample.keys() if 'pred' in name]  # noqa: SIM118


def test_classes_without_a_match_are_told(joint, pair_batch, tiny_detector):
    tiny_detector['test_cfg'] = DETECTING
    joint['detector']['label_map'] = [2, -1, 0]
    joint['segmentor']['label_map'] = [0, -1, [1, 3], 2]
    (sample, _) = MODELS.build(joint).eval()(**pair_batch, mode='predict')
    assert sample.undetectable == [1]
    assert sample.unsegmentable == [1]


def test_each_driver_sees_the_image_of_its_name(joint, pair_batch):
    joint['detector']['frozen'] = False
    model = MODELS.build(joint)
    seen = []

    def record(luma, visible, samples):
        assert visible is pair_batch['inputs']['vi'] and samples is pair_batch['data_samples']
        seen.append(luma)
        return {'loss_bbox': luma.mean()}

    model.detector.loss = model.segmentor.loss = record
    losses = model(**pair_batch, mode='loss')
    fused, ir, vi, segmented = seen
    torch.testing.assert_close(ir, pair_batch['inputs']['ir'])
    weights = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    luma = (pair_batch['inputs']['vi'] * weights).sum(1, keepdim=True)
    torch.testing.assert_close(vi, luma)
    assert segmented is fused and not torch.equal(fused, ir)
    for name, image in (('fused', fused), ('ir', ir), ('vi', vi)):
        torch.testing.assert_close(losses[f'det_{name}.loss_bbox'], image.mean())


def test_drivers_are_checked_against_the_data_set(joint):
    model = MODELS.build(joint)
    asked = []
    model.detector.check = lambda metainfo: asked.append(('detector', metainfo))
    model.segmentor.check = lambda metainfo: asked.append(('segmentor', metainfo))
    model.check_drivers({'classes': ()})
    assert asked == [('detector', {'classes': ()}), ('segmentor', {'classes': ()})]
    MODELS.build({**joint, 'detector': None, 'segmentor': None}).check_drivers({})


def test_objects_take_the_brightness_of_the_source_in_which_the_detector_sees_them(
    joint, pair_batch, monkeypatch
):
    joint['object_loss'] = {'type': 'ObjectBrightnessLoss', 'loss_weight': 2.0, 'share': 1.0}
    model = MODELS.build(joint).train()
    ir, visible = pair_batch['inputs']['ir'], pair_batch['inputs']['vi']
    seen = []

    def object_scores(luma, colour, samples):
        seen.append(luma)
        return [torch.full((1,), float(torch.equal(luma, ir))) for _ in samples]

    monkeypatch.setattr(model.detector, 'object_scores', object_scores)
    losses = model(**pair_batch, mode='loss')
    torch.testing.assert_close(seen, [ir, rgb_to_luma(visible)])
    monkeypatch.setattr(model.fusor, 'fuse_for_training', lambda *_: {**given, 'fused': ir})
    given = {'ir': ir, 'vi': rgb_to_luma(visible)}
    monkeypatch.setattr(model.fusor, 'fusion_losses', lambda outputs: {})
    assert losses['loss_objects'] > 1e-2
    assert model(**pair_batch, mode='loss')['loss_objects'] < 1e-3  # the infrared itself
    losses['loss_objects'].backward()
    assert model.fusor.encoder.embed.weight.grad.abs().sum() > 0


def test_object_loss_needs_a_detector(joint):
    joint['object_loss'] = {'type': 'ObjectBrightnessLoss'}
    with pytest.raises(ValueError, match='needs a detector'):
        MODELS.build({**joint, 'detector': None})
