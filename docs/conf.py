"""Sphinx settings; the pages are MyST, docstrings are Google's."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

project = 'tsjnet_mm'
author = 'tsjnet_mm contributors'
release = re.search(r"'(.+)'", (ROOT / 'tsjnet_mm' / 'version.py').read_text())[1]
extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon']
autodoc_typehints = 'description'
autodoc_member_order = 'bysource'
napoleon_use_rtype = False
napoleon_use_ivar = True  # A named tuple's fields are documented once.
myst_enable_extensions = ['colon_fence', 'dollarmath']
myst_heading_anchors = 3
exclude_patterns = ['_build']
html_theme = 'furo'


def add_results(app, error):
    """Make the page of the published results beside the documentation."""
    if error is None and app.builder.format == 'html':
        results, out = ROOT / 'docs' / 'results' / 'ivif-1', Path(app.outdir) / 'ivif-1'
        command = [sys.executable, '-m', 'tsjnet_mm', 'site', results, '--out', out]
        subprocess.run(command, cwd=ROOT, check=True)


def setup(app):
    """Called by Sphinx."""
    app.connect('build-finished', add_results)
