"""HTML of the web page: style, headings and the table of metrics."""

import html
import math
from collections.abc import Sequence

from tsjnet_mm.metrics import CONVENTIONS

from .upload_fusion import MetricRow

#: The page's title.
HEADING = """<h1>Infrared and visible image fusion</h1>
<p>Give two registered images of one scene, or pick an example, and press Fuse.</p>"""
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
@media (max-width: 760px) {
  #body { flex-direction: column; flex-wrap: nowrap; }
  #inputs, #results { display: contents; }
  #scores { order: 1; }
  #slider { min-height: 200px; }
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
