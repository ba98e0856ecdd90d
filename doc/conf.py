"""Configuration of the documentation build: ``sphinx-build -W doc OUT``."""

from pathlib import Path

import iquila
from iquila.command.helptext import page
from iquila.command.main import COMMANDS

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

# The page of all commands is made of their definitions at each build.
Path(__file__).with_name("commands.md").write_text(page(COMMANDS), encoding="utf-8")
