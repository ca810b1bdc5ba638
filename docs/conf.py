"""How Sphinx builds the documentation: C{sphinx-build -n -W docs docs/_build}."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

import api

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


def build_api_reference(app: Sphinx, failure: Exception | None) -> None:
    """Add the API reference to what has been built, as C{api/}."""
    if failure is None and app.builder.name == "html":
        api.build(Path(app.outdir, "api"))


def setup(app: Sphinx) -> None:
    """Let Sphinx build the API reference, too."""
    app.connect("build-finished", build_api_reference)
