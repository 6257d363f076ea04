import sys

import pytest
import torch

from tsjnet_mm.models.layers import NeighborhoodAttention, neighborhood_attention
from tsjnet_mm.models.layers import neighborhood_attention as function

module = sys.modules[function.__module__]


def literal(query, key, value, kernel_size, bias=None):
    """One query at a time, from the definition."""
    _, height, width, _, dim = query.shape
    rows, columns = min(kernel_size, height), min(kernel_size, width)
    out = torch.zeros_like(query)
    for y in range(height):
        for x in range(width):
            top = min(max(y - rows // 2, 0), height - rows)
            left = min(max(x - columns // 2, 0), width - columns)
            window = (slice(None), slice(top, top + rows), slice(left, left + columns))
            scores = torch.einsum('bhd,byxhd->bhyx', query[:, y, x], key[window]) / dim**0.5
            if bias is not None:
                first_row = top - y + kernel_size - 1
                first_column = left - x + kernel_size - 1
                scores = (
                    scores
                    + bias[
                        :,
                        first_row : first_row + rows,
                        first_column : first_column + columns,
                    ]
                )
            weights = scores.flatten(2).softmax(-1).view_as(scores)
            out[:, y, x] = torch.einsum('bhyx,byxhd->bhd', weights, value[window])
    return out


def random_qkv(*shape, dtype=torch.float64, requires_grad=False):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(shape, dtype=dtype, generator=generator).requires_grad_(requires_grad)
        for _ in range(3)
    ]


@pytest.mark.parametrize('kernel_size', [1, 3, 7])
@pytest.mark.parametrize(
    'size', [(1, 1), (1, 9), (3, 5), (7, 7), (8, 8), (9, 17), (20, 13), (5, 30), (16, 24)]
)
def test_equals_literal_definition(size, kernel_size):
    qkv = random_qkv(2, *size, 2, 4)
    out = neighborhood_attention(*qkv, kernel_size)
    torch.testing.assert_close(out, literal(*qkv, kernel_size), rtol=0, atol=1e-12)


@pytest.mark.parametrize('size', [(4, 5), (9, 17)])
def test_position_bias_equals_literal_definition(size):
    qkv = random_qkv(1, *size, 2, 4)
    bias = torch.randn(2, 13, 13, dtype=torch.float64)
    out = neighborhood_attention(*qkv, 7, bias=bias)
    torch.testing.assert_close(out, literal(*qkv, 7, bias), rtol=0, atol=1e-12)


def test_scale_replaces_default():
    query, key, value = random_qkv(1, 9, 9, 1, 4)
    out = neighborhood_attention(query, key, value, 3, scale=1.0)
    expected = neighborhood_attention(query * 2, key, value, 3)  # default scale is 1 / 2
    torch.testing.assert_close(out, expected)


def test_window_that_covers_all_is_full_attention():
    query, key, value = random_qkv(1, 4, 5, 2, 4)
    tokens = [part.flatten(1, 2).transpose(1, 2) for part in (query, key, value)]
    expected = torch.nn.functional.scaled_dot_product_attention(*tokens)
    out = neighborhood_attention(query, key, value, 9)
    torch.testing.assert_close(out.flatten(1, 2).transpose(1, 2), expected)


@pytest.mark.parametrize(('size', 'kernel_size'), [((9, 10), 3), ((4, 3), 7)])
def test_gradcheck(size, kernel_size):
    qkv = random_qkv(1, *size, 1, 2, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *args: neighborhood_attention(*args, kernel_size), qkv, fast_mode=True
    )


def test_gradcheck_of_bias():
    qkv = random_qkv(1, 9, 5, 1, 2)
    bias = torch.randn(1, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda table: neighborhood_attention(*qkv, 3, bias=table), [bias]
    )


def test_bands_do_not_change_the_result(monkeypatch):
    qkv = random_qkv(2, 33, 20, 2, 4)
    whole = neighborhood_attention(*qkv, 7)
    monkeypatch.setattr(module, 'BAND_ELEMENTS', 1)
    torch.testing.assert_close(neighborhood_attention(*qkv, 7), whole)


def test_float32_is_close_to_float64():
    qkv = random_qkv(1, 20, 20, 2, 8)
    out = neighborhood_attention(*(part.float() for part in qkv), 7)
    torch.testing.assert_close(out.double(), literal(*qkv, 7), rtol=0, atol=2e-6)


def test_plan_made_in_inference_mode_serves_training():
    module._axis_plan.cache_clear()
    qkv = random_qkv(1, 11, 12, 1, 4, requires_grad=True)
    with torch.inference_mode():
        neighborhood_attention(*qkv, 3)
    neighborhood_attention(*qkv, 3).sum().backward()
    assert qkv[0].grad is not None


def test_natten_backend_says_why_it_cannot_run():
    with pytest.raises(RuntimeError, match='CUDA'):
        neighborhood_attention(*random_qkv(1, 8, 8, 1, 4), 7, backend='natten')


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_natten_equals_tiled():
    qkv = [part.cuda() for part in random_qkv(1, 40, 33, 2, 32, dtype=torch.float32)]
    if not module.natten_supports(*qkv, 7):
        pytest.skip('natten has no compiled kernel here')
    natten = neighborhood_attention(*qkv, 7, backend='natten')
    tiled = neighborhood_attention(*qkv, 7, backend='tiled')
    torch.testing.assert_close(natten, tiled, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ('change', 'error', 'message'),
    [
        ({'kernel_size': 4}, ValueError, 'odd'),
        ({'kernel_size': 0}, ValueError, 'odd'),
        ({'backend': 'flex'}, ValueError, 'flex'),
        ({'query': torch.zeros(1, 8, 8, 4)}, ValueError, r'\(B, H, W, heads, dim\)'),
        ({'key': torch.zeros(1, 8, 9, 1, 4)}, ValueError, 'one shape'),
        ({'value': [1]}, TypeError, 'list'),
        ({'bias': torch.zeros(1, 3, 3)}, ValueError, '2k-1'),
    ],
)
def test_wrong_input_is_named(change, error, message):
    arguments = dict(zip(('query', 'key', 'value'), torch.zeros(3, 1, 8, 8, 1, 4)))
    arguments.update({'kernel_size': 7, **change})
    with pytest.raises(error, match=message):
        neighborhood_attention(**arguments)


def test_layer_splits_projection_into_qkv_then_heads():
    torch.manual_seed(0)
    layer = NeighborhoodAttention(8, num_heads=2, kernel_size=3, position_bias=True).double()
    x = torch.randn(1, 5, 6, 8, dtype=torch.float64)
    parts = layer.qkv(x).split(8, dim=-1)
    parts = [part.reshape(1, 5, 6, 2, 4) for part in parts]
    expected = layer.proj(literal(*parts, 3, layer.position_bias).reshape(1, 5, 6, 8))
    torch.testing.assert_close(layer(x), expected)


def test_layer_needs_divisible_heads():
    with pytest.raises(ValueError, match='no multiple'):
        NeighborhoodAttention(10, num_heads=4)
