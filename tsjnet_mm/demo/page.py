"""The web page: the callbacks of its components."""

import functools
import html
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from tsjnet_mm.io.pairs import Pair

from .alignment import (
    Alignment,
    align_by_points,
    describe_overlay,
    keep_or_leave,
    leave_as_is,
    register,
)
from .controls import FUSED, OVERLAY, Controls
from .fusor_choice import DemoModels
from .html import NO_METRICS, NOT_MEASURED, format_metrics
from .options import AUTOMATIC, Options
from .store import DemoStore
from .upload_fusion import (
    Fusion,
    draw_detections,
    fuse_upload,
    measure_fusion,
    new_folder,
    save_view,
)
from .uploads import DemoError, check_upload, find_visible_upload, read_unit, to_bytes

#: Temperatures that the page begins with, in degrees Celsius.
_CELSIUS = (0.0, 40.0)


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
        blocks (gr.Blocks): To be served.
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
            self._connect(Controls(models, examples))

    def _connect(self, controls):
        # One job at a time, whoever asks, and no endpoint that a program is invited to use.
        heavy = {'concurrency_id': 'work', 'concurrency_limit': 1, 'api_visibility': 'private'}
        light = {'queue': False, 'show_progress': 'hidden', 'api_visibility': 'private'}
        self._connect_overlay(controls, heavy, light)
        shown = [controls.slider, controls.views[2], controls.found]
        measured = [controls.fusion, controls.convention, controls.all_metrics]
        look = [controls.fusion, controls.against, controls.show_objects, controls.threshold]
        controls.model.change(self.toggle_objects, controls.model, controls.objects, **light)
        controls.button.click(
            self.fuse,
            [
                *(controls.model, *controls.files, controls.alignment, *look[1:]),
                *controls.options,
            ],
            [
                *(controls.fusion, controls.download, controls.degrees),
                *(*controls.views[:2], *shown, controls.metrics, controls.tabs),
            ],
            show_progress_on=controls.tabs,
            **heavy,
        ).success(
            self.measure, measured, controls.metrics, show_progress_on=controls.metrics, **heavy
        )
        for control in look[1:]:
            control.change(
                self.show,
                look,
                shown,
                show_progress='hidden',
                trigger_mode='always_last',
                **heavy,
            )
        for control in measured[1:]:
            control.change(self.measure, measured, controls.metrics, **heavy)

    def _connect_overlay(self, controls, heavy, light):
        pair = [*controls.files, controls.alignment, *controls.options]
        shown = [
            *(controls.alignment, controls.overlay, controls.mapping, controls.tabs),
            *controls.views[:2],
        ]
        quiet = {'show_progress': 'hidden', 'trigger_mode': 'always_last', **heavy}
        busy = {'show_progress_on': controls.overlay, **heavy}
        controls.gallery.select(self.pick_example, None, [*controls.files, *shown], **heavy)
        for file in controls.files:
            file.upload(self.look, pair, shown, **quiet)
            file.clear(self.look, pair, shown, **quiet)
        options = Options(*controls.options)
        limits = [controls.limits, options.low, options.high]
        options.ir_range.change(self.toggle_limits, options.ir_range, limits, **light).then(
            self.look, pair, shown, **quiet
        )
        options.unit.change(self.look, pair, shown, **quiet)
        for limit in (options.low, options.high):
            limit.blur(self.look, pair, shown, **quiet)
        controls.register.click(self.register, pair, shown, **busy)
        controls.reset.click(self.reset, pair, shown, **busy)
        controls.overlay.submit(self.use_points, pair, shown, **busy)

    @_reported
    def pick_example(self, event: gr.SelectData) -> tuple:
        """Take the files of an example: both files, and what :meth:`look` gives."""
        files = [str(path) for path in self.examples[event.index][1:]]
        return *files, *self._align(leave_as_is, *files, Options())

    @_reported
    def look(
        self, ir: str | None, vi: str | None, alignment: Alignment | None, *options: Any
    ) -> tuple:
        """Check the uploads, and show them and how they lie on each other."""
        keep = functools.partial(keep_or_leave, alignment)
        shown = self._align(keep, ir, vi, Options(*options))
        if alignment is not None and alignment.sources == (ir, vi):  # no new upload
            return *shown[:3], gr.skip(), *shown[4:]
        return shown

    @_reported
    def register(self, ir: str | None, vi: str | None, _: Any, *options: Any) -> tuple:
        """Register the uploads by their edges."""
        return self._align(register, ir, vi, Options(*options), needs_both=True)

    @_reported
    def reset(self, ir: str | None, vi: str | None, _: Any, *options: Any) -> tuple:
        """Take the uploads as they are."""
        return self._align(leave_as_is, ir, vi, Options(*options))

    @_reported
    def use_points(
        self, event: gr.EventData, ir: str | None, vi: str | None, _: Any, *options: Any
    ) -> tuple:
        """Align the uploads by the points that the visitor chose."""
        points = (event._data or {}).get('points')
        align = functools.partial(align_by_points, points=points)
        return self._align(align, ir, vi, Options(*options), needs_both=True)

    def _align(self, align, ir, vi, options, needs_both=False):
        """The alignment, and what the components that show it and the uploads become.

        ``align`` makes the alignment of the names of the files and their pair.
        """
        folder = new_folder(self.store.folder)
        images = {}
        if ir is not None or needs_both:
            check_upload(ir, 'infrared', self.max_megapixels)
            images['infrared'] = read_unit(ir, 'infrared', options.preparation(ir))
        visible, _ = find_visible_upload(ir, vi, folder)
        if visible is not None or needs_both:
            check_upload(visible, 'visible', self.max_megapixels)
            images['visible'] = read_unit(visible, 'visible')
        views = {
            modality: str(save_view(to_bytes(image), folder, modality))
            for modality, image in images.items()
        }
        shown = views.get('infrared'), views.get('visible')
        if len(images) < 2:
            return None, None, gr.update(value=None, interactive=False), gr.skip(), *shown
        pair = Pair(Path(visible).stem, *images.values())
        alignment = align((ir, vi), pair)
        overlay = describe_overlay(alignment, pair, folder)
        files = {'ir': shown[0], 'vi': shown[1], 'mask': overlay['mask']}
        overlay |= {name: path and _served(path) for name, path in files.items()}
        mapping = None
        if alignment.found is not None:
            mapping = str(alignment.save(folder / f'{Path(ir).stem}_mapping.json'))
        download = gr.update(value=mapping, interactive=mapping is not None)
        return alignment, overlay, download, gr.update(selected=OVERLAY), *shown

    def toggle_limits(self, ir_range: str) -> tuple:
        """Show the two numbers of a range that has any, with values of its kind."""
        low, high = _CELSIUS if ir_range == 'celsius' else AUTOMATIC
        unit = '°C' if ir_range == 'celsius' else '%'
        return (
            gr.update(visible=ir_range in ('percentiles', 'celsius')),
            gr.update(value=low, label=f'Black, {unit}'),
            gr.update(value=high, label=f'White, {unit}'),
        )

    def toggle_objects(self, name: str) -> dict:
        """Show the controls of detections where the model has a detector."""
        return gr.update(visible=self.models.has_detector(name))

    @_reported
    def fuse(
        self,
        name: str,
        ir: str | None,
        vi: str | None,
        alignment: Alignment | None,
        against: str,
        show_objects: bool,
        threshold: float,
        *options: Any,
    ) -> tuple:
        """Fuse the two files; returns what each component of the results becomes."""
        is_aligned = alignment is not None and alignment.sources == (ir, vi)
        fusion = fuse_upload(
            self.models,
            name,
            ir,
            vi,
            self.store.folder,
            Options(*options),
            alignment.homography if is_aligned else None,
            self.max_megapixels,
        )
        for note in fusion.notes:
            gr.Warning(html.escape(note), 15)
        download = gr.update(value=str(fusion.fused), interactive=True)
        degrees = gr.update(
            value=fusion.degrees and str(fusion.degrees), visible=fusion.degrees is not None
        )
        sources = str(fusion.views['infrared']), str(fusion.views['visible'])
        shown = self.show(fusion, against, show_objects, threshold)
        return fusion, download, degrees, *sources, *shown, '', gr.update(selected=FUSED)

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


def _served(path):
    """A file as a part of a value; Gradio adds the address."""
    return {'path': path, 'meta': {'_type': 'gradio.FileData'}}
