"""Sphinx settings; the pages are MyST."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

project = 'tsjnet_mm'
author = 'The tsjnet_mm authors'
release = re.search(r"'(.+)'", (ROOT / 'tsjnet_mm' / 'version.py').read_text())[1]
extensions = ['myst_parser']
myst_enable_extensions = ['colon_fence', 'dollarmath']
myst_heading_anchors = 3
exclude_patterns = ['_build']
html_theme = 'furo'
