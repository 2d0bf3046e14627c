"""The two halves of a deletion: taken up before the tables are built again, confirmed after they were published.

Every step may be repeated: whoever dies on the way is followed by a run that does the same again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from include.compact import compact
from include.deletion.duckdb_engine import Files, open_files, rest_of_files, take_covered
from include.deletion.requests import Request, Requests, read_requests, resolve
from include.deletion.tombstones import STAGED_ROWS
from include.journal import finished_batches, read_again
from include.landed_rows import DELETED, Outside, Scrubbed, log_outside
from include.landing import file_version
from include.settings import Settings
from include.store import Store, Table, open_store
from include.transform import read_manifest
from include.warehouse import NotBuiltError

if TYPE_CHECKING:
    from include.deletion.bigquery_engine import Tables

log = logging.getLogger(__name__)

#: An open warehouse in which TABLE holds the tombstones; both have the same methods.
Engine: TypeAlias = "Files | Tables"


@dataclass(frozen=True)
class Taken:
    """What was asked for and done. No text holds an id: requests are told by file and line.

    unknown: requests for ids that no row here has; refused: request files that cannot be followed.
    problems: what keeps rows in the landing zone, with the remedy. outside: theirs in the user's files or tables.
    """

    requests: int = 0
    persons_and_devices: int = 0
    unknown: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    landing_rows: int = 0
    landing_files: int = 0
    outside: tuple[Outside, ...] = ()


def take_requests(settings: Settings, *, now: datetime) -> Taken:
    """Write the tombstones of every open request, and take what they cover out of the landing zone.

    What lies in files or tables of the user is named, and written with ERASE_FROM_EXPORT alone.

    The next run of dbt takes it out of the tables; confirm_removed says whether it is gone. Rows that a re-export
    brought back into the landing zone are taken out too, on DuckDB whether a request is open or not; on BigQuery, where
    looking for them reads every landed row, with the next request. Staging never takes them in.

    Raises WarehouseError when the warehouse cannot be used, TombstoneError or HistoryError when a state file is
    damaged, OSError when the home cannot be written.
    """
    found = read_requests(settings)
    for message in found.refused:
        log.error("%s", message)
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    if found.requests:
        try:
            with opened(settings) as engine:
                unknown = handle(engine, found.requests, int(now.timestamp() * 1_000_000))
        except NotBuiltError as error:
            problems = (str(error),)
    scrubbed = scrub(settings, [one.id for one in found.requests])
    problems += scrubbed.problems + (scrubbed.unsearched if found.requests else ())
    for message in problems:
        log.error("%s", message)
    log_outside(scrubbed.outside, DELETED)
    return Taken(
        requests=len(found.files),
        persons_and_devices=len(found.requests),
        unknown=unknown,
        refused=found.refused,
        problems=problems,
        landing_rows=scrubbed.rows,
        landing_files=scrubbed.files,
        outside=scrubbed.outside,
    )


def handle(engine: Engine, requests: Sequence[Request], now: int) -> tuple[str, ...]:
    """Write the tombstones and receipts of the requests, and have the shards that hold their rows read again.

    now: microseconds since 1970 UTC. Returns a message, which is logged, for each request of which no row is here.
    """
    store = engine.store
    resolved = resolve(store, engine.dialect, requests, now)
    engine.keep_first_event()
    engine.add_tombstones(one for theirs in resolved for one in theirs.tombstones)
    known = receipts(store)  # that of a request that is handled again stays as it was
    handled_at = datetime.fromtimestamp(now / 1_000_000, UTC).replace(tzinfo=None)
    for one in resolved:
        if one.request.receipt not in known:
            row = {"kind": one.request.kind, "handled_at": handled_at, "staged_rows": one.rows, "state": "open"}
            store.put(DELETIONS, {**dict(zip(DELETIONS.key, one.request.receipt, strict=True)), **row})
    covered = engine.dialect.covered(STAGED_ROWS)
    read_again(store, store.rows(f"select distinct model, shard from {covered} as c"))  # noqa: S608 - constants
    unknown = tuple(
        f"{one.request.place}: no row here is of this {one.request.kind}; rows that arrive later will not be taken in"
        for one in resolved
        if not one.rows
    )
    for message in unknown:
        log.warning("%s", message)
    return unknown


DELETIONS = Table(
    "deletions",
    {
        "request_file": "text",
        "file_version": "text",
        "line": "integer",
        "key_hash": "text",
        "kind": "text",
        "handled_at": "timestamp",
        "staged_rows": "integer",
        "state": "text",
    },
    key=("request_file", "file_version", "line", "key_hash"),
)


def receipts(store: Store) -> set[tuple[str, str, int, str]]:
    """Request.receipt of every request that was ever handled."""
    store.make(DELETIONS)
    return {(row[0], row[1], row[2], row[3]) for row in store.rows(f"select {', '.join(DELETIONS.key)} from deletions")}  # noqa: S608


_AGAIN = "run attribution_upkeep again"

_EVENT_ROWS = """(
    select user_id, user_pseudo_id, event_key as event_id, event_at, received_at from int_events as e
)"""

#: Of a requested person who has no event any more.
_STALE = """(
    select 1 from {table} as x
    where x.person_id in (select * from unnest($ids))
        and x.person_id not in (select e.person_id from int_events as e)
)"""

#: Days of their devices, and their logins there, that no event stands behind any more.
STALE_DAYS = """(
    select device_key, event_date, user_id
    from (
        select device_key, event_date, first_user as user_id from int_device_days
        union distinct
        select device_key, event_date, last_user from int_device_days
    ) as d
    where device_key in (select * from unnest($keys)) or user_id in (select * from unnest($ids))
    except distinct
    (
        select device_key, event_date, user_id from int_events
        union distinct
        select device_key, event_date, null from int_events
    )
)"""

#: Of the quarantine that readers see, what the warehouse's does not hold any more.
_STALE_LINES = """(
    select 1 from {table} as q
    inner join unnest($ids) as id on strpos(q.payload, '"' || id || '"') > 0
    left join int_quarantine as w on w.shard = q.shard and w.payload = q.payload
    where w.shard is null
)"""

#: Keys of theirs, of batches that readers have and no model waits for: nobody reads these any more.
_FORGET_KEYS = """
delete from int_journal where entry in ('device_key', 'person_id')
and touched_key in (select * from unnest($keys)) and batch_id in (select * from unnest($finished))
"""

_KEYS_LEFT = """(
    select 1 from int_journal as j
    where j.entry in ('device_key', 'person_id') and j.touched_key in (select * from unnest($keys))
        and j.touched_key not in (select e.person_id from int_events as e)
        and j.touched_key not in (select e.device_key from int_events as e)
)"""

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


def confirm_removed(settings: Settings) -> Confirmed:
    """Make sure that no row of an open request is left in what is ours, write its receipt and delete its file.

    Rows in the user's files and tables are named, and are no error.

    Raises DeletionError naming every refused file and every place where something is left (those files stay open),
    WarehouseError when the warehouse cannot be opened.
    """
    found = read_requests(settings)
    left, outside = landed_rest(settings, [one.id for one in found.requests])
    if found.requests:
        try:
            with opened(settings) as engine:
                left += _rest(settings, engine, found)
        except NotBuiltError as error:
            left.append(str(error))
    log_outside(outside, DELETED)
    if found.requests and not left:
        _close(settings, found)
    if left or found.refused:
        raise DeletionError("; ".join([*left, *found.refused]))
    return Confirmed(len(found.files), len(found.requests), outside)


def _rest(settings: Settings, engine: Engine, found: Requests) -> Iterator[str]:
    """What is left in the tables, each with the place and what to do; forgets their keys on the way."""
    store = engine.store
    handled = receipts(store)
    yield from (f"{one.place} was not taken up yet; {_AGAIN}" for one in found.requests if one.receipt not in handled)
    ids = [one.id for one in found.requests]
    keys = [*ids, *(f"user:{one}" for one in ids)]
    store.run(_FORGET_KEYS, keys=keys, finished=finished_batches(store, read_manifest(settings)))
    engine.forget()
    for name, rows in (("the staging tables", STAGED_ROWS), ("int_events", _EVENT_ROWS)):
        yield from _count(store, name, engine.dialect.covered(rows))
    yield from _count(store, "int_device_days", STALE_DAYS, keys=keys, ids=ids)
    for held in engine.tables_with("person_id"):
        for name, table in held.items():
            yield from _count(store, name, _STALE.format(table=table), ids=ids)
    for name, table in engine.tables_with("payload")[1].items():
        yield from _count(store, name, _STALE_LINES.format(table=table), ids=ids)
    left = "int_journal (a batch of theirs is not published yet)"
    yield from _count(store, left, _KEYS_LEFT, keys=keys)


def _count(store: Store, name: str, rows: str, **values: list[str]) -> Iterator[str]:
    ((count,),) = store.rows(f"select count(*) from {rows} as r", **values)  # noqa: S608
    if count:
        yield f"{count} rows are left in {name}; {_AGAIN}"


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


def opened(settings: Settings) -> AbstractContextManager[Engine]:
    """The warehouse of this deployment. Raises NotBuiltError where there are no tables to tell whose a row is."""
    if settings.bigquery is None:
        return open_files(settings)
    # Google's client takes a second to import, which nobody pays on DuckDB
    from include.deletion.bigquery_engine import open_dataset  # noqa: PLC0415

    return open_dataset(settings, settings.bigquery)


def scrub(settings: Settings, ids: Sequence[str]) -> Scrubbed:
    """Take landed rows that a tombstone covers out of what may be written; ids: of the requests that are open.

    With them goes each streamed line that is no JSON and holds one of the ids in quotes. On BigQuery, where looking
    reads every landed row, nothing is done without an open request.
    """
    if settings.bigquery is None:
        return take_covered(settings, ids)
    from include.deletion.bigquery_engine import scrub_tables  # noqa: PLC0415 - as above

    return scrub_tables(settings, settings.bigquery, ids)


def landed_rest(settings: Settings, ids: Sequence[str]) -> tuple[list[str], tuple[Outside, ...]]:
    """What of it is left in what is ours, each with the place and what to do, and what is left outside."""
    if settings.bigquery is None:
        return rest_of_files(settings, ids)
    from include.deletion.bigquery_engine import rest_of_tables  # noqa: PLC0415 - as above

    return rest_of_tables(settings, settings.bigquery, ids)
