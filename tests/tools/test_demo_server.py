"""The real server, asked as the page's script, another site or a rebound name asks it."""

import http.client
import io
import json
import uuid

import cv2
import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.datasets.toy import draw_scene
from tsjnet_mm.demo.options import Options
from tsjnet_mm.io.warping import load_homography

FILE = {'_type': 'gradio.FileData'}


class Visitor:
    """Talks to a page on 127.0.0.1.

    Args:
        port (int): Of the page.
    """

    def __init__(self, port):
        self.port = port
        self.session = uuid.uuid4().hex[:10]
        self._config = None

    def ask(self, method, path, body=None, **headers):
        """Status and body of one request; a header ``a_b`` is sent as ``a-b``."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        given = {name.replace('_', '-'): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def upload(self, data, disposition='name="files"; filename="a.png"', **headers):
        """Status and body of an upload of one file."""
        start = f'--part\r\nContent-Disposition: form-data; {disposition}\r\n\r\n'.encode()
        headers.setdefault('content_type', 'multipart/form-data; boundary=part')
        body = start + data + b'\r\n--part--\r\n'
        return self.ask('POST', '/gradio_api/upload', body, **headers)

    def call(self, element, event, values, event_data=None):
        """What the components become after an event of an element; an error is raised."""
        if self._config is None:
            self._config = json.loads(self.ask('GET', '/config')[1])
        config = self._config
        ids = {part['props'].get('elem_id'): part['id'] for part in config['components']}
        index = next(
            function['id']
            for function in config['dependencies']
            if [ids[element], event] in function['targets']
        )
        request = {'data': values, 'fn_index': index, 'session_hash': self.session}
        request['event_data'] = event_data
        status, text = self.ask(
            'POST',
            '/gradio_api/queue/join',
            json.dumps(request),
            content_type='application/json',
        )
        assert status == 200, text
        _, text = self.ask('GET', f'/gradio_api/queue/data?session_hash={self.session}')
        messages = [
            json.loads(line[6:]) for line in text.decode().splitlines() if line[:5] == 'data:'
        ]
        done = next(m for m in messages if m['msg'] == 'process_completed')
        if not done['success']:
            raise RuntimeError(done['output']['error'])
        return done['output']['data']

    def pair(self, ir, vi, **options):
        """The values of the components that say of what pair and how."""
        files = [path and {'path': path, 'meta': FILE} for path in (ir, vi)]
        return files, list(Options(**options))

    def fuse(self, ir, vi, model='average', **options):
        """Press Fuse; the paths of two uploads."""
        files, options = self.pair(ir, vi, **options)
        return self.call('fuse', 'click', [model, *files, None, 'visible', True, 0.3, *options])

    def align(self, element, ir, vi, data=None, **options):
        """Press a button of the overlay: what it shows then."""
        files, options = self.pair(ir, vi, **options)
        event = 'submit' if element == 'overlay' else 'click'
        return self.call(element, event, [*files, None, *options], data)

    def fetch(self, component):
        """The content of a file that a component has."""
        url = component['value']['url'] if 'value' in component else component['url']
        status, content = self.ask('GET', '/' + url.split('/', 3)[3])
        assert status == 200
        return content


def encode(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, 'PNG', compress_level=0)
    return buffer.getvalue()


def make_pair(seed=0, size=(48, 64)):
    """Infrared and visible image as PNG."""
    rng = np.random.default_rng(seed)
    return [encode(rng.integers(0, 256, shape, np.uint8)) for shape in (size, (*size, 3))]


def give(visitor, pair):
    """Upload a pair; returns the server's paths."""
    paths = []
    for name, data in zip(('ir.png', 'vi.png'), pair, strict=True):
        status, text = visitor.upload(data, f'name="files"; filename="{name}"')
        assert status == 200, text
        paths += json.loads(text)
    return paths


@pytest.fixture
def visitor(server):
    return Visitor(server[0])


def cache(server):
    (folder,) = server[2].glob('tsjnet_demo_*/cache')
    return [path for path in folder.rglob('*') if path.is_file()]


def test_a_pair_is_fused_as_everywhere(visitor, tmp_path):
    pair = make_pair()
    image = visitor.fetch(visitor.fuse(*give(visitor, pair))[1])
    for name, data in zip(('ir.png', 'vi.png'), pair, strict=True):
        (tmp_path / name).write_bytes(data)
    fuse = FusionInferencer('average', device='cpu', show_progress=False)
    expected = fuse(tmp_path / 'ir.png', tmp_path / 'vi.png')[0]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(image))), expected)


def other_view(factor=0.5, shift=(24, -10)):
    """A drawn pair whose infrared camera looks elsewhere, and the way from its pixels."""
    scene = draw_scene(0, 1, (320, 240))
    matrix = np.float64([[1 / factor, 0, shift[0]], [0, 1 / factor, shift[1]], [0, 0, 1]])
    size = round(320 * factor), round(240 * factor)
    ir = cv2.warpPerspective(scene.ir, np.linalg.inv(matrix), size)
    return [encode(ir), encode(scene.vi)], matrix


