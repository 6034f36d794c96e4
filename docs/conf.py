"""The site of these pages: ``make docs`` builds it in build/site, to be read and searched without a network."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import cells  # noqa: E402  (in this folder)

import pyramid  # noqa: E402  (from this clone, whatever is installed)

project = "ome-pyramid"
version = release = pyramid.__version__
copyright = "the ome-pyramid developers, BSD-3-Clause"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"ome-pyramid {release}"
html_copy_source = False
html_show_sourcelink = False
smartquotes = False  # two dashes begin an option
default_role = "code"  # single backticks of docstrings
nitpicky = False  # types of other packages have no pages here
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the sections of a docstring have them
napoleon_google_docstring = False
napoleon_use_rtype = False
# Anchors as GitHub makes them, so that a link works on both.
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # a Snakefile is not all Python

_DOCSTRINGS = re.compile(r"<!-- docstrings of ([\w.]+) -->")
_NOTEBOOK = re.compile(r"<!-- notebook ([\w.-]+) -->")
_FENCE_WORDS = re.compile(r"^(```\w+) [^\n]+$", re.MULTILINE)
_SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_PAGE = re.compile(r"^\| \[[^\]]+\]\(([\w/-]+)\.md\)", re.MULTILINE)


def setup(app: Any) -> None:  # noqa: ANN401  (as Sphinx has it)
    """Complete the pages as Sphinx reads them."""
    app.connect("source-read", _complete)


def _complete(app: Any, name: str, source: list[str]) -> None:  # noqa: ANN401  (as Sphinx has it)
    """Add the navigation to the map of the pages, and docstrings and notebooks where a page asks for them."""
    text = _FENCE_WORDS.sub(r"\1", source[0])
    if name == root_doc:
        text += "".join(_navigation(title, body) for title, body in _SECTION.findall(text))
    for notebook in _NOTEBOOK.findall(text):
        for path in cells.places(notebook):
            app.env.note_dependency(str(path))
    text = _NOTEBOOK.sub(lambda found: cells.markdown(*cells.places(found[1])), text)
    source[0] = _DOCSTRINGS.sub(lambda found: _docstrings(found[1]), text)


def _navigation(title: str, body: str) -> str:
    """Return the part of the navigation that a section of the map is; empty if it names no page."""
    pages = _PAGE.findall(body)
    head = f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n"
    return head + "\n".join(pages) + "\n```\n" if pages else ""


def _docstrings(module: str) -> str:
    """Return the directives that show the docstrings of the public names of a module."""
    lines = ["```{eval-rst}", f".. currentmodule:: {module}", ""]
    for name in importlib.import_module(module).__all__:
        value = getattr(importlib.import_module(module), name)
        if module != "pyramid" and getattr(pyramid, name, None) is value:
            continue  # the page has it already
        if inspect.isclass(value):
            kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
            lines += [f".. {kind}:: {name}", "   :members:", ""]
        elif inspect.isfunction(value):
            lines += [f".. autofunction:: {name}", ""]
    return "\n".join([*lines, "```"])
