"""Settings of the documentation site, which ``make docs`` builds; see ``assemble.py``."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from typing import Any

project = "circuit-efficiency"
version = release = importlib.metadata.version(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_title = project
html_show_sourcelink = False
html_copy_source = False
html_extra_path = ["demo.html"]

myst_heading_anchors = 4

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False

# What the theme leaves to be said to those who cannot see a page, or use no mouse.
_SAID = (
    ('<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">'),
    ('<aside class="sidebar-drawer">', '<aside class="sidebar-drawer" aria-label="Pages">'),
    ('<aside class="toc-drawer">', '<aside class="toc-drawer" aria-label="On this page">'),
    ("<pre>", '<pre tabindex="0">'),
    ('<th class="head"><p></p></th>', "<td></td>"),
)
_WIDE = re.compile(r'<div class="(table-wrapper[^"]*)">')


def _say(app: Any, failed: Exception | None) -> None:
    for page in [] if failed else Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for before, after in _SAID:
            text = text.replace(before, after)
        text = _WIDE.sub(r'<div class="\1" tabindex="0">', text)
        page.write_text(text, encoding="utf-8")


def setup(app: Any) -> None:
    """See https://www.sphinx-doc.org/en/master/extdev/appapi.html."""
    app.connect("build-finished", _say)
