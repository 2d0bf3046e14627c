"""The files a browser gets: pages made of templates, styles, scripts, and plotly.js from its Python package."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

HERE = Path(__file__).parent

TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

PLOTLY = "plotly.min.js"


@dataclass(frozen=True)
class File:
    """A file as it is sent: gzipped, with its type and a name for its content."""

    content: bytes
    kind: str
    tag: str


def names() -> list[str]:
    """The files that pages name."""
    return [*sorted(path.name for path in (HERE / "static").iterdir() if path.suffix in TYPES), PLOTLY]


def text(name: str) -> str:
    """A file's own text."""
    if name == PLOTLY:
        return files("plotly").joinpath("package_data", PLOTLY).read_text("utf-8")
    return (HERE / "static" / name).read_text("utf-8")


@cache
def file(name: str) -> File:
    """A file to send; read once. Raises KeyError where `names` has no such file."""
    if name not in names():
        raise KeyError(name)
    content = text(name).encode()
    return File(
        gzip.compress(content, 6), TYPES[Path(name).suffix], hashlib.md5(content, usedforsecurity=False).hexdigest()
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined
    )


def page(name: str, **values: Any) -> str:  # noqa: ANN401 - what the template names
    """A page; `linked` names a file so that a browser asks for it anew when it changes."""

    def linked(one: str) -> str:
        return f"static/{one}?{file(one).tag[:12]}"

    return _templates().get_template(name).render(linked=linked, **values)
