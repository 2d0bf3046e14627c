"""The published marts as the dashboard asks them: one statement for both engines, values bound, never a lock.

On DuckDB they are the published file, opened read-only; on BigQuery a dataset (marts_bigquery).
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import duckdb

from include.published_file import literal
from include.settings import Settings

log = logging.getLogger(__name__)

Row = dict[str, Any]

#: How many answers are kept. An answer is at most a page of rows.
KEPT = 256

_VALUE = re.compile(r"\$(\w+)")

DAMAGED = (
    "The published file cannot be read: it is damaged, or of another version of DuckDB. "
    "Clear the task publish of the last run of attribution_microbatch, or wait for the next run: it is written anew."
)


class MartsError(RuntimeError):
    """The marts cannot be read. `state` names the view that says so, the message what to do; neither names a path."""

    state = "broken"


class NotPublishedError(MartsError):
    """No run has published yet."""

    state = "empty"


class OutdatedError(MartsError):
    """What is published lacks a table or a column: an earlier version of the project published it."""

    state = "outdated"


class UnreachableError(MartsError):
    """The warehouse does not answer now."""

    state = "unreachable"


class Engine(Protocol):
    """How one engine answers."""

    def version(self) -> str:
        """Changes when a run has published. Raises MartsError."""

    def rows(self, query: str, values: Mapping[str, Any]) -> list[Row]:
        """The rows of a query by column name, its values being exactly those the query names. Raises MartsError."""


class Marts:
    """The published marts, with the answers of their version that were asked for last.

    A version's answers never change, so they are kept until the next publish.
    """

    def __init__(self, engine: Engine) -> None:
        """Nothing is opened before the first question."""

        @lru_cache(KEPT)
        def answer(version: str, query: str, values: tuple[tuple[str, Any], ...]) -> list[Row]:
            return engine.rows(query, dict(values))

        self.version = engine.version
        self._answer = answer

    def ask(self, query: str, **values: Any) -> list[Row]:  # noqa: ANN401 - whatever a column holds
        """The rows of a query, in which values stand as `$name`; values that it does not name are passed over.

        Raises MartsError.
        """
        used = tuple((name, values[name]) for name in sorted(set(_VALUE.findall(query))))
        return self._answer(self.version(), query, used)


class PublishedFile:
    """An Engine on the published file."""

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


def open_marts(settings: Settings) -> Marts:
    """The published marts of this deployment."""
    if settings.bigquery is None:
        return Marts(PublishedFile(settings.published))
    from include.dashboard.marts_bigquery import PublishedDataset  # noqa: PLC0415 - Google's client takes a second

    return Marts(PublishedDataset(settings.bigquery))
