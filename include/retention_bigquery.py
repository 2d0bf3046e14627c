"""Retention on BigQuery: old rows are deleted from the export and from streamed_events, emptied tables dropped.

Which rows those are is asked of staging, whose columns of times and ids are narrow; a table of the export that staging
does not hold is looked into by itself once all of it is old.
"""

from __future__ import annotations

import logging
from typing import Any

from include.bigquery_errors import explained
from include.deletion.bigquery_scrub import REMEDY, arrival
from include.deletion.bigquery_take import keep_first_event, require_built
from include.journal import STAGING, Touched, read_again, touch
from include.landed_rows import Scrubbed
from include.landing import hidden_by
from include.retention import Done, horizon
from include.retention_needed import AHEAD, CROSSING, IS_OLD, NEEDED, NEEDED_FROM, NEEDED_KEYS, YEAR_2000
from include.settings import BigQuery, Settings
from include.store_bigquery import BigQueryStore, open_bigquery
from include.warehouse import WarehouseError

log = logging.getLogger(__name__)

_NEEDED, _NEEDED_KEYS = "retention__pin", "retention_keys__pin"  # names of what any run removes

_TABLES = {
    **{
        name: f"(select * from {name} where bucket >= 0)"  # noqa: S608 - constants
        for name in ("int_conversions", "int_sessions", "int_events", "stg_ga_events", "stg_streamed_events")
    },
    "mart_sessions": "(select * from mart_sessions where session_date <= date(timestamp_micros($kept_from)))",
    "needed": _NEEDED,
}

#: What says which event a row is, for staging and for a row `e` of the export as staging reads it.
_EVENT = "to_json_string(struct(event_at, event_name, user_pseudo_id, user_id, transaction_id))"
_EXPORTED_EVENT = """to_json_string(struct(
    e.event_timestamp as event_at, nullif(trim(e.event_name, ' '), '') as event_name,
    nullif(trim(e.user_pseudo_id, ' '), '') as user_pseudo_id, nullif(trim(e.user_id, ' '), '') as user_id,
    {order} as transaction_id
))"""
_NOT_NEEDED = f"not in (select {_EVENT} from {_NEEDED})"  # noqa: S608 - constants

_OLD_TABLES = f"select distinct shard from {_TABLES['stg_ga_events']} as s where {IS_OLD} and {_EVENT} {_NOT_NEEDED}"  # noqa: S608

_OLD_LINES = f"""
select shard, line_number from {_TABLES["stg_streamed_events"]} as s
where {IS_OLD} and event_key not in (select event_key from {_NEEDED_KEYS})
"""  # noqa: S608 - constants

_DELETE_LINES = f"""
delete from streamed_events
where received_at >= timestamp '1970-01-01' and concat(batch_id, ':', cast(line_number as string)) in (
    select concat(shard, ':', cast(line_number as string)) from ({_OLD_LINES}) as o
)
"""  # noqa: S608 - constants

_DELETE_EXPORTED = f"""
delete from `{{table}}` as e
where
    {IS_OLD.replace("event_at", "e.event_timestamp").replace("received_at", "$received_at")}
    and {_EXPORTED_EVENT} {_NOT_NEEDED}
"""  # noqa: S608 - constants

#: Tables that staging cannot read (E4).
_SET_ASIDE = """
select touched_key from int_journal where entry = 'rejected' and model = 'stg_ga_events'
"""


def retain_on(settings: Settings, place: BigQuery, wanted: int | None, lookback: int) -> Done | None:
    """As include.retention_duckdb.retain.

    Raises NotBuiltError where something is to be dropped and nothing is built.
    """
    with open_bigquery(settings, place) as store:
        if wanted is None and not store.has("kept_history"):
            return None
        require_built(store)
        ((known,),) = store.rows("select max(kept_from) from kept_history")
        kept_from = horizon(wanted, known)
        if kept_from is None:
            return None
        keep_first_event(store)
        if kept_from != known:
            store.append("kept_history", [{"kept_from": kept_from}])
        crossing = CROSSING.format(**_TABLES, started_us="unix_micros(started_at)")
        people = [person for (person,) in store.rows(crossing, kept_from=kept_from)]
        touch(store, Touched(people=people))
        return Done(kept_from, len(people), _scrub_old(store, kept_from - lookback))


def _scrub_old(store: BigQueryStore, window_from: int) -> Scrubbed:
    ((before,),) = store.rows(NEEDED_FROM.format(**_TABLES), window_from=window_from)
    for name, query in {_NEEDED: NEEDED, _NEEDED_KEYS: NEEDED_KEYS}.items():
        store.run(f"create or replace table {name} as {query.format(**_TABLES)}", before=before)
    given = {"before": before, "least_time": YEAR_2000, "ahead": AHEAD}
    scrubbed = _scrub_lines(store, given) + _scrub_export(store, given)
    store.drop_temporary()
    return scrubbed


def _scrub_lines(store: BigQueryStore, given: dict[str, int]) -> Scrubbed:
    batches = [shard for (shard,) in store.rows(f"select distinct shard from ({_OLD_LINES}) as o", **given)]  # noqa: S608
    if not batches:
        return Scrubbed()
    read_again(store, {STAGING[1]: batches})
    try:
        return Scrubbed(store.delete(_DELETE_LINES, **given), len(batches))
    except WarehouseError as error:
        return Scrubbed(problems=(f"streamed_events holds rows that are too old ({error}). {REMEDY}",))


def _scrub_export(store: BigQueryStore, given: dict[str, int]) -> Scrubbed:
    with explained(store.place):
        names = sorted(item.table_id for item in store.client.list_tables(store.place.export))
    tables = [name for name in names if name.startswith("events_") and name[-8:].isdigit()]
    held = {shard for (shard,) in store.rows(f"select distinct shard from {_TABLES['stg_ga_events']} as s")}  # noqa: S608
    old = {shard for (shard,) in store.rows(_OLD_TABLES, **given)}
    held |= {shard for (shard,) in store.rows(_SET_ASIDE)}
    old |= {table for table in tables if table not in held and arrival(table) < given["before"]}
    # one table stays, or the export would look lost
    newest = max(tables, key=lambda name: (name[-8:], len(hidden_by(name))), default=None)
    total = Scrubbed()
    for table in (name for name in tables if name in old):
        total += _scrub_table(store, table, given, keep_empty=table == newest)
    return total


def _scrub_table(store: BigQueryStore, table: str, given: dict[str, int], *, keep_empty: bool) -> Scrubbed:
    """Delete the old rows; a table without rows goes, with those of its date that it hides (E3)."""
    name = f"{store.place.export}.{table}"
    values: dict[str, Any] = {**given, "received_at": arrival(table)}
    try:
        with explained(store.place):
            columns = {field.name for field in store.client.get_table(name).schema}
        order = (
            "nullif(trim(e.ecommerce.transaction_id, ' '), '')" if "ecommerce" in columns else "cast(null as string)"
        )
        gone = store.delete(_DELETE_EXPORTED.format(table=name, order=order), **values)
        with explained(store.place):
            if not keep_empty and not store.client.get_table(name).num_rows:
                for dropped in (*hidden_by(table), table):
                    store.client.delete_table(f"{store.place.export}.{dropped}", not_found_ok=True)
    except WarehouseError as error:
        return Scrubbed(problems=(f"{name} holds rows that are too old ({error}). {REMEDY}",))
    log.info("took %d old rows out of %s", gone, table)
    return Scrubbed(gone, int(gone > 0))
