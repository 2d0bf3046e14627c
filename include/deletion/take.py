"""The first half of a deletion: from request files to tombstones, shards to be read again and scrubbed landing files.

Every step may be repeated: whoever dies on the way is followed by a run that does the same again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from include.deletion.receipts import record
from include.deletion.requests import Requests, read_requests
from include.deletion.resolve import STAGED_ROWS, Resolved, resolve
from include.deletion.tombstones import Tombstone, add_tombstones, cover, put_tombstones, read_tombstones
from include.history import earliest, read_history, write_history
from include.journal import read_again
from include.landed_rows import (
    DELETED,
    ERASE_ONCE,
    Outside,
    Scrubbed,
    ScrubError,
    UnsearchableError,
    is_writable,
    landing_files,
    log_outside,
    put_landed_rows,
    take_out,
)
from include.landing import file_version
from include.settings import BigQuery, Settings
from include.store_duckdb import DuckDB
from include.warehouse import NotBuiltError, open_built

log = logging.getLogger(__name__)

#: What tells whose a row is.
NEEDED_TABLES = ("stg_ga_events", "stg_streamed_events", "int_events", "int_journal")

_PLACES = """
select place from covered
union
select r.place from landed_rows as r inner join asked as a on contains(r.line, '"' || a.id || '"')
"""


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

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


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
    moment = int(now.timestamp() * 1_000_000)
    if settings.bigquery is None:
        unknown, scrubbed, problems = _take_in_files(settings, found, moment)
    else:
        unknown, scrubbed, problems = _take_in_bigquery(settings, settings.bigquery, found, moment)
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


def _take_in_files(settings: Settings, found: Requests, now: int) -> tuple[tuple[str, ...], Scrubbed, tuple[str, ...]]:
    """Unknown ids, what was taken out of landing files, and what keeps the requests from being handled."""
    unknown: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    if found.requests:
        try:
            with open_built(settings, *NEEDED_TABLES) as warehouse:
                unknown = handle(warehouse, settings, found, now)
        except NotBuiltError as error:
            problems = (str(error),)
    return unknown, scrub_deleted(settings, read_tombstones(settings), [one.id for one in found.requests]), problems


def _take_in_bigquery(
    settings: Settings, place: BigQuery, found: Requests, now: int
) -> tuple[tuple[str, ...], Scrubbed, tuple[str, ...]]:
    """The same on BigQuery."""
    # Google's client takes a second to import, which nobody pays on DuckDB
    from include.deletion.bigquery_take import take  # noqa: PLC0415

    if not found.requests:
        return (), Scrubbed(), ()
    try:
        resolved, scrubbed = take(settings, place, found.requests, now)
    except NotBuiltError as error:
        return (), Scrubbed(), (str(error),)
    return unknown_of(resolved), scrubbed, ()


def handle(warehouse: duckdb.DuckDBPyConnection, settings: Settings, found: Requests, now: int) -> tuple[str, ...]:
    """Write the tombstones and receipts of the requests, and have the shards that hold their rows read again.

    now: microseconds since 1970 UTC. Returns a message for each request of which no row is here.
    """
    resolved = resolve(warehouse, found.requests, now)
    # other people's look-back stays what it was, though the first event of all may go (T4)
    first = warehouse.execute("select min(event_at) from int_events where is_timely").fetchall()[0][0]
    history = read_history(settings)
    write_history(settings, replace(history, first_event_at=earliest(history.first_event_at, first)))
    add_tombstones(settings, (one for theirs in resolved for one in theirs.tombstones))
    record(DuckDB(warehouse, settings), resolved, now)
    mark_covered(warehouse, settings, read_tombstones(settings))
    return unknown_of(resolved)


def unknown_of(resolved: Sequence[Resolved]) -> tuple[str, ...]:
    """A message, which is logged, for each request of which no row is here."""
    unknown = tuple(
        f"{one.request.place}: no row here is of this {one.request.kind}; rows that arrive later will not be taken in"
        for one in resolved
        if not one.rows
    )
    for message in unknown:
        log.warning("%s", message)
    return unknown


def mark_covered(warehouse: duckdb.DuckDBPyConnection, settings: Settings, tombstones: Sequence[Tombstone]) -> int:
    """Have the next run read every shard again of which staging holds a covered row; returns how many."""
    put_tombstones(warehouse, tombstones)
    cover(warehouse, STAGED_ROWS)
    rows = warehouse.execute("select distinct model, shard from covered").fetchall()
    shards: dict[str, list[str]] = {}
    for model, shard in rows:
        shards.setdefault(model, []).append(shard)
    return read_again(DuckDB(warehouse, settings), shards)


def scrub_deleted(
    settings: Settings, tombstones: Sequence[Tombstone], ids: Sequence[str] = (), *, only_look: bool = False
) -> Scrubbed:
    """Take every covered row out of every landed file that may be written; `only_look` names the files instead.

    ids: with them goes every streamed line that is no JSON and holds one of them in quotes.
    """
    total = Scrubbed()
    if not tombstones:
        return total
    with duckdb.connect() as connection:
        put_tombstones(connection, tombstones)
        connection.execute("create temp table asked as select unnest(cast(? as varchar[])) as id", [list(ids)])
        for path in landing_files(settings):
            try:
                total += _scrub_file(connection, settings, path, only_look=only_look)
            except FileNotFoundError:  # withdrawn meanwhile
                continue
            except UnsearchableError as error:
                if is_writable(settings, path):
                    log.warning("%s", error)
                    total += Scrubbed(unsearched=(str(error),))
                elif ids:
                    total += Scrubbed(outside=(Outside(str(path), None, str(error)),))
            except ScrubError as error:
                total += Scrubbed(problems=(str(error),))
    return total


def _scrub_file(connection: duckdb.DuckDBPyConnection, settings: Settings, path: Path, *, only_look: bool) -> Scrubbed:
    version = file_version(path)
    put_landed_rows(connection, settings, path)
    cover(connection, "landed_rows")
    places = [place for (place,) in connection.execute(_PLACES).fetchall()]
    if not places:
        return Scrubbed()
    if not is_writable(settings, path):
        return Scrubbed(outside=(Outside(str(path), len(places), ERASE_ONCE),))
    if only_look:
        raise ScrubError(f"{path} still holds {len(places)} rows; run attribution_upkeep again")
    take_out(path, places, version)
    log.info("took %d rows out of %s", len(places), path)
    return Scrubbed(len(places), 1)
