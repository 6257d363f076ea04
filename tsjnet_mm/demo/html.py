"""HTML of the web page: style, headings and the table of metrics."""

import html
import math
from collections.abc import Sequence

from tsjnet_mm.metrics import CONVENTIONS

from .upload_fusion import MetricRow

#: The page's title.
HEADING = """<h1>Infrared and visible image fusion</h1>
<p>Upload an infrared and a visible image of one scene, or pick an example. Where the overlay
shows that they do not coincide, register them. Then press Fuse.</p>"""
#: What overlay.js fills, and what is there before.
NO_OVERLAY = """<p class="hint">Here you see how the two images of a pair lie on each other.
Register aligns them by their edges; where that fails, you choose four points.</p>
<div class="overlay" hidden></div>"""
#: In place of the table, before anything is measured.
NO_METRICS = '<p class="hint">The metrics appear here once a pair is fused.</p>'
#: And for a picture in thermal colours.
NOT_MEASURED = '<p class="hint">Metrics are of the style luma alone.</p>'
#: CSS; colours are Gradio's variables, so that they follow its dark mode.
STYLE = """
.gradio-container { width: 100%; max-width: 1400px !important; margin: 0 auto !important; }
.gradio-container main { padding-top: 10px !important; padding-bottom: 10px !important; }
#heading { padding: 0; }
#heading h1 { font-size: 1.4rem; font-weight: 650; margin: 0; }
#heading p, .hint { color: var(--body-text-color-subdued); margin: 2px 0 0; }
#infrared_file .icon-wrap, #visible_file .icon-wrap { display: none; }
#infrared_file .wrap, #visible_file .wrap { padding-top: 28px; line-height: 1.25;
                                            font-size: 0.9rem; }
#examples .grid-wrap { padding-top: 30px; overflow: hidden; }
#examples .thumbnail-lg { aspect-ratio: 4 / 3; height: auto; }
#examples .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)); }
#examples .caption-label { font-size: 10px; padding: 1px 4px; right: 0; bottom: 0; }
#slider { min-height: 320px; }
#found { padding: 0 4px; margin: -8px 0; }
#metrics table { width: 100%; border-collapse: collapse; font-size: 0.9rem; }
#metrics table, #metrics thead, #metrics tr, #metrics th, #metrics td { border: 0 !important; }
#metrics tr { border-bottom: 1px solid var(--border-color-primary) !important; }
#metrics th, #metrics td { text-align: left; padding: 3px 6px; }
#metrics th { white-space: nowrap; }
#metrics .value { text-align: right; font-variant-numeric: tabular-nums; }
#metrics caption { caption-side: bottom; text-align: left; padding: 6px 6px 0;
                   color: var(--body-text-color-subdued); font-size: 0.8rem; }
#overlay .words { margin: 4px 0 8px; }
#overlay .refused { border-left: 3px solid #dc2626; padding-left: 8px; }
#overlay .stage { position: relative; overflow: hidden; background: #000; width: 100%; }
#overlay .stage img { position: absolute; left: 0; top: 0; max-width: none; margin: 0; }
#overlay .stage .vi, #overlay .stage .mask { width: 100%; height: 100%; }
#overlay .over { position: absolute; inset: 0; }
#overlay .ir { transform-origin: 0 0; }
#overlay .bright .stage .vi, #overlay .bright .ir, #overlay .bright .lens,
#overlay .bright .shown { filter: brightness(3); }
#overlay .bar { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: center;
                margin: 8px 0; }
#overlay input { appearance: auto; accent-color: var(--color-accent); }
#overlay input[type=checkbox], #overlay input[type=radio] { width: 1em; height: 1em; }
#overlay .level { flex: 1 1 160px; }
#overlay summary { cursor: pointer; padding: 6px 0; font-weight: 600; }
#overlay details p { margin: 0 0 8px; color: var(--body-text-color-subdued); }
#overlay .panes { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
#overlay figure { margin: 0; min-width: 0; }
#overlay figcaption { font-size: 0.85rem; }
#overlay .pane { position: relative; width: 100%; cursor: crosshair; }
#overlay .shown { position: absolute; inset: 0; background-size: 100% 100%; }
#overlay .pin { position: absolute; width: 26px; height: 26px; margin: -13px; padding: 0;
                border: 2px solid #fff; border-radius: 50%; background: rgb(0 0 0 / 35%);
                color: #fff; font-size: 12px; line-height: 1; cursor: grab;
                touch-action: none; text-shadow: 0 0 3px #000; }
#overlay .pin.selected { border-color: #f97316; background: rgb(249 115 22 / 30%); }
#overlay .pin:focus-visible { outline: 3px solid #f97316; outline-offset: 2px; }
#overlay .lens { position: relative; height: 130px; margin-top: 4px;
                 background-repeat: no-repeat; background-color: #000;
                 image-rendering: pixelated; }
#overlay .lens::before, #overlay .lens::after { content: ''; position: absolute;
                                                 background: #f97316; }
#overlay .lens::before { left: 50%; top: 0; width: 1px; height: 100%; }
#overlay .lens::after { top: 50%; left: 0; height: 1px; width: 100%; }
#overlay .bar button { border: 1px solid var(--border-color-primary); border-radius: 6px;
                       padding: 6px 14px; background: var(--button-secondary-background-fill);
                       color: var(--button-secondary-text-color); }
#overlay .bar button:disabled { opacity: 0.5; }
@media (max-width: 760px) {
  #body { flex-direction: column; flex-wrap: nowrap; }
  #inputs, #results { display: contents; }
  #scores { order: 1; }
  #slider { min-height: 200px; }
  #overlay .panes { grid-template-columns: 1fr; }
}
"""


def format_metrics(rows: Sequence[MetricRow], convention: str) -> str:
    """The table of metrics.

    Args:
        rows (Sequence[MetricRow]): What was measured.
        convention (str): Under which convention.

    Returns:
        str: HTML; an arrow says which direction is better.
    """
    lines = []
    for row in rows:
        if row.value is None:
            value = 'image too small'
        elif math.isinf(row.value):
            value = '∞'
        else:
            value = f'{row.value:.4g}' if abs(row.value) < 1000 else f'{row.value:.0f}'
        arrow = '↑' if row.higher_is_better else '↓'
        direction = 'higher is better' if row.higher_is_better else 'lower is better'
        lines.append(
            f'<tr><th scope="row">{row.name} <span title="{direction}">{arrow}</span></th>'
            f'<td class="value">{value}</td><td>{html.escape(row.title)}</td></tr>'
        )
    caption = html.escape(f'{convention}: {CONVENTIONS[convention]}')
    return (
        '<table><thead><tr><th>Metric</th><th class="value">Value</th><th>Meaning</th></tr>'
        f'</thead><tbody>{"".join(lines)}</tbody><caption>{caption}. ↑ higher, ↓ lower '
        'is better.</caption></table>'
    )
