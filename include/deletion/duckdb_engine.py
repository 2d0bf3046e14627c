"""Deletion on DuckDB: the tombstones are a file of the home, landed rows lie in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb

from include.deletion.tombstones import DUCKDB, TABLE, Tombstone, add_tombstones, arrays, read_tombstones
from include.history import earliest, read_history, write_history
from include.landed_rows import Outside, Scrubbed, scrub_files
from include.published_file import literal, quoted
from include.settings import Settings
from include.store_duckdb import DuckDB
from include.warehouse import open_built

#: What tells whose a row is.
NEEDED_TABLES = ("stg_ga_events", "stg_streamed_events", "int_events", "int_journal")

_TABLES_WITH = """
select c.table_name from duckdb_columns() as c
inner join duckdb_tables() as t on t.table_oid = c.table_oid and t.database_name = c.database_name
where c.column_name = $name and c.database_name = $database order by 1
"""

_PLACES = f"""
select place from {DUCKDB.covered("landed_rows")} as c
union
select r.place from landed_rows as r
inner join unnest(cast($ids as varchar[])) as id on contains(r.line, '"' || id || '"')
"""  # noqa: S608 - constants

_MAKE = f"create or replace temp table {TABLE} as {DUCKDB.given}"


class Files:
    """The engine of a deletion on DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        """The caller opens and closes the connection."""
        self.store, self.dialect, self.settings = DuckDB(connection, settings), DUCKDB, settings
        self._show(read_tombstones(settings))

    def add_tombstones(self, added: Iterable[Tombstone]) -> None:
        """Put them into the file; one for the same rows as one there moves it on to the later `deleted_at`."""
        self._show(add_tombstones(self.settings, added))

    def _show(self, tombstones: Sequence[Tombstone]) -> None:
        self.store.connection.execute(_MAKE, arrays(tombstones))

    def keep_first_event(self) -> None:
        """Remember the first event of all, which may go: other people's look-back stays what it was (T4)."""
        ((first,),) = self.store.rows("select min(event_at) from int_events where is_timely")
        history = read_history(self.settings)
        write_history(self.settings, replace(history, first_event_at=earliest(history.first_event_at, first)))

    def tables_with(self, column: str) -> tuple[dict[str, str], dict[str, str]]:
        """The tables that have this column, by what they are called: of the warehouse, and of what readers see."""
        here, there = self.settings.warehouse, self.settings.published
        if there.exists():
            self.store.connection.execute(f"attach if not exists {literal(there)} as published_marts (read_only)")
        return self._tables(column, here.stem, here), self._tables(column, "published_marts", there)

    def _tables(self, column: str, database: str, path: Path) -> dict[str, str]:
        names = self.store.rows(_TABLES_WITH, name=column, database=database)
        return {f"{name} of {path}": f"{quoted(database)}.{quoted(name)}" for (name,) in names}

    def forget(self) -> None:
        """Nothing: what steers a run on DuckDB goes with it."""


@contextmanager
def open_files(settings: Settings) -> Iterator[Files]:
    """The warehouse file, with the tombstones in a temporary table.

    Raises NotBuiltError where it is not built, else as open_warehouse.
    """
    with open_built(settings, *NEEDED_TABLES) as warehouse:
        yield Files(warehouse, settings)


def take_covered(settings: Settings, ids: Sequence[str], *, only_look: bool = False) -> Scrubbed:
    """Take every covered row out of every landed file that may be written; `only_look` names the files instead.

    ids: with them goes every streamed line that is no JSON and holds one of them in quotes.
    """
    tombstones = read_tombstones(settings)
    if not tombstones:
        return Scrubbed()
    with duckdb.connect() as connection:
        connection.execute(_MAKE, arrays(tombstones))
        found = scrub_files(connection, settings, _PLACES, {"ids": list(ids)}, "look" if only_look else "rewrite")
    # without an open request nobody has to know which files of the user cannot be searched
    return found if ids else replace(found, outside=tuple(one for one in found.outside if one.rows is not None))


def rest_of_files(settings: Settings, ids: Sequence[str]) -> tuple[list[str], tuple[Outside, ...]]:
    """The files of ours that still hold covered rows, with open requests those that cannot be searched, and others."""
    landed = take_covered(settings, ids, only_look=True)
    return [*landed.problems, *(landed.unsearched if ids else ())], landed.outside
