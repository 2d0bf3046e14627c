"""Small state files that outlive the warehouse: replaced as a whole, on disk before anything relies on them."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have the disk hold what was written to this file, or the names of this folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hidden(path: Path) -> Path:
    """The name under which the next version of a file is written; readers of the folder pass over it."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def put(temporary: Path, path: Path) -> None:
    """Give the written file its name, in one step.

    Raises OSError when the folder cannot be written.
    """
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Replace the file's content in one step.

    Raises OSError when the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = hidden(path)
    temporary.write_text(text, encoding="utf-8")
    put(temporary, path)
