"""Settings of the documentation site, which ``make docs`` builds; see ``assemble.py``."""

from __future__ import annotations

import importlib.metadata

project = "circuit-efficiency"
version = release = importlib.metadata.version(project)

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_title = project
html_show_sourcelink = False
html_copy_source = False

myst_heading_anchors = 4

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
