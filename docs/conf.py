"""How Sphinx builds the documentation: C{sphinx-build -n -W docs docs/_build}."""

import re
from pathlib import Path

package = Path(__file__).parent.parent / "mkvtwist" / "__init__.py"
version = re.findall(r'^__version__ = "(.*)"', package.read_text(), re.MULTILINE)[0]
release = version

project = "mkvtwist"
author = "mkvtwist contributors"
project_copyright = f"%Y, {author}"

extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "alabaster"
html_theme_options = {
    "description": "Live Matroska over HTTP, from almost anything",
    "fixed_sidebar": True,
}
html_show_sourcelink = False
