"""What the pipeline asks of its warehouse, on either engine.

A statement is written once, in the SQL that both engines share (docs/dialects.md); values stand in it as `$name`.
What the engines do in different ways is a method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from include.settings import Settings

Kind = Literal["text", "integer", "number", "money", "timestamp", "date", "boolean"]

#: staging model -> shard -> version.
Versions = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Table:
    """A table that the pipeline itself keeps beside dbt's: one row a `key`; without a key, one row in all."""

    name: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """How the marts differ from those that were published last.

    replaces: mart -> the column by which runs replace its rows. keys: such a column -> keys whose rows may differ.
    follows: mart -> kind of journal entry -> the last entry's seq, of what its rows follow from besides keys: a mart
    for which one moved may differ anywhere. settled: no mart has yet to take in a batch that counts as published.
    """

    replaces: Mapping[str, str]
    keys: Mapping[str, Sequence[str]]
    follows: Mapping[str, Mapping[str, int]]
    settled: bool


def constant_dates(days: Iterable[date]) -> str:
    """The days for an IN (...) of a statement: BigQuery skips what constants alone rule out."""
    return ", ".join(f"date '{day}'" for day in sorted(days)) or "null"


class Store(Protocol):
    """An open warehouse. Times are UTC without a zone, money is decimal."""

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - whatever a column holds
        """The rows of a query."""

    def run(self, *statements: str, **values: Any) -> None:  # noqa: ANN401
        """Run statements that change rows: all in one transaction."""

    def has(self, *tables: str) -> bool:
        """Whether all these tables are there."""

    def count(self, table: str) -> int:
        """How many rows a table has."""

    def marts(self, prefix: str) -> list[str]:
        """The tables and views whose name begins so, in order."""

    def append(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Add rows, all or none; a column that a row does not name is null."""

    def make(self, table: Table) -> None:
        """Make the table where it is not there, and the columns that it lacks."""

    def put(self, table: Table, row: Mapping[str, Any]) -> None:
        """Make the table where it is not there, and write the row in place of the one with its key."""

    def landed(self, start: date | None, end: date | None) -> Versions:
        """What has landed, by the staging model that reads it, of export tables those dated from start to end."""

    def landed_at(self, shards: Versions) -> dict[str, datetime]:
        """When these versions of shards landed (UTC, naive), of those for which that is known."""

    def in_view(self, known: Versions, found: Versions) -> Versions:
        """Of the shards that are known, those that `landed`, which found these, would name if they are still there."""

    def published_rows(self, query: str) -> list[tuple[Any, ...]] | None:
        """Rows of what readers see; None where nothing (readable) is published."""

    def publish(
        self, copies: Mapping[str, str], made: Mapping[str, str], run_id: str, changes: Callable[[], Changes]
    ) -> None:
        """Give readers tables of this run: copies (name -> table or view) and results (name -> query).

        changes: asked where not everything is copied.
        """


@contextmanager
def open_store(settings: Settings, *, read_only: bool = False) -> Iterator[Store]:
    """The warehouse of this deployment, closed at the end of the block; on DuckDB made unless `read_only`.

    Raises WarehouseBusyError while another process writes it, WarehouseError where it cannot be used.
    """
    if settings.bigquery is None:
        from include.store_duckdb import open_duckdb  # noqa: PLC0415 - one engine is enough

        with open_duckdb(settings, read_only=read_only) as local:
            yield local
    else:
        from include.store_bigquery import open_bigquery  # noqa: PLC0415 - Google's client takes a second to import

        with open_bigquery(settings, settings.bigquery) as remote:
            yield remote
