"""The web page: its components and their callbacks."""

import functools
import html
import logging
import os
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI

from tsjnet_mm.io.images import IMAGE_EXTENSIONS
from tsjnet_mm.metrics import CONVENTIONS
from tsjnet_mm.utils.styles import PALETTES, STYLES

from .fusor_choice import DemoModels
from .guard import DemoGuard
from .html import HEADING, NO_METRICS, NOT_MEASURED, STYLE, format_metrics
from .store import DemoStore
from .upload_fusion import (
    Fusion,
    draw_detections,
    fuse_upload,
    measure_fusion,
    new_folder,
    save_view,
)
from .uploads import (
    DemoError,
    check_percentiles,
    choose_style,
    example_thumbnail,
    preview_upload,
)

_FONTS, _MONO_FONTS = ('system-ui', 'sans-serif'), ('ui-monospace', 'monospace')
_QUEUE = 16
_SESSIONS = 200
_SWEEP_SECONDS = 60


def _reported(function):
    """Turn errors into messages of the page; what was not foreseen goes to the server's log."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except DemoError as error:
            message = str(error)
        except gr.Error:
            raise
        except Exception:
            logging.getLogger('tsjnet_mm').exception('the page could not serve a request')
            message = 'The server could not do this; its log says why.'
        raise gr.Error(html.escape(message), 15, print_exception=False)

    return wrapped


class DemoPage:
    """The page and the callbacks of its controls.

    Args:
        models (DemoModels): What to fuse with.
        examples (Sequence[tuple[str, Path, Path]]): See :func:`.collect_examples`.
        store (DemoStore): Of Gradio's cache, which gets the results.
        max_megapixels (float): Of an upload. Defaults to 16.

    Attributes:
        blocks (gr.Blocks): To be launched.
    """

    def __init__(
        self,
        models: DemoModels,
        examples: Sequence[tuple[str, Path, Path]],
        store: DemoStore,
        max_megapixels: float = 16.0,
    ) -> None:
        self.models = models
        self.examples = examples
        self.store = store
        self.max_megapixels = max_megapixels
        with gr.Blocks(
            title='Image fusion', fill_width=True, analytics_enabled=False
        ) as self.blocks:
            self.fusion = gr.State(None)
            gr.HTML(HEADING, elem_id='heading')
            with gr.Row(elem_id='body'):
                with gr.Column(scale=4, min_width=300, elem_id='inputs'):
                    self._add_inputs()
                    self._add_scores()
                with gr.Column(scale=9, min_width=300, elem_id='results'):
                    self._add_results()
            self._connect()

    def _add_inputs(self):
        self.files = [
            gr.File(
                label=f'{modality.capitalize()} image',
                file_types=list(IMAGE_EXTENSIONS),
                height=100,
                elem_id=f'{modality}_file',
            )
            for modality in ('infrared', 'visible')
        ]
        self.gallery = gr.Gallery(
            [(example_thumbnail(ir, vi), name) for name, ir, vi in self.examples],
            label='Examples',
            columns=4,
            height=108,
            allow_preview=False,
            object_fit='cover',
            interactive=False,
            buttons=[],
            elem_id='examples',
        )
        names, default = self.models.names, self.models.default
        self.model = gr.Dropdown(names, value=default, label='Model', elem_id='model')
        with gr.Accordion('Options', open=False, elem_id='options'):
            self.grey = gr.Checkbox(label='Grey output')
            self.resize = gr.Checkbox(label="Resize infrared to the visible image's size")
            self.stretch = gr.Checkbox(
                label='Stretch infrared between percentiles (16 bits)', elem_id='stretch'
            )
            with gr.Row():
                self.percentiles = [
                    gr.Number(value, label=label, minimum=0, maximum=100, min_width=90)
                    for value, label in ((1, 'Black, %'), (99, 'White, %'))
                ]
            with gr.Row():
                self.style = [
                    gr.Dropdown(
                        list(STYLES), value='luma', label='Style', min_width=90, elem_id='style'
                    ),
                    gr.Dropdown(list(PALETTES), label='Palette', min_width=90),
                    gr.Number(180, label='Isotherm', min_width=90),
                    gr.Checkbox(label='Legend', min_width=90),
                ]
        with gr.Row():
            self.button = gr.Button('Fuse', variant='primary', min_width=120, elem_id='fuse')
            self.download = gr.DownloadButton(
                'Download PNG', interactive=False, min_width=120, elem_id='download'
            )

    def _add_results(self):
        with gr.Row(equal_height=True):
            self.against = gr.Radio(
                [('Visible | fused', 'visible'), ('Infrared | fused', 'infrared')],
                value='visible',
                label='Compare',
                min_width=260,
                elem_id='against',
            )
            has_detector = self.models.has_detector(self.models.default)
            with gr.Column(
                visible=has_detector, min_width=260, elem_id='objects'
            ) as self.objects:
                self.show_objects = gr.Checkbox(True, label='Show detected objects')
                self.threshold = gr.Slider(0, 1, 0.3, step=0.05, label='Least score')
        self.slider = gr.ImageSlider(
            show_label=False,
            interactive=False,
            max_height=560,
            buttons=['fullscreen'],
            elem_id='slider',
        )
        self.found = gr.HTML(visible=False, elem_id='found')
        with gr.Row():
            self.views = [
                gr.Image(
                    label=name.capitalize(),
                    type='filepath',
                    interactive=False,
                    buttons=['fullscreen'],
                    height=170,
                    min_width=100,
                    elem_id=f'{name}_view',
                )
                for name in ('infrared', 'visible', 'fused')
            ]

    def _add_scores(self):
        with gr.Column(elem_id='scores'):
            self.metrics = gr.HTML(NO_METRICS, elem_id='metrics')
            with gr.Row(equal_height=True):
                self.convention = gr.Dropdown(
                    list(CONVENTIONS), value='plain', label='Convention', min_width=120
                )
                self.all_metrics = gr.Checkbox(
                    label='All metrics', min_width=120, elem_id='all_metrics'
                )

    def _connect(self):
        # One job at a time, whoever asks, and no endpoint that a program is invited to use.
        heavy = {'concurrency_id': 'work', 'concurrency_limit': 1, 'api_visibility': 'private'}
        light = {'queue': False, 'show_progress': 'hidden', 'api_visibility': 'private'}
        percentiles, style = [self.stretch, *self.percentiles], self.style
        shown = [self.slider, self.views[2], self.found]
        look = [self.fusion, self.against, self.show_objects, self.threshold]
        self.gallery.select(self.pick_example, None, [*self.files, *self.views[:2]], **heavy)
        for file, view, modality in zip(
            self.files, self.views[:2], ('infrared', 'visible'), strict=True
        ):
            preview = functools.partial(self.preview, modality)
            file.upload(preview, [file, *percentiles], view, show_progress='hidden', **heavy)
            file.clear(lambda: None, None, view, **light)
        self.model.change(self.toggle_objects, self.model, self.objects, **light)
        self.button.click(
            self.fuse,
            [self.model, *self.files, self.grey, self.resize, *percentiles, *look[1:], *style],
            [self.fusion, self.download, *self.views[:2], *shown, self.metrics],
            show_progress_on=self.slider,
            **heavy,
        ).success(
            self.measure,
            [self.fusion, self.convention, self.all_metrics],
            self.metrics,
            show_progress_on=self.metrics,
            **heavy,
        )
        for control in (self.against, self.show_objects, self.threshold):
            control.change(
                self.show,
                look,
                shown,
                show_progress='hidden',
                trigger_mode='always_last',
                **heavy,
            )
        for control in (self.convention, self.all_metrics):
            control.change(
                self.measure,
                [self.fusion, self.convention, self.all_metrics],
                self.metrics,
                **heavy,
            )

    @_reported
    def pick_example(self, event: gr.SelectData) -> tuple[str, str, str, str]:
        """Take the files of an example: both files, both previews."""
        _, ir, vi = self.examples[event.index]
        return str(ir), str(vi), self._save_preview(ir, 'infrared'), self._save_preview(vi)

    def _save_preview(self, path, modality='visible', percentiles=None):
        image = preview_upload(path, modality, percentiles, self.max_megapixels)
        return str(save_view(image, new_folder(self.store.folder), modality))

    @_reported
    def preview(
        self, modality: str, path: str, stretch: bool, low: float | None, high: float | None
    ) -> str:
        """Check an upload and show it."""
        percentiles = check_percentiles(low, high) if stretch else None
        return self._save_preview(path, modality, percentiles)

    def toggle_objects(self, name: str) -> dict:
        """Show the controls of detections where the model has a detector."""
        return gr.update(visible=self.models.has_detector(name))

    @_reported
    def fuse(
        self,
        name: str,
        ir: str | None,
        vi: str | None,
        grey: bool,
        resize: bool,
        stretch: bool,
        low: float | None,
        high: float | None,
        against: str,
        show_objects: bool,
        threshold: float,
        style: str,
        palette: str,
        isotherm: float | None,
        legend: bool,
    ) -> tuple:
        """Fuse the two files; returns what each component of the results becomes."""
        fusion = fuse_upload(
            self.models,
            name,
            ir,
            vi,
            self.store.folder,
            grey=bool(grey),
            percentiles=check_percentiles(low, high) if stretch else None,
            resize=bool(resize),
            max_megapixels=self.max_megapixels,
            style=choose_style(style, palette, isotherm, legend),
        )
        for note in fusion.notes:
            gr.Warning(html.escape(note), 15)
        download = gr.update(value=str(fusion.fused), interactive=True)
        sources = str(fusion.views['infrared']), str(fusion.views['visible'])
        shown = self.show(fusion, against, show_objects, threshold)
        return fusion, download, *sources, *shown, ''

    @_reported
    def show(
        self, fusion: Fusion | None, against: str, show_objects: bool, threshold: float
    ) -> tuple:
        """The slider's two images, the fused view, and how many objects were found."""
        if fusion is None:
            return gr.skip(), gr.skip(), gr.skip()
        fused, found = str(fusion.views['fused']), ''
        if fusion.detections is not None and show_objects:
            drawn, count = draw_detections(fusion, threshold)
            fused = str(drawn)
            objects = 'object' if count == 1 else 'objects'
            found = (
                f'<p class="hint">{count} {objects} with a score of {threshold:g} or more</p>'
            )
        views = str(fusion.views[against]), fused
        return views, fused, gr.update(value=found, visible=bool(found))

    @_reported
    def measure(self, fusion: Fusion | None, convention: str, all_metrics: bool) -> str:
        """The table of metrics of what was fused."""
        if fusion is None or not fusion.is_measurable:
            return NO_METRICS if fusion is None else NOT_MEASURED
        return format_metrics(measure_fusion(fusion, convention, all_metrics), convention)

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
