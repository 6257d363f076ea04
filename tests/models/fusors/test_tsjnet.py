import copy

import pytest
import torch

from tsjnet_mm.apis import init_fusor
from tsjnet_mm.models.fusors.presets import fusor_config
from tsjnet_mm.registry import MODELS

PRESETS = {
    'tsjnet-official': 45_065_315,
    'tsjnet-light': 84_916,
    'tsjnet-small': 2_843_171,
    'tsjnet-tiny': 38_124,
}


@pytest.fixture(scope='module', params=PRESETS)
def preset(request):
    with pytest.warns(UserWarning, match='random weights'):
        return request.param, init_fusor(fusor_config(request.param))


def test_parameters(preset):
    name, fusor = preset
    assert sum(p.numel() for p in fusor.parameters()) == PRESETS[name]


def test_light_stays_within_its_budget():
    from torch.utils.flop_counter import FlopCounterMode

    fusor = init_fusor('tsjnet-light')
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        fusor.fuse(torch.rand(1, 1, 480, 640), torch.rand(1, 3, 480, 640))
    assert counter.get_total_flops() / 2 < 1e9
    assert sum(p.numel() for p in fusor.parameters()) < 1e5


@pytest.mark.parametrize('size', [(16, 16), (17, 33), (45, 16)])
def test_any_size_from_16(preset, size):
    _, fusor = preset
    ir, vi = torch.rand(1, 1, *size), torch.rand(1, 3, *size)
    with torch.no_grad():
        fused = fusor.fuse(ir, vi)
    assert fused.shape == (1, 1, *size)
    assert 0 <= fused.min() <= fused.max() <= 1


def test_batch_equals_single_images_in_eval_mode(preset):
    _, fusor = preset
    ir, vi = torch.rand(2, 1, 40, 40), torch.rand(2, 3, 40, 40)
    with torch.no_grad():
        batch = fusor.fuse(ir, vi)
        single = torch.cat([fusor.fuse(i[None], v[None]) for i, v in zip(ir, vi)])
    torch.testing.assert_close(batch, single, rtol=0, atol=1e-5)


def test_grey_visible_equals_its_repetition(preset):
    _, fusor = preset
    ir, vi = torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(
            fusor.fuse(ir, vi), fusor.fuse(ir, vi.expand(-1, 3, -1, -1)), rtol=0, atol=1e-5
        )


def test_training_outputs_agree_with_fuse(tiny_fusor, pair_batch):
    # In double precision: untrained features of two images are nearly the same.
    fusor = MODELS.build(tiny_fusor).double().eval()
    ir, vi = (image[..., :61, :93].double() for image in pair_batch['inputs'].values())
    outputs = fusor.fuse_for_training(ir, vi)
    torch.testing.assert_close(
        outputs['fused'].clamp(0, 1), fusor.fuse(ir, vi), rtol=0, atol=1e-12
    )
    for name in ('ir', 'vi', 'fused', 'ir_reconstruction', 'vi_reconstruction'):
        assert outputs[name].shape == ir.shape, name
    assert outputs['attention'].shape == (2, 2, 32, 48)


@pytest.mark.parametrize('levels', [0, 2])
def test_reconstructions_are_drawn_from_features_alone(tiny_fusor, pair_batch, levels):
    if not levels:
        tiny_fusor['encoder']['trunk']['stride'] = 1
        tiny_fusor['decoder'].update(levels=0, upsample=1)
    # In double precision: untrained features of two images draw nearly the same.
    fusor = MODELS.build(tiny_fusor).double().eval()
    ir, vi = (image.double() for image in pair_batch['inputs'].values())
    outputs = fusor.fuse_for_training(ir, vi)
    vi = outputs['vi']
    difference = outputs['ir_reconstruction'] - outputs['vi_reconstruction']
    tolerance = 1e-3 * difference.abs().mean().item()
    assert tolerance > 1e-12
    for name, image in (('ir', ir), ('vi', vi)):
        detail, local = fusor.extract(image)
        if levels:
            merged = fusor.decoder.attention(detail + local)[0]
            gains = fusor.decoder.output.gains(
                fusor.decoder.trunk(fusor.decoder.reduce(merged))
            )
            expected = torch.nn.functional.interpolate(
                gains[:, -1:], scale_factor=2, mode='bilinear', align_corners=False
            )
        else:
            expected, _ = fusor.decoder(detail, local, None, None)
        found = outputs[f'{name}_reconstruction']
        torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(outputs['fused'].clamp(0, 1), fusor.fuse(ir, vi))
    # So the terms of Eq. 10 ask for something before training, and reach the encoder.
    value = fusor.losses['ir_reconstruction'](outputs)
    assert value > 0.05
    value.backward()
    assert fusor.encoder.embed.weight.grad.abs().sum() > 0


