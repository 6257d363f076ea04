"""The components of the web page, in their order."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import gradio as gr

from tsjnet_mm.io.images import IMAGE_EXTENSIONS
from tsjnet_mm.metrics import CONVENTIONS
from tsjnet_mm.utils.styles import DENOISED, PALETTES, PARALLAX_SOURCES, STYLES

from .fusor_choice import DemoModels
from .html import HEADING, NO_METRICS, NO_OVERLAY
from .options import RANGES, UNIT_NAMES, Options
from .uploads import example_thumbnail

#: Names of the tabs of the results.
OVERLAY, FUSED = 'overlay', 'fused'


class Controls:
    """Builds the components within a context of ``gr.Blocks``.

    Args:
        models (DemoModels): See :class:`.DemoPage`.
        examples (Sequence[tuple[str, Path, Path]]): See there.

    Attributes:
        files (list[gr.File]): Infrared and visible.
        options (list): A component for each field of :class:`.Options`, in that order.
    """

    def __init__(self, models: DemoModels, examples: Sequence[tuple[str, Path, Path]]) -> None:
        self.fusion, self.alignment = gr.State(None), gr.State(None)
        gr.HTML(HEADING, elem_id='heading')
        with gr.Row(elem_id='body'):
            with gr.Column(scale=4, min_width=300, elem_id='inputs'):
                self._add_inputs(models, examples)
                self._add_scores()
            with gr.Column(scale=9, min_width=300, elem_id='results'):
                with gr.Tabs(elem_id='tabs') as self.tabs:
                    with gr.Tab('Overlay', id=OVERLAY):
                        self._add_overlay()
                    with gr.Tab('Fused', id=FUSED):
                        self._add_results(models.has_detector(models.default))
                self._add_views()

    def _add_inputs(self, models, examples):
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
            [(example_thumbnail(ir, vi), name) for name, ir, vi in examples],
            label='Examples',
            columns=4,
            height=108,
            allow_preview=False,
            object_fit='cover',
            interactive=False,
            buttons=[],
            elem_id='examples',
        )
        self.model = gr.Dropdown(
            models.names, value=models.default, label='Model', elem_id='model'
        )
        with gr.Accordion('Options', open=False, elem_id='options'):
            self.options = self._add_options()
        with gr.Row():
            self.button = gr.Button('Fuse', variant='primary', min_width=120, elem_id='fuse')
            self.download = gr.DownloadButton(
                'Download PNG', interactive=False, min_width=120, elem_id='download'
            )
            self.degrees = gr.DownloadButton(
                'Temperatures (TIFF)', visible=False, min_width=120, elem_id='degrees'
            )

    def _add_options(self):
        default = Options()
        ranges = [(words, name) for name, words in RANGES.items()]
        added = {
            'unit': gr.Dropdown(
                list(UNIT_NAMES),
                label='Unit of 16-bit and float infrared values',
                elem_id='unit',
            ),
            'ir_range': gr.Dropdown(ranges, label='Infrared range', elem_id='ir_range'),
        }
        with gr.Row(visible=False, elem_id='limits') as self.limits:
            for name, label in (('low', 'Black'), ('high', 'White')):
                added[name] = gr.Number(
                    getattr(default, name), label=label, min_width=90, elem_id=name
                )
        added['resize'] = gr.Checkbox(
            label="Resize infrared to the visible image's size", elem_id='resize'
        )
        with gr.Row():
            added['grey'] = gr.Checkbox(label='Grey output', min_width=120)
            added['keep_hue'] = gr.Checkbox(label='Keep hue', min_width=120, elem_id='keep_hue')
        added['denoise'] = gr.Dropdown(
            [('off', 'off'), *((words, name) for name, words in [*DENOISED.items()][1:])],
            label='Damp noise of a dark visible image',
            elem_id='denoise',
        )
        added['parallax'] = gr.Dropdown(
            list(PARALLAX_SOURCES), label='Fuse misaligned regions from', elem_id='parallax'
        )
        with gr.Row():
            added['style'] = gr.Dropdown(
                list(STYLES), label='Style', min_width=90, elem_id='style'
            )
            added['palette'] = gr.Dropdown(list(PALETTES), label='Palette', min_width=90)
        with gr.Row():
            added['isotherm'] = gr.Number(180, label='Isotherm (°C if known)', min_width=90)
            added['legend'] = gr.Checkbox(label='Legend', min_width=90)
        return [added[name] for name in Options._fields]

    def _add_overlay(self):
        with gr.Row():
            self.register = gr.Button('Register', min_width=100, elem_id='register')
            self.reset = gr.Button('As it is', min_width=100, elem_id='reset')
            self.mapping = gr.DownloadButton(
                'Mapping (JSON)', interactive=False, min_width=100, elem_id='mapping'
            )
        self.overlay = gr.HTML(
            None,
            html_template=NO_OVERLAY,
            js_on_load=(files(__package__) / 'overlay.js').read_text(encoding='utf-8'),
            apply_default_css=False,
            elem_id='overlay',
        )

    def _add_results(self, has_detector):
        with gr.Row(equal_height=True):
            self.against = gr.Radio(
                [('Visible | fused', 'visible'), ('Infrared | fused', 'infrared')],
                value='visible',
                label='Compare',
                min_width=260,
                elem_id='against',
            )
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

    def _add_views(self):
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
