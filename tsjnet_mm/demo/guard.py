"""Refuse requests from other sites and too large requests to the web page, by HTTP headers.

Other sites in the visitor's browser can reach a page on 127.0.0.1. Their forms can post to it;
the headers ``Origin`` and ``Sec-Fetch-Site`` show this. And they can let one of their host
names point to 127.0.0.1 (DNS rebinding); the header ``Host`` shows this.
"""

import asyncio
import ipaddress
import json
import logging
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from .store import DemoStore

#: Names that this machine has for itself.
LOCAL_NAMES = ('localhost', '127.0.0.1', '::1')
_API = '/gradio_api/'
#: What the page's own script posts to.
_POSTS = ('upload', 'queue/join', 'run/', 'cancel', 'reset')
_MAX_BODY = 1 << 20


class _Refused(Exception):
    """Status and sentence of an answer that is not the page's."""


def host_name(host: str) -> str:
    """The name in a ``Host`` header: lower case, without port, brackets and final dot.

    Args:
        host (str): Such as ``'localhost:7860'`` or ``'[::1]:7860'``.

    Returns:
        str: Empty where the header makes no sense.
    """
    try:
        parts = urlsplit(f'//{host.strip()}')
        known = parts.port is None or parts.port > 0  # ValueError where it is no number.
    except ValueError:
        return ''
    if not known or parts.netloc != host.strip() or '@' in parts.netloc:
        return ''
    return (parts.hostname or '').lower().removesuffix('.')


def visitor_of(address: str) -> str:
    """Visitor of an upload: the IPv4 address, or the first 64 bits of the IPv6 address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


class DemoGuard:
    """ASGI application in front of the page's.

    Args:
        app (Callable): The page's.
        names (Iterable[str]): Names that the ``Host`` header may have.
        store (DemoStore): Counts uploads.
    """

    def __init__(self, app: Callable, names: Iterable[str], store: DemoStore) -> None:
        self.app = app
        self.names = {host_name(f'[{name}]' if ':' in name else name) for name in names} - {''}
        self.store = store

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        """See the ASGI specification."""
        if scope['type'] == 'lifespan':
            return await self.app(scope, receive, send)
        if scope['type'] != 'http':
            return await send({'type': 'websocket.close', 'code': 1008})
        try:
            self._check(scope)
            if scope['method'] in ('GET', 'HEAD'):
                return await self.app(scope, receive, send)
            if scope['path'].rstrip('/') == f'{_API}upload':
                return await self._upload(scope, receive, send)
            return await self.app(scope, receive, send)
        except _Refused as refused:
            await _answer(send, *refused.args)

    def _check(self, scope):
        headers = {}
        for key, value in scope['headers']:
            headers.setdefault(key.decode('latin-1').lower(), []).append(
                value.decode('latin-1')
            )
        hosts = headers.get('host', [])
        name = host_name(hosts[0]) if len(hosts) == 1 else ''
        if name not in self.names:
            raise _Refused(
                421, 'This page refuses requests for that host name; --allowed-host adds names.'
            )
        if scope['method'] in ('GET', 'HEAD'):
            return
        own = {f'{scheme}://{hosts[0].strip().lower()}' for scheme in ('http', 'https')}
        origins = [origin.lower() for origin in headers.get('origin', [])]
        sites = headers.get('sec-fetch-site', [])
        if not own.issuperset(origins) or not {'same-origin', 'none'}.issuperset(sites):
            raise _Refused(403, 'Another site may not send requests to this page.')
        path = scope['path'].rstrip('/').removeprefix(_API)
        if (
            path == scope['path'].rstrip('/')
            or not path.startswith(_POSTS)
            or scope['method'] != 'POST'
        ):
            raise _Refused(404, 'This address takes no uploads.')
        length = headers.get('content-length', ['0'])[0]
        if 'transfer-encoding' in headers or not length.isdecimal():
            raise _Refused(411, 'The request needs a Content-Length.')
        if int(length) > (self.store.visitor.bytes if path == 'upload' else _MAX_BODY):
            raise _Refused(413, 'The request exceeds the maximum size.')

    async def _upload(self, scope, receive, send):
        visitor = visitor_of((scope.get('client') or ('unknown',))[0])
        size = int(dict(scope['headers']).get(b'content-length', b'0'))
        if not self.store.reserve(visitor, size):
            raise _Refused(429, 'Too much is being uploaded at once: wait until it has ended.')
        try:
            await self._pass_upload(visitor, scope, receive, send)
        finally:
            self.store.release(visitor, size)
            await asyncio.to_thread(self.store.sweep)

    async def _pass_upload(self, visitor, scope, receive, send):
        status, body = None, b''

        async def watch(message):
            nonlocal status, body
            status = message.get('status', status)
            if status == 200:
                body += message.get('body', b'')
                if message['type'] == 'http.response.body' and not message.get('more_body'):
                    paths = json.loads(body)
                    await asyncio.to_thread(self.store.add_uploads, visitor, paths)
            if status < 500:
                await send(message)

        # The answer is read here, hence not to be compressed.
        headers = [item for item in scope['headers'] if item[0].lower() != b'accept-encoding']
        try:
            await self.app({**scope, 'headers': headers}, receive, watch)
        except OSError as error:
            logging.getLogger('tsjnet_mm').error('an upload could not be kept: %s', error)
            raise _Refused(507, 'The server cannot keep the file: is its disk full?') from error
        except Exception as error:  # The framework raises almost anything on odd requests.
            raise _Refused(400, 'Each uploaded file needs a name.') from error


async def _answer(send, status, sentence):
    body = sentence.encode()
    headers = [
        (b'content-type', b'text/plain; charset=utf-8'),
        (b'content-length', str(len(body)).encode()),
        (b'connection', b'close'),
    ]
    await send({'type': 'http.response.start', 'status': status, 'headers': headers})
    await send({'type': 'http.response.body', 'body': body})
