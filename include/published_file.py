"""Reading the DuckDB file that readers open."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import duckdb

log = logging.getLogger(__name__)


def read_file(path: Path, query: str) -> list[tuple[Any, ...]] | None:
    """Rows of the published file; None where there is none, or none that can be read."""
    if not path.exists():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as published:
            return published.execute(query).fetchall()
    except duckdb.Error as error:
        log.warning("%s cannot be read and will be written anew: %s", path, error)
        return None