def test_auto_encoder_path_runs_only_for_losses_that_need_it(tiny_fusor, pair_batch):
    tiny_fusor['losses'] = {'ssim': {'type': 'SSIMLoss'}}
    outputs = MODELS.build(tiny_fusor).fuse_for_training(**pair_batch['inputs'])
    assert 'ir_reconstruction' not in outputs


def test_losses_reach_every_weight(tiny_fusor, pair_batch):
    fusor = MODELS.build(tiny_fusor)
    losses = fusor(**pair_batch, mode='loss')
    assert set(losses) == {f'loss_{name}' for name in tiny_fusor['losses']}
    sum(losses.values()).backward()
    without = [name for name, p in fusor.named_parameters() if p.grad is None]
    assert without == []


def test_training_overfits_one_batch(tiny_fusor, pair_batch):
    torch.manual_seed(0)
    fusor = MODELS.build(tiny_fusor).train()
    optimizer = torch.optim.Adam(fusor.parameters(), lr=1e-2)
    history = []
    for _ in range(30):
        loss = sum(fusor(**pair_batch, mode='loss').values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.8 * history[0]


def test_checkpointing_changes_nothing_but_memory(tiny_fusor, pair_batch):
    gradients = []
    for with_cp in (False, True):
        config = copy.deepcopy(tiny_fusor)
        for part in ('encoder', 'features', 'fusion_layer', 'decoder'):
            config[part]['with_cp'] = with_cp
        for part in ('features', 'fusion_layer'):
            config[part]['local'] = {**config[part]['local'], 'with_cp': with_cp}
        torch.manual_seed(0)
        fusor = MODELS.build(config).train()
        torch.manual_seed(1)
        sum(fusor(**pair_batch, mode='loss').values()).backward()
        gradients.append({n: p.grad for n, p in fusor.named_parameters()})
        gradients[-1].update(fusor.named_buffers())
    torch.testing.assert_close(gradients[0], gradients[1])


def test_without_dsm(tiny_fusor, pair_batch):
    tiny_fusor['features']['detail'] = tiny_fusor['fusion_layer']['detail'] = None
    fusor = MODELS.build(tiny_fusor)
    assert not [name for name, _ in fusor.named_parameters() if '.detail.' in name]
    assert len(fusor(**pair_batch, mode='loss')) == 4


def test_loads_from_a_joint_checkpoint(tiny_fusor):
    fusor = MODELS.build(tiny_fusor)
    joint = {f'fusor.{name}': value + 1 for name, value in fusor.state_dict().items()}
    joint['detector.model.weight'] = torch.zeros(1)
    fusor.load_state_dict(joint)
    for name, value in fusor.state_dict().items():
        torch.testing.assert_close(value, joint[f'fusor.{name}'])


def test_strides_must_match(tiny_fusor):
    tiny_fusor['decoder'].update(upsample=1)
    with pytest.raises(ValueError, match='stride 2'):
        MODELS.build(tiny_fusor)


def test_training_needs_losses(tiny_fusor, pair_batch):
    del tiny_fusor['losses']
    with pytest.raises(RuntimeError, match='without losses'):
        MODELS.build(tiny_fusor)(**pair_batch, mode='loss')


def test_mixed_precision_trains(tiny_fusor, pair_batch):
    torch.manual_seed(0)
    fusor = MODELS.build(tiny_fusor)
    expected = {name: value.item() for name, value in fusor(**pair_batch, mode='loss').items()}
    with torch.autocast('cpu', torch.bfloat16):
        losses = fusor(**pair_batch, mode='loss')
    for name, value in losses.items():
        assert value.dtype == torch.float32, name
        assert value.item() == pytest.approx(expected[name], abs=0.05), name
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in fusor.parameters())


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_inference_copy(preset, dtype):
    _, fusor = preset
    ir, vi = torch.rand(1, 1, 45, 60), torch.rand(1, 3, 45, 60)
    copy = fusor.for_inference(dtype)
    with torch.no_grad():
        expected, fused = fusor.fuse(ir, vi), copy.fuse(ir, vi)
    assert fused.dtype == torch.float32
    tolerance = {torch.float32: 1e-5, torch.bfloat16: 0.05, torch.float16: 0.005}[dtype]
    torch.testing.assert_close(fused, expected, rtol=0, atol=tolerance)
    assert copy is not fusor
    assert {weight.dtype for weight in copy.parameters()} == {dtype}
    assert next(fusor.parameters()).requires_grad
