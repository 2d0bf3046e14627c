"""What a browser gets beside figures: pages made of templates and of docs/, styles, scripts and plotly.js."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt

from include.settings import PROJECT

HERE = Path(__file__).parent
DOCS = PROJECT / "docs"

TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}

PLOTLY = "plotly.min.js"


def names() -> list[str]:
    """The files that pages name."""
    return [*sorted(path.name for path in (HERE / "static").iterdir() if path.suffix in TYPES), PLOTLY]


def text(name: str) -> str:
    """A file's own text; plotly.js comes from its Python package."""
    if name == PLOTLY:
        return files("plotly").joinpath("package_data", PLOTLY).read_text("utf-8")
    return (HERE / "static" / name).read_text("utf-8")


@cache
def packed(name: str) -> bytes:
    """A file of `names` as it is sent: gzipped."""
    return gzip.compress(text(name).encode(), 6, mtime=0)


@cache
def linked(name: str) -> str:
    """Name a file so that a browser asks for it anew when it changes."""
    return f"static/{name}?{hashlib.sha256(text(name).encode()).hexdigest()[:12]}"


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined
    )
    made.globals["linked"] = linked
    return made


def page(name: str, **values: Any) -> str:  # noqa: ANN401 - what the template names
    """A page of a template."""
    return _templates().get_template(name).render(**values)


@cache
def documents() -> frozenset[str]:
    """List the pages and pictures of docs/ by their path there, as links between them name them."""
    found = (path for path in DOCS.rglob("*") if path.suffix in {".md", *TYPES})
    return frozenset(path.relative_to(DOCS).as_posix() for path in found)


@cache
def document(name: str) -> str:
    """Render a page of docs/, so that alerts and Operations can link to a runbook. Raw HTML in it is shown as text."""
    source = (DOCS / name).read_text("utf-8")
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(source)
    for token, inner in pairwise(tokens):
        if token.type == "heading_open":  # named as GitHub names it in links
            token.attrSet("id", re.sub(r"[^\w\- ]", "", inner.content.lower()).replace(" ", "-"))
    title = source.partition("\n")[0].removeprefix("# ")
    body = parser.renderer.render(tokens, parser.options, {})
    return page("document.html", root="../" * (name.count("/") + 1), title=title, body=body, badge="")
