"""The pages of docs/ as HTML, so that alerts and the Operations page can link to a runbook."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from include.dashboard import pages
from include.settings import PROJECT

DOCS = PROJECT / "docs"
IMAGES = {".png": "image/png", ".svg": "image/svg+xml"}


@cache
def names() -> frozenset[str]:
    """List the pages and pictures by their path in docs/, as links between them name them."""
    found = (path for path in DOCS.rglob("*") if path.suffix in {".md", *IMAGES})
    return frozenset(path.relative_to(DOCS).as_posix() for path in found)


def image(name: str) -> tuple[bytes, str] | None:
    """Read a picture and its media type; None where the name is that of a page."""
    kind = IMAGES.get(Path(name).suffix)
    return ((DOCS / name).read_bytes(), kind) if kind else None


@cache
def document(name: str) -> str:
    """Render a page of `names`. Raw HTML in it is shown as text."""
    source = (DOCS / name).read_text("utf-8")
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(source)
    for token, inner in pairwise(tokens):
        if token.type == "heading_open":
            token.attrSet("id", _anchor(inner))
    title = source.partition("\n")[0].removeprefix("# ")
    body = parser.renderer.render(tokens, parser.options, {})
    return pages.page("document.html", root="../" * (name.count("/") + 1), title=title, body=body, badge="")


def _anchor(heading: Token) -> str:
    """Name a heading as GitHub does in links to it."""
    return re.sub(r"[^\w\- ]", "", heading.content.lower()).replace(" ", "-")
