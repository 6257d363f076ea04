import asyncio
import json

import pytest

from tsjnet_mm.demo.guard import LOCAL_NAMES, DemoGuard, host_name, visitor_of
from tsjnet_mm.demo.store import DemoStore, Limits

MANY = Limits(10**9, 10**6)


def make_store(folder, visitor=MANY, uploads=MANY, results=MANY, age=3600):
    return DemoStore(folder, visitor, uploads, results, age)


def ask(app, method='GET', path='/', client='127.0.0.1', body=b'', **headers):
    """Status and body of what an ASGI application answers."""
    sent = []

    async def receive():
        return {'type': 'http.request', 'body': body, 'more_body': False}

    async def send(message):
        sent.append(message)

    given = {'host': 'localhost:7860', **headers}
    scope = {
        'type': 'http',
        'method': method,
        'path': path,
        'client': (client, 5),
        'headers': [
            (key.replace('_', '-').encode(), value.encode())
            for key, value in given.items()
            if value is not None
        ],
    }
    asyncio.run(app(scope, receive, send))
    assert [message['type'] for message in sent].count('http.response.start') == 1
    return sent[0]['status'], b''.join(message.get('body', b'') for message in sent)


async def hello(scope, receive, send):
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    await send({'type': 'http.response.body', 'body': b'hello'})


@pytest.fixture
def guard(tmp_path):
    return DemoGuard(hello, [*LOCAL_NAMES, '192.0.2.7', 'Lab.example'], make_store(tmp_path))


@pytest.mark.parametrize(
    ('host', 'name'),
    [
        ('localhost', 'localhost'),
        ('LocalHost:7860', 'localhost'),
        ('localhost.:80', 'localhost'),
        ('[::1]:7860', '::1'),
        ('127.0.0.1:x', ''),
        ('localhost:7860/evil', ''),
        ('localhost@evil.example', ''),
        ('evil.example?localhost', ''),
        ('[::1', ''),
        ('', ''),
    ],
)
def test_name_in_a_host_header(host, name):
    assert host_name(host) == name


@pytest.mark.parametrize(
    'host', ['localhost:7860', '127.0.0.1:8000', '[::1]:7860', '192.0.2.7', 'lab.EXAMPLE:1']
)
def test_names_that_it_was_started_with(guard, host):
    assert ask(guard, host=host) == (200, b'hello')


@pytest.mark.parametrize(
    'host',
    [
        'evil.example',
        'evil.example:7860',
        'localhost.evil.example',
        '127.0.0.1.evil.example',
        '127.0.0.2',
        '0.0.0.0:7860',
        '[::ffff:127.0.0.1]',
        'user@localhost',
        '',
        None,
    ],
)
@pytest.mark.parametrize('method', ['GET', 'HEAD', 'POST', 'OPTIONS'])
def test_other_names_are_refused(guard, host, method):
    status, text = ask(guard, method, '/gradio_api/upload', host=host)
    assert status == 421 and b'--allowed-host' in text


def test_two_host_headers_are_refused(guard):
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b'host', b'localhost'), (b'host', b'evil.example')]
    scope = {'type': 'http', 'method': 'GET', 'path': '/', 'headers': headers}
    asyncio.run(guard(scope, None, send))
    assert sent[0]['status'] == 421


@pytest.mark.parametrize(
    'headers',
    [
        {'origin': 'http://evil.example'},
        {'origin': 'null'},
        {'origin': 'http://localhost:3000'},
        {'origin': 'http://127.0.0.1:7860'},
        {'origin': 'http://localhost'},
        {'sec_fetch_site': 'cross-site'},
        {'sec_fetch_site': 'same-site'},
        {'origin': 'http://localhost:7860', 'sec_fetch_site': 'cross-site'},
    ],
)
@pytest.mark.parametrize('path', ['upload', 'queue/join', 'run/predict', 'cancel'])
def test_other_sites_may_not_post(guard, headers, path):
    status, text = ask(guard, 'POST', f'/gradio_api/{path}', **headers)
    assert status == 403 and b'Another site' in text


@pytest.mark.parametrize(
    'headers',
    [
        {},
        {'origin': 'http://localhost:7860', 'sec_fetch_site': 'same-origin'},
        {'origin': 'https://localhost:7860'},
        {'sec_fetch_site': 'none'},
    ],
)
def test_its_own_script_may_post(guard, headers):
    assert ask(guard, 'POST', '/gradio_api/queue/join', **headers) == (200, b'hello')


def test_only_what_the_page_posts_to_takes_posts(guard):
    for path in ('/', '/login', '/gradio_api/process_recording', '/gradio_api/vibe-edit'):
        assert ask(guard, 'POST', path)[0] == 404
    for method in ('PUT', 'DELETE', 'OPTIONS', 'PATCH'):
        assert ask(guard, method, '/gradio_api/upload')[0] == 404


