"""The server of the web page."""

import functools
import os
import socket
import threading
import time
from collections.abc import Iterable

import gradio as gr
import uvicorn
from fastapi import FastAPI

from .guard import DemoGuard
from .html import STYLE
from .store import DemoStore

_FONTS, _MONO_FONTS = ('system-ui', 'sans-serif'), ('ui-monospace', 'monospace')
_QUEUE = 16
_SESSIONS = 200
_SWEEP_SECONDS = 60


class DemoServer:
    """Serves the components of a page.

    Args:
        blocks (gr.Blocks): What is served.
        store (DemoStore): Of Gradio's cache.
    """

    def __init__(self, blocks: gr.Blocks, store: DemoStore) -> None:
        self.blocks, self.store = blocks, store

    def serve(
        self, listener: socket.socket, names: Iterable[str], max_megabytes: int = 100
    ) -> None:
        """Serve the page from a thread, and return once it answers.

        Gradio's ``launch`` is not used: it asks its own server for the page and gives up
        where that takes more than three seconds, and it sends that question to a proxy.

        Args:
            listener (socket.socket): Bound; it is closed by :meth:`close`.
            names (Iterable[str]): See :class:`DemoGuard`.
            max_megabytes (int): Size of an uploaded file at most. Defaults to 100.

        Raises:
            OSError: The server ended at once.
        """
        self.blocks.state_session_capacity = _SESSIONS
        self.blocks.queue(max_size=_QUEUE, api_open=False, default_concurrency_limit=1)
        app = gr.mount_gradio_app(
            FastAPI(openapi_url=None),
            self.blocks,
            path='/',
            max_file_size=f'{max_megabytes}mb',
            theme=gr.themes.Default(
                primary_hue='orange', neutral_hue='slate', font=_FONTS, font_mono=_MONO_FONTS
            ),
            css=STYLE,
            # Everything that the environment or a default could turn on is off.
            show_error=False,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            allowed_paths=[],
            root_path='',
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            app_kwargs={'openapi_url': None},
        )
        self.store.protect()
        config = uvicorn.Config(
            DemoGuard(app, names, self.store),
            log_level='warning',
            proxy_headers=False,  # A visitor's address is not what the visitor says it is.
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None
        run = functools.partial(self._server.run, sockets=[listener])
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise OSError('the server ended before it answered; its messages say why')
            time.sleep(0.01)
        self._ended = threading.Event()
        threading.Thread(target=self._sweep, daemon=True).start()

    def _sweep(self):
        while not self._ended.wait(_SWEEP_SECONDS):
            self.store.sweep()
            for files in self.blocks.temp_file_sets:  # Gradio never forgets a name.
                files -= {file for file in list(files) if not os.path.exists(file)}

    def close(self) -> None:
        """End the server."""
        self._ended.set()
        self.blocks.is_running = False  # Ends the streams to the visitors.
        self._server.should_exit = True
        self._thread.join(timeout=10)