def test_a_pair_is_registered_by_hand_and_fused_so(visitor, tmp_path):
    pair, matrix = other_view()
    paths = give(visitor, pair)
    with pytest.raises(RuntimeError, match=r'has 160x120 pixels and the visible one 320x240'):
        visitor.fuse(*paths)
    ir = np.float64([[20, 20], [140, 25], [130, 100], [15, 95]])
    points = np.hstack([ir, cv2.perspectiveTransform(ir[:, None], matrix)[:, 0]])
    shown = visitor.align('overlay', *paths, {'points': points.tolist()})
    overlay = shown[1]
    assert overlay['words'].startswith('Aligned by 4 points. ')
    assert overlay['sizes'] == [[160, 120], [320, 240]] and not overlay['refused']
    np.testing.assert_allclose(overlay['points'], points)
    np.testing.assert_allclose(overlay['matrix'], matrix, atol=1e-6)
    for name, size in (('ir', (160, 120)), ('vi', (320, 240))):
        assert Image.open(io.BytesIO(visitor.fetch(overlay[name]))).size == size
    (tmp_path / 'H.json').write_bytes(visitor.fetch(shown[2]))
    fused = Image.open(io.BytesIO(visitor.fetch(visitor.fuse(*paths)[1])))
    for name, data in zip(('ir.png', 'vi.png'), pair, strict=True):
        (tmp_path / name).write_bytes(data)
    fuse = FusionInferencer('average', device='cpu', show_progress=False)
    expected = fuse(
        tmp_path / 'ir.png',
        tmp_path / 'vi.png',
        homography=load_homography(tmp_path / 'H.json'),
    )
    np.testing.assert_array_equal(np.asarray(fused), expected[0])
    with pytest.raises(RuntimeError, match='press Register'):  # the mapping is of one pair
        visitor.fuse(*give(visitor, other_view(shift=(2, 3))[0]))
    assert visitor.fuse(*paths)
    assert visitor.align('reset', *paths)[1]['words'].startswith('As uploaded: 160x120 infra')
    with pytest.raises(RuntimeError, match='press Register'):
        visitor.fuse(*paths)


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (None, 'The points give no mapping'),
        ({'points': [[1, 2, 3]]}, 'expected x and y in both images'),
        ({'points': [['a', 2, 3, 4]] * 4}, 'The points give no mapping'),
        ({'points': [[i, i, i, i] for i in range(4)]}, 'lie on a line'),
        (
            {'points': [[0, 0, 9, 0], [9, 0, 0, 0], [9, 9, 0, 9], [0, 9, 9, 9]]},
            'turn the infrared image over',
        ),
    ],
)
def test_points_of_no_camera(visitor, data, message):
    paths = give(visitor, make_pair())
    with pytest.raises(RuntimeError, match=message):
        visitor.align('overlay', *paths, data)


def test_names_it_answers_to(visitor, server):
    for host in ('localhost', '127.0.0.1:5', '[::1]:7860', 'lab.example', 'LAB.example:80'):
        assert visitor.ask('GET', '/config', host=host)[0] == 200
    for host in ('evil.example', f'evil.example:{server[0]}', '192.0.2.3', 'lab.example.evil'):
        for method, path in (('GET', '/'), ('GET', '/config'), ('POST', '/gradio_api/upload')):
            status, text = visitor.ask(method, path, host=host)
            assert status == 421 and b'refuses requests for that host name' in text


def test_other_sites_cannot_upload(visitor, server):
    before = cache(server)
    for headers in (
        {'origin': 'http://evil.example'},
        {'origin': 'null'},
        {'origin': 'http://localhost:3000'},
        {'sec_fetch_site': 'cross-site'},
    ):
        status, text = visitor.upload(b'x', **headers)
        assert status == 403 and text == b'Another site may not send requests to this page.'
    assert cache(server) == before
    own = f'http://127.0.0.1:{server[0]}'
    assert visitor.upload(b'x', origin=own, sec_fetch_site='same-origin')[0] == 200


@pytest.mark.parametrize('disposition', ['name="files"', 'name=""', 'filename="a.png"', ''])
@pytest.mark.parametrize('query', ['', '?upload_id=1'])
def test_uploads_without_a_name(visitor, disposition, query):
    body = f'--part\r\nContent-Disposition: form-data; {disposition}\r\n\r\nx\r\n--part--\r\n'
    kind = 'multipart/form-data; boundary=part'
    status, text = visitor.ask('POST', f'/gradio_api/upload{query}', body, content_type=kind)
    assert status in (200, 400) and (text == b'[]' or status == 400)
    assert b'Internal' not in text and b'Traceback' not in text


def test_what_a_visitor_uploads_and_makes_is_bounded(visitor, server):
    for seed in range(8):  # 1.9 MB each; a visitor keeps 10 MB.
        status, _ = visitor.upload(np.random.default_rng(seed).bytes(1_900_000))
        assert status == 200
    kept = [path for path in cache(server) if path.stat().st_size == 1_900_000]
    assert len(kept) == 5
    paths = give(visitor, make_pair(9))
    visitor.fuse(*paths)
    for seed in range(8):
        visitor.upload(np.random.default_rng(seed).bytes(1_900_000))
    with pytest.raises(
        RuntimeError, match=r'no longer keeps the infrared image ir\.png: upload'
    ):
        visitor.fuse(*paths)
    assert visitor.upload(bytes(2_100_000))[0] == 413
    assert visitor.ask('POST', '/gradio_api/upload', b'', content_length='11000000')[0] == 413


def test_it_asks_nobody_anything(server):
    noted = (server[2] / 'noted').read_text().splitlines()
    assert noted and not [line for line in noted if line.startswith('socket.connect')]
