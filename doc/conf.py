"""Configuration of the documentation build: ``sphinx-build -W doc OUT``."""

import iquila

project = "iquila"
author = "iquila contributors"
copyright = f"2026, {author}"
version = release = iquila.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"iquila {release}"
html_static_path: list[str] = []
autodoc_typehints = "description"
