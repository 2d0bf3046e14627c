"""The first half of a deletion: from request files to tombstones, shards to be read again and scrubbed landed rows.

Every step may be repeated: whoever dies on the way is followed by a run that does the same again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from include.deletion.engine import Engine, opened, scrub
from include.deletion.receipts import record
from include.deletion.requests import Request, read_requests
from include.deletion.resolve import resolve
from include.deletion.tombstones import STAGED_ROWS
from include.journal import STAGING, read_again
from include.landed_rows import DELETED, Outside, log_outside
from include.settings import Settings
from include.warehouse import NotBuiltError

log = logging.getLogger(__name__)


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
    record(store, resolved, now)
    staged = STAGED_ROWS.format(**store.parts_of("every", [], *STAGING))
    shards: dict[str, list[str]] = {}
    for model, shard in store.rows(f"select distinct model, shard from {engine.dialect.covered(staged)} as c"):  # noqa: S608
        shards.setdefault(model, []).append(shard)
    read_again(store, shards)
    unknown = tuple(
        f"{one.request.place}: no row here is of this {one.request.kind}; rows that arrive later will not be taken in"
        for one in resolved
        if not one.rows
    )
    for message in unknown:
        log.warning("%s", message)
    return unknown
