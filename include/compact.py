"""Writing the warehouse file anew, so that no free block of it holds what was deleted."""

from __future__ import annotations

import duckdb

from include.durable import put
from include.published_file import literal
from include.settings import Settings
from include.warehouse import explain, open_warehouse


def compact(settings: Settings) -> None:
    """Copy the warehouse, tables, views and all, to a new file that takes its place in one step.

    The caller holds the writer's pool: what another process wrote meanwhile would be lost.

    Raises WarehouseError when the file is open elsewhere or cannot be read, OSError when the home cannot be written.
    """
    path = settings.warehouse
    fresh = path.with_name(f".{path.name}.compact")
    _forget(settings)
    with open_warehouse(settings) as warehouse:  # what still stands in its log goes into the file
        warehouse.execute("force checkpoint")
    try:
        with duckdb.connect() as connection:
            connection.execute(f"attach {literal(path)} as warehouse; attach {literal(fresh)} as fresh")
            connection.execute("copy from database warehouse to fresh")
            connection.execute("checkpoint fresh")
        put(fresh, path)
    except duckdb.Error as error:
        raise explain(settings, error) from error
    finally:
        _forget(settings)


def _forget(settings: Settings) -> None:
    fresh = settings.warehouse.with_name(f".{settings.warehouse.name}.compact")
    for path in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        path.unlink(missing_ok=True)
