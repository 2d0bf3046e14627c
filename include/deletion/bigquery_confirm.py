"""The second half of a deletion on BigQuery, after the tables were built again and published: is everything gone?"""

from __future__ import annotations

from collections.abc import Iterator

from include.deletion.bigquery_scrub import REMEDY, Found, look, outside
from include.deletion.bigquery_take import require_built
from include.deletion.bigquery_tombstones import STAGED_ROWS, covered
from include.deletion.receipts import receipts
from include.deletion.requests import Requests
from include.landed_rows import Outside
from include.settings import BigQuery, Settings
from include.store_bigquery import BigQueryStore, open_bigquery
from include.transform import read_manifest
from include.trim import finished_batches
from include.warehouse import NotBuiltError

_AGAIN = "run attribution_upkeep again"

_EVENT_ROWS = """(
    select user_id, user_pseudo_id, event_key as event_id, event_at, received_at from int_events where bucket >= 0
)"""

#: The devices of those asked for, as far as int_lookup has ever known them: it forgets nothing by itself.
_DEVICES = """
select distinct device_key from int_lookup
where bucket >= 0 and (device_key in unnest($keys) or (kind = 'person' and key in unnest($keys)))
"""

#: What int_lookup has to name (dbt/macros/dialect/lookup.sql).
_HELD = " union all ".join(
    f"select '{model}' as model, '{kind}' as kind, {column} as key, device_key from {model} where bucket >= 0"  # noqa: S608
    for model, kind, column in (
        ("stg_ga_events", "shard", "shard"),
        ("stg_ga_events", "event", "event_key"),
        ("stg_streamed_events", "shard", "shard"),
        ("stg_streamed_events", "event", "event_key"),
        ("int_events", "person", "person_id"),
    )
)

#: Entries of these devices that no row stands behind any more.
_FORGET_LOOKUP = f"""
delete from int_lookup
where bucket >= 0 and device_key in unnest($devices)
    and to_json_string(struct(model, kind, key, device_key)) not in (
        select to_json_string(struct(h.model, h.kind, h.key, h.device_key)) from ({_HELD}) as h
    )
"""  # noqa: S608 - constants

#: Keys of theirs, of batches that readers have and no model waits for: nobody reads these any more.
_FORGET_KEYS = """
delete from int_journal where entry in ('device_key', 'person_id') and touched_key in unnest($keys)
and batch_id in unnest($finished)
"""

_KEYS_LEFT = """(
    select 1 from int_journal as j
    where j.entry in ('device_key', 'person_id') and j.touched_key in unnest($keys)
        and j.touched_key not in (select person_id from int_events where bucket >= 0)
        and j.touched_key not in (select device_key from int_events where bucket >= 0)
)"""

#: Of a requested person who has no event any more.
_STALE = """(
    select 1 from {table} as x
    where x.person_id in unnest($ids) and x.person_id not in (select person_id from int_events where bucket >= 0)
)"""

_STALE_LINES = """(
    select 1 from {quarantine} as q
    inner join unnest($ids) as id on strpos(q.payload, concat('"', id, '"')) > 0
    left join int_quarantine as w on w.shard = q.shard and w.payload = q.payload
    where w.shard is null
)"""


def look_for_rest(settings: Settings, place: BigQuery, found: Requests) -> tuple[list[str], tuple[Outside, ...]]:
    """What is left of the requests, each with the place and what to do, and what is left outside.

    Forgets their keys and pins on the way. Raises WarehouseError where BigQuery cannot be used.
    """
    with open_bigquery(settings, place) as store:
        try:
            require_built(store)
        except NotBuiltError as error:
            return [str(error)], ()
        landed = look(store, [one.id for one in found.requests])
        left = list(_rest(store, found, landed, finished_batches(store, read_manifest(settings))))
        return left, () if settings.erase_from_export else outside(store, landed)


def _rest(store: BigQueryStore, found: Requests, landed: Found, finished: list[str]) -> Iterator[str]:
    handled = receipts(store)
    yield from (f"{one.place} was not taken up yet; {_AGAIN}" for one in found.requests if one.receipt not in handled)
    ids = [one.id for one in found.requests]
    if store.settings.erase_from_export:
        for table, (_, count) in landed.exported.items():
            yield f"{store.place.export}.{table} still holds {count} rows of theirs. {REMEDY}"
    if landed.streamed:
        yield f"streamed_events still holds {len(landed.streamed)} rows of theirs; {_AGAIN}"
    forget(store, ids, finished)
    for name, rows in (("the staging tables", STAGED_ROWS), ("int_events", _EVENT_ROWS)):
        yield from _count(store, name, covered(rows))
    for dataset in (store.place.dataset, store.place.published):
        for table in store.tables_with("person_id", dataset):
            yield from _count(store, table, _STALE.format(table=table), ids=ids)
    for table in store.tables_with("payload", store.place.published):
        yield from _count(store, table, _STALE_LINES.format(quarantine=table), ids=ids)
    left = "int_journal (a batch of theirs is not published yet)"
    yield from _count(store, left, _KEYS_LEFT, keys=_keys(ids))


def forget(store: BigQueryStore, ids: list[str], finished: list[str]) -> None:
    """Take what names them out of the tables that steer a run: pins of past runs, int_lookup, the journal's batches."""
    keys = _keys(ids)
    store.drop_temporary()
    store.run(_FORGET_KEYS, keys=keys, finished=finished)
    devices = [device for (device,) in store.rows(_DEVICES, keys=keys)]
    if devices:
        store.run(_FORGET_LOOKUP, devices=devices)


def _keys(ids: list[str]) -> list[str]:
    return [*ids, *(f"user:{one}" for one in ids)]


def _count(store: BigQueryStore, name: str, rows: str, **values: list[str]) -> Iterator[str]:
    ((count,),) = store.rows(f"select count(*) from {rows} as r", **values)  # noqa: S608
    if count:
        yield f"{count} rows are left in {name}; {_AGAIN}"
