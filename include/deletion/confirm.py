"""The second half of a deletion: it is confirmed after the tables were built again and published.

Every step may be repeated, as those of the first (process.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from include.compact import compact
from include.deletion.process import DELETIONS, Engine, landed_rest, opened, receipts
from include.deletion.requests import Requests, read_requests
from include.deletion.tombstones import STAGED_ROWS
from include.journal import finished_batches
from include.landed_rows import DELETED, Outside, log_outside
from include.landing import file_version
from include.settings import Settings
from include.store import Store, open_store
from include.transform import read_manifest
from include.warehouse import NotBuiltError

log = logging.getLogger(__name__)

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
