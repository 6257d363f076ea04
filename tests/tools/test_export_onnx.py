import pytest
import torch

from tsjnet_mm.apis import init_fusor
from tsjnet_mm.models.fusors import AverageFusor, onnx_export

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('deployment/export_onnx.py')


def test_exported_file_fuses_and_describes_itself(tool, tmp_path, pair_folder):
    folder = pair_folder(stems=['a'], size=(21, 34))
    pair = tool.read_pair(folder / 'ir' / 'a.png', folder / 'vi' / 'a.png')
    path = tmp_path / 'average.onnx'
    assert onnx_export.export(AverageFusor(), path, 'average', pairs=[pair]) <= 1e-4
    fused = init_fusor(path).fuse(*pair)
    torch.testing.assert_close(fused, (pair[0] + pair[1]) / 2, rtol=0, atol=1e-6)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata['tsjnet_mm.model'] == 'average'
    assert metadata['tsjnet_mm.min_size'] == '1'
    assert 'BT.601' in metadata['tsjnet_mm.preprocessing']
    assert [path.name for path in tmp_path.glob('*.onnx')] == ['average.onnx']


@pytest.mark.parametrize('difference', [2e-4, float('nan')])
def test_a_file_that_disagrees_is_not_left(tool, tmp_path, monkeypatch, difference):
    monkeypatch.setattr(onnx_export, 'largest_difference', lambda *_: difference)
    with pytest.raises(ValueError, match='is not written'):
        onnx_export.export(AverageFusor(), tmp_path / 'average.onnx', 'average')
    assert not list(tmp_path.iterdir())


class Signs(AverageFusor):
    """Has a step that ONNX cannot express."""

    def fuse_luma(self, ir, vi):
        return ir.copysign(vi)


def test_what_onnx_cannot_express_is_said_in_one_line(tool, tmp_path):
    message = r'^signs cannot be exported: No ONNX .*signbit'
    with pytest.raises(ValueError, match=message) as error:
        onnx_export.export(Signs(), tmp_path / 'signs.onnx', 'signs')
    assert '\n' not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_networks_need_weights(tmp_path, run_main):
    out = tmp_path / 'a.onnx'
    status, _, err = run_main('deployment/export_onnx.py', '--model', 'seafusion', '--out', out)
    assert status == 2 and err.endswith('error: --model seafusion needs --weights CHECKPOINT\n')


@pytest.mark.slow  # torch's export reasons about open sizes for minutes.
@pytest.mark.parametrize('model', ['tiny', 'tsjnet-light'])
def test_network_of_any_size(tool, tmp_path, tiny_fusor, model):
    # Each kind of module once: those of Eq. 4 are of the same classes as those of Eq. 5, and
    # tracing them for either image takes two thirds of the time.
    tiny_fusor['features'].update(detail=None, local=None)
    fusor = init_fusor(tiny_fusor if model == 'tiny' else model)
    path = tmp_path / 'tiny.onnx'
    onnx_export.export(fusor, path, 'tiny')
    exported = init_fusor(path)
    for size in [(1, 16, 16), (2, 33, 130), (1, 101, 150)]:
        ir, vi = torch.rand(2, size[0], 1, *size[1:]).unbind()
        with torch.no_grad():
            expected = fusor.fuse_luma(ir, vi)
        torch.testing.assert_close(exported.fuse_luma(ir, vi), expected, rtol=0, atol=1e-4)