def test_requests_state_a_length_that_is_not_too_large(guard):
    path = '/gradio_api/queue/join'
    assert ask(guard, 'POST', path, content_length='1048576')[0] == 200
    assert ask(guard, 'POST', path, content_length='1048577')[0] == 413
    assert ask(guard, 'POST', path, content_length='many')[0] == 411
    assert ask(guard, 'POST', path, transfer_encoding='chunked')[0] == 411
    assert ask(guard, 'POST', '/gradio_api/upload', content_length='1000000001')[0] == 413


def test_web_sockets_are_closed_and_lifespans_go_through(guard):
    seen = []

    async def send(message):
        seen.append(message['type'])

    asyncio.run(guard({'type': 'websocket', 'headers': []}, None, send))
    assert seen == ['websocket.close']
    asyncio.run(guard({'type': 'lifespan'}, None, send))
    assert seen[1:] == ['http.response.start', 'http.response.body']


def writing(folder):
    """An application that keeps each upload as a file of its own."""
    count = iter(range(100))

    async def app(scope, receive, send):
        assert not [key for key, _ in scope['headers'] if key == b'accept-encoding']
        path = folder / f'{next(count):02d}' / 'a.png'
        path.parent.mkdir()
        path.write_bytes((await receive())['body'])
        await send({'type': 'http.response.start', 'status': 200, 'headers': []})
        for part in (json.dumps([str(path)])[:5], json.dumps([str(path)])[5:]):
            more = part.startswith('[')
            message = {'type': 'http.response.body', 'body': part.encode(), 'more_body': more}
            await send(message)

    return app


def kept(folder):
    return sorted(path.parent.name for path in folder.rglob('a.png'))


def upload(guard, client, size=100):
    headers = {'content_length': str(size), 'accept_encoding': 'br'}
    status, _ = ask(guard, 'POST', '/gradio_api/upload', client, b'x' * size, **headers)
    return status


@pytest.mark.parametrize('limit', [Limits(300, 100), Limits(10**6, 3)])
def test_a_visitor_loses_the_oldest_uploads_and_nobody_elses(tmp_path, limit):
    guard = DemoGuard(writing(tmp_path), ['localhost'], make_store(tmp_path, visitor=limit))
    assert upload(guard, '192.0.2.1') == 200
    for _ in range(5):
        assert upload(guard, '192.0.2.2') == 200
    assert kept(tmp_path) == ['00', '03', '04', '05']
    assert not (tmp_path / '01').exists()


@pytest.mark.parametrize('limit', [Limits(400, 100), Limits(10**6, 4)])
def test_all_visitors_share_a_bound(tmp_path, limit):
    store = make_store(tmp_path, visitor=Limits(300, 3), uploads=limit)
    guard = DemoGuard(writing(tmp_path), ['localhost'], store)
    for visitor in range(6):
        assert upload(guard, f'192.0.2.{visitor}') == 200
    assert kept(tmp_path) == ['02', '03', '04', '05']


def test_uploads_at_once_are_bounded(tmp_path):
    store = make_store(tmp_path, visitor=Limits(250, 9), uploads=Limits(500, 99))
    assert store.reserve('a', 100) and store.reserve('a', 150)
    guard = DemoGuard(writing(tmp_path), ['localhost'], store)
    assert upload(guard, 'a') == 429 and upload(guard, 'b') == 200
    assert store.reserve('b', 250) and not store.reserve('c', 1)
    store.release('a', 150)
    assert upload(guard, 'a') == 200 and upload(guard, 'c') == 200
    few = make_store(tmp_path, visitor=Limits(250, 2))
    assert [few.reserve('a', 0) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize('status', [None, 500])
@pytest.mark.parametrize(
    ('error', 'expected'),
    [(TypeError('no file'), (400, b'a name')), (OSError(28, 'full'), (507, b'disk full?'))],
)
def test_what_the_framework_cannot_take_is_a_sentence(
    tmp_path, status, error, expected, caplog
):
    async def fail(scope, receive, send):
        if status:
            await send({'type': 'http.response.start', 'status': status, 'headers': []})
            await send({'type': 'http.response.body', 'body': b'Internal Server Error'})
        raise error

    store = make_store(tmp_path)
    guard = DemoGuard(fail, ['localhost'], store)
    found, text = ask(guard, 'POST', '/gradio_api/upload', content_length='7')
    assert found == expected[0] and expected[1] in text
    assert text.endswith((b'.', b'?')) and b'Internal' not in text
    assert store._incoming == {}


def test_visitors_by_address():
    assert visitor_of('192.0.2.1') == visitor_of('::ffff:192.0.2.1') == '192.0.2.1'
    assert visitor_of('2001:db8::1') == visitor_of('2001:db8::ffff:2')
    assert visitor_of('2001:db8::1') != visitor_of('2001:db8:0:1::1')
    assert visitor_of('testclient') == 'testclient'
