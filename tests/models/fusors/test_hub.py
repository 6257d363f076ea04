import hashlib
import http.server
import threading

import pytest
import torch
from mmengine.runner import CheckpointLoader

from tsjnet_mm.apis import init_fusor
from tsjnet_mm.models.fusors.hub import MIRROR, needs_weights, published_weights
from tsjnet_mm.utils.model_index import PACKAGE, ModelEntry, model_index

CONTENT = b'not really weights'
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(tmp_path):
    """Address of a server that has ``far.pth``, and what was asked of it."""
    (tmp_path / 'www').mkdir()
    (tmp_path / 'www' / 'far.pth').write_bytes(CONTENT)
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / 'www'))

        def log_message(self, _, *arguments):
            asked.append(arguments[0])

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_address[1]}', asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def publish(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, '_hub_dir', str(tmp_path / 'hub'))
    monkeypatch.delenv(MIRROR, raising=False)

    def add(url, sha256=CHECKSUM):
        entry = ModelEntry(
            'far', 'tsjnet', {}, parameters=1, weights='far.pth', sha256=sha256, url=url
        )
        monkeypatch.setitem(model_index(), 'far', entry)

    return add


def test_fetched_once_and_kept(served, publish):
    address, asked = served
    publish(f'{address}/far.pth')
    path = published_weights('far')
    assert path.read_bytes() == CONTENT
    assert published_weights('far') == path
    assert len(asked) == 1


@pytest.mark.parametrize('by', ['argument', 'environment'])
def test_mirror(by, served, publish, monkeypatch):
    address, _ = served
    publish('http://127.0.0.1:9/gone/far.pth')
    if by == 'environment':
        monkeypatch.setenv(MIRROR, address + '/')
    path = published_weights('far', mirror=address if by == 'argument' else None)
    assert path.read_bytes() == CONTENT


def test_unreachable_address_is_named(publish, tmp_path):
    publish('http://127.0.0.1:9/far.pth')
    with pytest.raises(
        ValueError, match=r'http://127\.0\.0\.1:9/far\.pth cannot be fetched .*hub'
    ):
        published_weights('far')
    assert not list((tmp_path / 'hub').rglob('far*'))


def test_damaged_download_is_not_kept(served, publish, tmp_path):
    publish(f'{served[0]}/far.pth', sha256='0' * 64)
    with pytest.raises(ValueError, match=r'far\.pth: invalid hash value'):
        published_weights('far')
    assert not [path for path in (tmp_path / 'hub').rglob('*') if path.is_file()]


def test_damaged_file_is_named(served, publish):
    publish(f'{served[0]}/far.pth')
    path = published_weights('far')
    path.write_bytes(b'torn')
    with pytest.raises(ValueError, match=r'far\.pth is damaged: expected SHA-256'):
        published_weights('far')


def test_shipped_weights_that_have_an_address_are_not_fetched(publish, monkeypatch):
    entry = model_index()['tsjnet-light']._replace(url='http://127.0.0.1:9/light')
    monkeypatch.setitem(model_index(), 'tsjnet-light', entry)
    path = published_weights('tsjnet-light')
    assert path == PACKAGE / 'weights' / entry.weights
    monkeypatch.setitem(model_index(), 'tsjnet-light', entry._replace(sha256='0' * 64))
    with pytest.raises(ValueError, match='is damaged: expected SHA-256 0000'):
        published_weights('tsjnet-light')


def test_unknown_name():
    with pytest.raises(
        ValueError, match="no weights are published of 'laplacian', only of tsjnet-d"
    ):
        published_weights('laplacian')


@pytest.mark.parametrize(
    'model, expected',
    [
        ('laplacian', False),
        ('tsjnet-light', False),
        ('x.onnx', False),
        ('tsjnet-official', True),
        ('seafusion', True),
    ],
)
def test_needs_weights(model, expected):
    assert needs_weights(model) == expected


@pytest.mark.parametrize('model', ['tsjnet_light', 'none.py'])
def test_nothing_is_said_of_the_weights_of_an_unknown_model(model):
    with pytest.raises(ValueError, match=f"'{model}' is neither a config file nor a model"):
        needs_weights(model)


def test_configs_name_them():
    found = CheckpointLoader.load_checkpoint('tsjnet_mm://tsjnet-light')
    expected = init_fusor('tsjnet-light').state_dict()
    torch.testing.assert_close(found, dict(expected), rtol=0, atol=0, check_device=True)
    with pytest.raises(ValueError, match="no weights are published of 'mine'"):
        CheckpointLoader.load_checkpoint('tsjnet_mm://mine')
