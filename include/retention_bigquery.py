"""Retention on BigQuery: old rows are deleted from streamed_events, and those of the export's tables counted.

ERASE_FROM_EXPORT deletes these too and drops tables that lose all rows. Which rows are old is asked of staging, whose
columns of times and ids are narrow; of a table that is old as a whole, metadata and staging tell how many go.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from include.bigquery_errors import explained
from include.deletion.bigquery_engine import keep_first_event, require_built
from include.deletion.bigquery_scrub import REMEDY, STREAMED_LINES, arrival, of_lines
from include.ignored_ids import BIGQUERY_ORDER, BIGQUERY_USER, ignored_ids
from include.journal import STAGING, read_again, touch
from include.landed_rows import Outside, Scrubbed
from include.landing import hidden_by
from include.retention import (
    AHEAD,
    CROSSING,
    DAY_US,
    DROPPED,
    IS_OLD,
    NEEDED,
    NEEDED_FROM,
    NEEDED_KEYS,
    YEAR_2000,
    Done,
    later,
    order_columns,
)
from include.settings import BigQuery, Settings
from include.store_bigquery import BigQueryStore, open_bigquery, written_out
from include.warehouse import WarehouseError

log = logging.getLogger(__name__)

_NEEDED, _NEEDED_KEYS = "retention__dbt_tmp", "retention_keys__dbt_tmp"  # names of what any run removes

#: What the macro kept_events reads.
_KEEP = f"""
create or replace table kept_events as
select cast($before as int64) as rows_from, to_hex(md5(event_key)) as event_hash from {_NEEDED_KEYS}
union all
select $before, null
"""  # noqa: S608 - constants

_TABLES = {
    "mart_sessions": "(select * from mart_sessions where session_date <= date(timestamp_micros($kept_from)))",
    "needed": _NEEDED,
    "needed_keys": _NEEDED_KEYS,
}

#: What says which event a row is, for staging and for a row `e` of the export as staging reads it.
_EVENT = "to_json_string(struct(event_at, event_name, user_pseudo_id, user_id, transaction_id))"
_EXPORTED_EVENT = """to_json_string(struct(
    e.event_timestamp as event_at, nullif(trim(e.event_name, ' '), '') as event_name,
    nullif(trim(e.user_pseudo_id, ' '), '') as user_pseudo_id, {user} as user_id, {order} as transaction_id
))"""
_USER = BIGQUERY_USER.format(id="nullif(trim(e.user_id, ' '), '')")
_ORDER = BIGQUERY_ORDER.format(id="nullif(trim(e.ecommerce.transaction_id, ' '), '')")
_NOT_NEEDED = f"not in (select {_EVENT} from {{needed}})"  # noqa: S608 - constants

#: How many rows of each table staging holds, and how many of these stay.
_HELD = f"""
select shard, count(*), countif(stays)
from (
    select shard, not ({IS_OLD} and event_key not in (select event_key from {_NEEDED_KEYS})) as stays
    from stg_ga_events as s
) as judged
group by shard
"""  # noqa: S608 - constants

_TABLES_OF_EXPORT = """
select table_id, row_count from `{export}.__TABLES__`
where regexp_contains(table_id, r'^events_(fresh_|intraday_)?[0-9]{{8}}$') order by table_id
"""

_OLD_LINES = f"""
select shard, line_number from stg_streamed_events as s
where {IS_OLD} and event_key not in (select event_key from {_NEEDED_KEYS})
"""  # noqa: S608 - constants

_PLACE = "concat({batch}, ':', cast(line_number as string))"
_STAGED_PLACES = f"select {_PLACE.format(batch='shard')} from stg_streamed_events as p"  # noqa: S608

#: Batches with lines that staging does not hold: not read yet, or old when they came.
_PARTLY_STAGED = """
select l.batch_id
from streamed_events as l
left join (select shard, count(*) as staged from stg_streamed_events as p group by shard) as s
    on s.shard = l.batch_id
where l.received_at >= timestamp '1970-01-01'
group by l.batch_id
having count(*) > coalesce(max(s.staged), 0)
"""

_LATE_LINES = f"""
with {STREAMED_LINES}
select batch_id as shard, line_number from landed
where
    batch_id in unnest($batches) and {IS_OLD}
    and {_PLACE.format(batch="batch_id")} not in ({_STAGED_PLACES})
    and coalesce(to_hex(md5(event_id)), '') not in (select event_hash from kept_events where event_hash is not null)
"""  # noqa: S608 - constants

_DELETE_LINES = f"""
delete from streamed_events
where received_at >= timestamp '1970-01-01' and {_PLACE.format(batch="batch_id")} in (
    select {_PLACE.format(batch="shard")} from ({{lines}}) as o
)
"""  # noqa: S608 - constants

_OLD_ROWS = f"""
from `{{table}}` as e
where
    {IS_OLD.replace("event_at", "e.event_timestamp").replace("received_at", "$received_at")}
    and {_EXPORTED_EVENT} {_NOT_NEEDED}
