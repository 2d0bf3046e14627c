"""The warehouse as a DuckDB file, and the published file beside it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from include.landing import landed
from include.published_file import PUBLISHED_FILES, PublishedFileWriter, as_text, quoted, read_state
from include.settings import Settings
from include.store import Changes, Kind, Store, Table, Versions
from include.warehouse import open_warehouse

log = logging.getLogger(__name__)

_TYPES: Mapping[Kind, str] = {
    "text": "varchar",
    "integer": "bigint",
    "number": "double",
    "money": "decimal(18, 2)",
    "timestamp": "timestamp",
    "date": "date",
    "boolean": "boolean",
}

#: A file's version (include/landing.py): nanoseconds, bytes.
_CHANGED = re.compile(r"([0-9]{16,19})-[0-9]+")

_VALUE = re.compile(r"\$(\w+)")


class DuckDB(Store):
    """A Store on an open connection (include/store.py)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        """The caller opens and closes the connection."""
        self.connection, self.settings = connection, settings

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401
        return self.connection.execute(query, values or None).fetchall()

    def run(self, *statements: str, **values: Any) -> None:  # noqa: ANN401
        self.connection.begin()
        try:
            for statement in statements:
                used = {name: values[name] for name in _VALUE.findall(statement)}
                self.connection.execute(statement, used or None)
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise

    def has(self, *tables: str) -> bool:
        found = {name for (name,) in self.connection.execute("select table_name from duckdb_tables()").fetchall()}
        return found.issuperset(tables)

    def count(self, table: str) -> int:
        ((rows,),) = self.rows(f"select count(*) from {quoted(table)}")  # noqa: S608 - quoted
        return int(rows)

    def marts(self, prefix: str) -> list[str]:
        query = "select table_name from information_schema.tables where starts_with(table_name, $prefix) order by 1"
        return [name for (name,) in self.rows(query, prefix=prefix)]

    def append(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        if rows:
            names = dict.fromkeys(name for row in rows for name in row)
            self.connection.register("appended", pa.table({name: [row.get(name) for row in rows] for name in names}))
            try:
                self.connection.execute(f"insert into {quoted(table)} by name from appended")
            finally:
                self.connection.unregister("appended")

    def make(self, table: Table) -> None:
        columns = [f"{name} {_TYPES[kind]}" for name, kind in table.columns.items()]
        key = [f"primary key ({', '.join(table.key)})"] if table.key else []
        self.connection.execute(f"create table if not exists {table.name} ({', '.join([*columns, *key])})")
        there = {name for name, *_ in self.connection.execute(f"describe {table.name}").fetchall()}
        for name in table.columns.keys() - there:
            self.connection.execute(f"alter table {table.name} add column {name} {_TYPES[table.columns[name]]}")

    def put(self, table: Table, row: Mapping[str, Any]) -> None:
        self.make(table)
        marks = ", ".join(f"${name}" for name in row)
        verb = "insert or replace into" if table.key else "insert into"
        insert = f"{verb} {table.name} ({', '.join(row)}) values ({marks})"
        self.run(*([] if table.key else [f"delete from {table.name}"]), insert, **row)  # noqa: S608 - a constant

    def landed(self, start: date | None, end: date | None) -> Versions:
        found = landed(self.settings, start, end)
        return {model: {shard.name: shard.version for shard in shards} for model, shards in found.items()}

    def landed_at(self, shards: Versions) -> dict[str, datetime]:
        """The time of the file's last change, which its version says; of a table of several files none."""
        versions = {shard: _CHANGED.fullmatch(version) for found in shards.values() for shard, version in found.items()}
        return {
            shard: datetime.fromtimestamp(int(changed[1]) / 1e9, UTC).replace(tzinfo=None)
            for shard, changed in versions.items()
            if changed
        }

    def in_view(self, known: Versions, found: Versions) -> Versions:
        return known

    def published_rows(self, query: str) -> list[tuple[Any, ...]] | None:
        path = self.settings.published
        if not path.exists():
            return None
        try:
            with duckdb.connect(str(path), read_only=True) as published:
                return published.execute(query).fetchall()
        except duckdb.Error as error:
            log.warning("%s cannot be read and will be written anew: %s", path, error)
            return None

    def publish(
        self, copies: Mapping[str, str], made: Mapping[str, str], run_id: str, changes: Callable[[], Changes]
    ) -> None:
        """Give the published file's name to one that holds these tables: a reader keeps what it opened.

        The file is read-only, for its readers alone (PUBLISHED_READERS). The log of a program that wrote into the old
        one all the same goes first: with the new file DuckDB could open neither.

        Raises OSError when the folder cannot be written.
        """
        self.make(PUBLISHED_FILES)
        text = next((text for (text,) in self.rows("select state from published_files")), None)
        published = PublishedFileWriter(self.connection, self.settings, changes())
        self.put(PUBLISHED_FILES, {"state": as_text(published.publish(read_state(text), copies, made))})


@contextmanager
def open_duckdb(settings: Settings, *, read_only: bool = False) -> Iterator[DuckDB]:
    """The warehouse file; an empty one in memory where there is none to read.

    Raises WarehouseBusyError when another process writes it, WarehouseError when it cannot be opened otherwise.
    """
    if read_only and not settings.warehouse.exists():
        with duckdb.connect() as nothing:
            yield DuckDB(nothing, settings)
    else:
        with open_warehouse(settings, read_only=read_only) as connection:
            yield DuckDB(connection, settings)
