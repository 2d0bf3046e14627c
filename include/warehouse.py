"""Opening the warehouse file of this machine, with errors that say what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from include.settings import Settings

HOLDER = re.compile(r"\((PID \d+)\)")


class WarehouseError(RuntimeError):
    """The warehouse file cannot be opened; the message says why and what to do."""


class WarehouseBusyError(WarehouseError):
    """Another process has the warehouse file open for writing."""


class NotBuiltError(WarehouseError):
    """The warehouse lacks the tables that are asked for; the message says how to get them."""


def release() -> None:
    """Make dbt let go of the warehouse file: dbt-duckdb keeps it open in the process that called dbt."""
    connections = sys.modules.get("dbt.adapters.duckdb.connections")
    if connections is not None:
        connections.DuckDBConnectionManager.close_all_connections()


def explain(settings: Settings, error: duckdb.Error) -> WarehouseError:
    """The same failure to open the warehouse in words that say what to do."""
    path = settings.warehouse
    text = str(error).replace(str(path), path.name)
    if "Could not set lock on file" in text:
        holder = HOLDER.search(text)
        return WarehouseBusyError(
            f"{path} is open in another process{f' ({holder[1]})' if holder else ''}. "
            "Close it there, or wait until it is done."
        )
    if "storage version" in text:
        return WarehouseError(
            f"{path} was written by a DuckDB that this one ({duckdb.__version__}) cannot read. Install the DuckDB of "
            f"requirements.txt or newer, or move the file away to have it built again. DuckDB says: {text}"
        )
    if "Permission denied" in text:
        return WarehouseError(f"{path} cannot be opened: no right to it. Give this user read and write rights.")
    return WarehouseError(f"{path} cannot be opened: {text}. Move it away to have it built again.")


@contextmanager
def open_warehouse(settings: Settings, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse, closed at the end of the block. Makes the file unless `read_only`.

    Raises WarehouseBusyError when another process writes it, WarehouseError when it cannot be opened otherwise.
    """
    release()
    try:
        connection = duckdb.connect(str(settings.warehouse), read_only=read_only)
    except duckdb.Error as error:
        raise explain(settings, error) from error
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def open_built(settings: Settings, *tables: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """As open_warehouse, where these tables were built.

    Raises NotBuiltError where they were not, else as open_warehouse.
    """
    missing = NotBuiltError(f"{settings.warehouse} is not built yet; run attribution_microbatch, then this again")
    if not settings.warehouse.exists():
        raise missing
    with open_warehouse(settings) as warehouse:
        names = {name for (name,) in warehouse.execute("select table_name from duckdb_tables()").fetchall()}
        if not names.issuperset(tables):
            raise missing
        yield warehouse