"""

#: The needed events in a statement by hand: staging, once it has left the others out.
_STAGED = "`{project}.{dataset}.stg_ga_events` where event_at < $before"

#: Tables that staging cannot read (E4).
_SET_ASIDE = """
select touched_key from int_journal where entry = 'rejected' and model = 'stg_ga_events'
"""


def retain_on(settings: Settings, place: BigQuery, wanted: int | None, lookback: int) -> Done | None:
    """As include.retention.retain.

    Raises NotBuiltError where something is to be dropped and nothing is built.
    """
    with open_bigquery(settings, place) as store:
        if wanted is None and not store.has("kept_history"):
            return None
        require_built(store)
        ((known,),) = store.rows("select max(kept_from) from kept_history")
        kept_from = later(wanted, known)
        if kept_from is None:
            return None
        keep_first_event(store)
        given = {"before": _note_needed(store, kept_from - lookback), "least_time": YEAR_2000, "ahead": AHEAD}
        # before kept_events: a run that died in between would leave rows in staging that a rebuild leaves out
        dropped = store.rows(DROPPED.format(**_TABLES), **given)
        read_again(store, dropped)
        store.run(_KEEP, before=given["before"])
        if kept_from != known:
            store.append("kept_history", [{"kept_from": kept_from}])
        crossing = CROSSING.format(**_TABLES, started_us="unix_micros(started_at)")
        people = [person for (person,) in store.rows(crossing, kept_from=kept_from)]
        touch(store, people)
        scrubbed = _scrub_lines(
            store, given, [shard for model, shard in dropped if model == STAGING[1]]
        ) + _scrub_export(store, given)
        store.drop_temporary()
        return kept_from, len(people), scrubbed


def _note_needed(store: BigQueryStore, window_from: int) -> int:
    """Make the tables of what is needed; returns the time before which nothing else is."""
    ((needed_from,),) = store.rows(NEEDED_FROM.format(**_TABLES), window_from=window_from)
    # a deployment that was updated since its last batch has no such table yet
    ((known,),) = store.rows("select max(rows_from) from kept_events") if store.has("kept_events") else [(None,)]
    before = later(needed_from, known) or needed_from
    for name, query in {_NEEDED: NEEDED, _NEEDED_KEYS: NEEDED_KEYS}.items():
        made = query.format(**_TABLES, **order_columns(store.settings))
        store.run(f"create or replace table {name} as {made}", before=before)
    return int(before)


def _scrub_lines(store: BigQueryStore, given: dict[str, int], batches: Sequence[str]) -> Scrubbed:
    late = [batch for (batch,) in store.rows(_PARTLY_STAGED)]
    try:
        rows = store.delete(_DELETE_LINES.format(lines=_OLD_LINES), **given) if batches else 0
        gone = (
            store.delete(_DELETE_LINES.format(lines=_LATE_LINES), **given, **of_lines(store.settings), batches=late)
            if late
            else 0
        )
        return Scrubbed(rows + gone, len(batches) + (gone > 0))
    except WarehouseError as error:
        return Scrubbed(problems=(f"streamed_events holds rows that are too old ({error}). {REMEDY}",))


def _scrub_export(store: BigQueryStore, given: dict[str, int]) -> Scrubbed:
    tables = store.rows(_TABLES_OF_EXPORT.format(export=store.place.export))
    held = {shard: (count, staying) for shard, count, staying in store.rows(_HELD, **given)}
    set_aside = {shard for (shard,) in store.rows(_SET_ASIDE)}
    # one table stays, or the export would look lost
    newest = max((table for table, _ in tables), key=lambda name: (name[-8:], len(hidden_by(name))), default=None)
    total = Scrubbed()
    for table, rows in reversed(tables):  # hidden tables before the one that takes them along
        staged, staying = held.get(table, (0, 0))
        is_old = arrival(table) < given["before"]
        is_near = arrival(table) < given["before"] + 7 * DAY_US  # events may be days older than their table
        loses = rows > staying if is_old else staged > staying or (is_near and 0 < staged < rows)
        if loses and table not in set_aside:
            if store.settings.erase_from_export:
                total += _scrub_table(store, table, given, keep_empty=table == newest)
            else:
                gone = rows - staying if is_old else None
                total += _look_into(store, table, given, gone, drop=gone == rows and table != newest)
    return total


def _scrub_table(store: BigQueryStore, table: str, given: dict[str, int], *, keep_empty: bool) -> Scrubbed:
    """Delete the old rows; a table without rows goes, with those of its date that it hides (E3)."""
    name = f"{store.place.export}.{table}"
    values = {**given, "received_at": arrival(table), **ignored_ids(store.settings)}
    try:
        gone = store.delete(f"delete {_old_rows(store, name, _NEEDED)}", **values)
        with explained(store.place):
            if not keep_empty and not store.client.get_table(name).num_rows:
                for dropped in (*hidden_by(table), table):
                    store.client.delete_table(f"{store.place.export}.{dropped}", not_found_ok=True)
    except WarehouseError as error:
        return Scrubbed(problems=(f"{name} holds rows that are too old ({error}). {REMEDY}",))
    log.info("took %d old rows out of %s", gone, table)
    return Scrubbed(gone, int(gone > 0))


def _look_into(store: BigQueryStore, table: str, given: dict[str, int], rows: int | None, *, drop: bool) -> Scrubbed:
    """What the table holds and staging leaves out. rows: how many, where that is known without a look."""
    name = f"{store.place.export}.{table}"
    values = {**given, "received_at": arrival(table), **ignored_ids(store.settings)}
    if rows is None:
        ((rows,),) = store.rows(f"select count(*) {_old_rows(store, name, _NEEDED)}", **values)
    if not rows:
        return Scrubbed()
    staged = _STAGED.format(project=store.place.project, dataset=store.place.dataset)
    statement = f"drop table `{name}`" if drop else f"delete {_old_rows(store, name, staged)}"
    return Scrubbed(outside=(Outside(name, int(rows), written_out(statement, values)),))


def _old_rows(store: BigQueryStore, name: str, needed: str) -> str:
    """The FROM and WHERE of a table's old rows, but those that are `needed`: a FROM item."""
    with explained(store.place):
        columns = {field.name for field in store.client.get_table(name).schema}
    order = _ORDER if "ecommerce" in columns else "cast(null as string)"
    return _OLD_ROWS.format(table=name, user=_USER, order=order, needed=needed).strip()
