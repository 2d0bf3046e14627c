"""The first half of a deletion: requests are taken up before the tables are built again (confirm.py has the second).

Every step may be repeated: whoever dies on the way is followed by a run that does the same again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from include.deletion.duckdb_engine import Files, open_files, rest_of_files, take_covered
from include.deletion.requests import Request, read_requests, resolve
from include.deletion.tombstones import STAGED_ROWS
from include.journal import read_again
from include.landed_rows import DELETED, Outside, Scrubbed, log_outside
from include.settings import Settings
from include.store import Store, Table
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
