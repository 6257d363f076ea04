import sys

import pytest
import torch

from tsjnet_mm.apis import FusionInferencer, init_fusor
from tsjnet_mm.models.fusors import OnnxFusor

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')


def write_model(path, metadata):
    """``fused = max(ir, vi)``, written by hand."""
    shape = ['batch', 1, 'height', 'width']
    tensors = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name in ('ir', 'vi', 'fused')
    ]
    node = onnx.helper.make_node('Max', ['ir', 'vi'], ['fused'])
    graph = onnx.helper.make_graph([node], 'max', tensors[:2], tensors[2:])
    opset = onnx.helper.make_opsetid('', 18)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path


@pytest.fixture
def model(tmp_path):
    metadata = {'tsjnet_mm.model': 'max', 'tsjnet_mm.min_size': '5'}
    return write_model(tmp_path / 'max.onnx', metadata)


def test_runs_the_model(model):
    ir, vi = torch.rand(2, 2, 1, 9, 14).unbind()
    fusor = init_fusor(model)
    assert isinstance(fusor, OnnxFusor)
    torch.testing.assert_close(fusor.fuse(ir, vi), torch.maximum(ir, vi), rtol=0, atol=0)


def test_smallest_side_comes_from_the_file(model):
    with pytest.raises(ValueError, match='5x5'):
        init_fusor(model).fuse(torch.rand(1, 1, 4, 9), torch.rand(1, 1, 4, 9))


def test_is_a_backend_of_the_inferencer(model):
    ir, vi = torch.rand(1, 1, 20, 30), torch.rand(1, 3, 20, 30)
    options = {'device': 'cpu', 'precision': 'fp32', 'show_progress': False}
    out = FusionInferencer(str(model), **options).fuse(ir, vi)
    expected = FusionInferencer('max', **options).fuse(ir, vi)
    torch.testing.assert_close(out, expected)


def test_torch_does_not_compile_it(model):
    with pytest.raises(ValueError, match='compiled by onnxruntime already'):
        FusionInferencer(str(model), compile=True)


def test_other_files_have_other_states(model, tmp_path):
    metadata = {'tsjnet_mm.model': 'other', 'tsjnet_mm.min_size': '5'}
    other = OnnxFusor(write_model(tmp_path / 'other.onnx', metadata))
    assert not torch.equal(
        other.state_dict()['digest'], init_fusor(model).state_dict()['digest']
    )


def test_computes_in_float32_under_autocast(model):
    ir, vi = torch.rand(2, 1, 1, 9, 14).unbind()
    with torch.autocast('cpu', torch.bfloat16):
        out = init_fusor(model).fuse(ir, vi)
    torch.testing.assert_close(out, torch.maximum(ir, vi), rtol=0, atol=0)


def test_other_models_are_refused(tmp_path):
    with pytest.raises(ValueError, match='lacks the metadata'):
        OnnxFusor(write_model(tmp_path / 'foreign.onnx', {}))


def test_damaged_and_missing_files_are_named(tmp_path):
    path = tmp_path / 'broken.onnx'
    path.write_bytes(b'no model')
    with pytest.raises(ValueError, match=r'broken\.onnx'):
        OnnxFusor(path)
    with pytest.raises(FileNotFoundError, match=r'none\.onnx'):
        OnnxFusor(tmp_path / 'none.onnx')


def test_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match=r'onnxruntime.*tsjnet_mm\[onnx\]'):
        OnnxFusor(model)
