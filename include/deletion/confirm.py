"""The second half of a deletion, after the tables were built again and published: is everything gone?"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from include.compact import compact
from include.deletion.receipts import DELETIONS, receipts
from include.deletion.requests import Requests, read_requests
from include.deletion.resolve import STAGED_ROWS
from include.deletion.take import NEEDED_TABLES, scrub_deleted
from include.deletion.tombstones import cover, put_tombstones, read_tombstones
from include.landed_rows import DELETED, Outside, log_outside
from include.landing import file_version
from include.settings import BigQuery, Settings
from include.store import open_store
from include.store_duckdb import DuckDB, literal, quoted
from include.transform import read_manifest
from include.trim import finished_batches
from include.warehouse import NotBuiltError, open_built

log = logging.getLogger(__name__)

_AGAIN = "run attribution_upkeep again"

_EVENT_ROWS = "(select *, event_key as event_id from int_events)"

#: Keys of theirs, of batches that readers have and no model waits for: nobody reads these any more.
_FORGET_KEYS = """
delete from int_journal where entry in ('device_key', 'person_id')
and touched_key in (select key from asked_keys) and batch_id in (select * from unnest($finished))
"""

_REMOVED = """
update deletions set state = 'removed'
where request_file = $request_file and file_version = $file_version and line = $line and key_hash = $key_hash
"""


class DeletionError(RuntimeError):
    """A deletion is not complete; the message says what is left where, or which request was refused, and why."""


@dataclass(frozen=True)
class Confirmed:
    """requests: request files that were open; removed: persons and devices whose rows are gone from all that is ours.

    outside: rows of deleted people and devices in the user's files or tables; on BigQuery those of these requests.
    """

    requests: int = 0
    removed: int = 0
    outside: tuple[Outside, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


def confirm_removed(settings: Settings) -> Confirmed:
    """Make sure that no row of an open request is left in what is ours, write its receipt and delete its file.

    Rows in the user's files and tables are named, and are no error.

    Raises DeletionError naming every refused file and every place where something is left (those files stay open),
    WarehouseError when the warehouse cannot be opened.
    """
    found = read_requests(settings)
    if settings.bigquery is None:
        left, outside = _left_in_files(settings, found)
    else:
        left, outside = _left_in_bigquery(settings, settings.bigquery, found)
    log_outside(outside, DELETED)
    if found.requests and not left:
        _close(settings, found)
    if left or found.refused:
        raise DeletionError("; ".join([*left, *found.refused]))
    return Confirmed(len(found.files), len(found.requests), outside)


def _left_in_files(settings: Settings, found: Requests) -> tuple[list[str], tuple[Outside, ...]]:
    """What is left in the tables and in our files, and what lies outside."""
    ids = [one.id for one in found.requests]
    landed = scrub_deleted(settings, read_tombstones(settings), ids, only_look=True)
    left = list(landed.problems)
    if found.requests:
        left += landed.unsearched
        try:
            with open_built(settings, *NEEDED_TABLES) as warehouse:
                left += _look(warehouse, settings, found)
        except NotBuiltError as error:
            left.append(str(error))
    return left, landed.outside


def _left_in_bigquery(settings: Settings, place: BigQuery, found: Requests) -> tuple[list[str], tuple[Outside, ...]]:
    """The same on BigQuery."""
    if not found.requests:
        return [], ()
    # Google's client takes a second to import, which nobody pays on DuckDB
    from include.deletion.bigquery_confirm import look_for_rest  # noqa: PLC0415

    return look_for_rest(settings, place, found)


def _close(settings: Settings, found: Requests) -> None:
    if settings.bigquery is None:
        compact(settings)
    with open_store(settings) as store:
        for one in found.requests:
            values = zip(DELETIONS.key, one.receipt, strict=True)
            store.run(_REMOVED, **dict(values))
    versions = {one.path: one.version for one in found.requests}
    for path in found.files:
        if path.exists() and file_version(path) == versions[path]:  # else it is another request by now
            path.unlink()
        log.info("everything that %s asked for is removed", path.name)


def _look(warehouse: duckdb.DuckDBPyConnection, settings: Settings, found: Requests) -> Iterator[str]:
    store = DuckDB(warehouse, settings)
    handled = receipts(store)
    yield from (f"{one.place} was not taken up yet; {_AGAIN}" for one in found.requests if one.receipt not in handled)
    put_tombstones(warehouse, read_tombstones(settings))
    warehouse.execute(
        "create or replace temp table asked as select unnest(?) as id", [[one.id for one in found.requests]]
    )
    warehouse.execute(
        "create or replace temp table asked_keys as select id as key from asked union select 'user:' || id from asked"
    )
    for name, rows in (("the staging tables", STAGED_ROWS), ("int_events", _EVENT_ROWS)):
        cover(warehouse, rows)
        yield from _count(warehouse, name, "covered")
    yield from _stale_people(warehouse, None, settings.warehouse)
    if settings.published.exists():
        warehouse.execute(f"attach {literal(settings.published)} as published_marts (read_only)")
        yield from _stale_people(warehouse, "published_marts", settings.published)
        yield from _count(
            warehouse,
            f"quarantine of {settings.published}",
            """(
                select q.* from published_marts.quarantine as q
                inner join asked as a on contains(q.payload, '"' || a.id || '"')
                anti join int_quarantine as w on w.shard = q.shard and w.payload = q.payload
            )""",
        )
        warehouse.execute("detach published_marts")
    store.run(_FORGET_KEYS, finished=finished_batches(store, read_manifest(settings)))
    yield from _count(
        warehouse,
        "int_journal (a batch of theirs is not published yet)",
        "(select * from int_journal where entry in ('device_key', 'person_id')"
        " and touched_key in (select key from asked_keys) and not exists ("
        " select 1 from int_events as e where e.person_id = touched_key or e.device_key = touched_key))",
    )


def _stale_people(warehouse: duckdb.DuckDBPyConnection, database: str | None, path: Path) -> Iterator[str]:
    """Tables with rows of a requested person who has no event any more."""
    tables = warehouse.execute(
        "select c.table_name from duckdb_columns() as c"
        " inner join duckdb_tables() as t on t.table_oid = c.table_oid and t.database_name = c.database_name"
        " where c.column_name = 'person_id' and c.database_name = coalesce(?, current_database()) order by 1",
        [database],
    ).fetchall()
    prefix = f"{quoted(database)}." if database else ""
    for (table,) in tables:
        yield from _count(
            warehouse,
            f"{table} of {path}",
            f"(select * from {prefix}{quoted(table)} as x where x.person_id in (select id from asked)"  # noqa: S608
            " and not exists (select 1 from int_events as e where e.person_id = x.person_id))",
        )


def _count(warehouse: duckdb.DuckDBPyConnection, name: str, rows: str) -> Iterator[str]:
    count = warehouse.execute(f"select count(*) from {rows} as r").fetchall()[0][0]  # noqa: S608
    if count:
        yield f"{count} rows are left in {name}; {_AGAIN}"
