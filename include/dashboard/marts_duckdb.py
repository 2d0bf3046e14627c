"""The published file, opened read-only and kept open until the next publish takes its name."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from include.dashboard.marts import MartsError, NotPublishedError, OutdatedError, Row
from include.published_file import literal

log = logging.getLogger(__name__)

DAMAGED = (
    "The published file cannot be read: it is damaged, or of another version of DuckDB. "
    "Clear the task publish of the last run of attribution_microbatch, or wait for the next run: it is written anew."
)


class PublishedFile:
    """An Engine on the published file (include/dashboard/marts.py)."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before the first question."""
        self._path = path
        self._lock = threading.Lock()
        self._version = ""
        self._connection: duckdb.DuckDBPyConnection | None = None

    def version(self) -> str:
        """The file's identity: a publish replaces the file, so inode, time and size are another's."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise NotPublishedError("Nothing is published yet. Run attribution_microbatch once.") from None
        except OSError as error:
            log.warning("%s cannot be looked at: %s", self._path, error)
            raise MartsError("The folder of the published file cannot be read. Give Airflow rights to it.") from error
        return f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"

    def rows(self, query: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows, on a cursor of its own, so that requests do not wait for one another."""
        try:
            cursor = self._opened().cursor()
            cursor.execute("use published")
            cursor.execute(query, dict(values) or None)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            log.warning("%s lacks what the dashboard asks for: %s", self._path, error)
            raise OutdatedError(
                "What is published was published by another version of this project. "
                "Run attribution_microbatch once: its next publish brings what is missing."
            ) from error
        except duckdb.Error as error:
            log.warning("%s cannot be read: %s", self._path, error)
            raise MartsError(DAMAGED) from error

    def _opened(self) -> duckdb.DuckDBPyConnection:
        """The file of the present version; requests that still read the one before keep it open meanwhile.

        It is attached to a database in memory of its own: DuckDB would hand out the old file again, which is open under
        the same path.
        """
        with self._lock:
            version = self.version()
            if self._connection is None or version != self._version:
                self._connection, self._version = None, version
                opened = duckdb.connect()
                opened.execute(f"attach {literal(self._path)} as published (read_only)")
                opened.execute("set enable_external_access = false; set lock_configuration = true")
                self._connection = opened
            return self._connection
