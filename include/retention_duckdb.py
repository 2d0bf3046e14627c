"""Retention on DuckDB: landing files of the home are rewritten or withdrawn, others named."""

from __future__ import annotations

from dataclasses import replace

from include.deletion.duckdb_engine import NEEDED_TABLES
from include.history import History, earliest, read_history, write_history
from include.journal import read_again, touch
from include.landed_rows import scrub_files
from include.retention import Done, later
from include.retention_needed import (
    AHEAD,
    CROSSING,
    DROPPED,
    IS_OLD,
    NEEDED,
    NEEDED_FROM,
    NEEDED_KEYS,
    YEAR_2000,
    order_columns,
)
from include.settings import Settings
from include.store_duckdb import DuckDB
from include.warehouse import open_built

_TABLES = {
    name: name
    for name in (
        *("int_conversions", "int_sessions", "int_events", "mart_sessions", "stg_ga_events", "stg_streamed_events"),
        *("needed", "needed_keys"),
    )
}

_OLD_PLACES = f"""
select place from landed_rows as r
where
    {IS_OLD}
    and not exists (select 1 from needed_keys as k where k.event_key = r.event_id)
    and not (r.event_id is null and exists (
        select 1 from needed as n
        where n.event_at = r.event_at and n.event_name = r.event_name
            and n.user_pseudo_id is not distinct from r.user_pseudo_id
            and n.user_id is not distinct from r.user_id
            and n.transaction_id is not distinct from r.transaction_id
    ))
"""  # noqa: S608 - constants


def retain(settings: Settings, wanted: int | None, lookback: int) -> Done | None:
    """Drop what is before `wanted` or the horizon there is; None where there is neither. Times in microseconds."""
    before = read_history(settings)
    kept_from = later(wanted, before.kept_from)
    if kept_from is None:
        return None
    crossing = CROSSING.format(**_TABLES, started_us="epoch_us(started_at)")
    with open_built(settings, *NEEDED_TABLES, "int_sessions", "int_conversions", "mart_sessions") as warehouse:
        store = DuckDB(warehouse, settings)
        ((first,),) = store.rows("select min(event_at) from int_events where is_timely")
        ((needed_from,),) = store.rows(NEEDED_FROM.format(**_TABLES), window_from=kept_from - lookback)
        rows_from = later(needed_from, before.rows_from) or needed_from
        for name, query in {"needed": NEEDED, "needed_keys": NEEDED_KEYS}.items():
            made = f"create or replace temp table {name} as {query.format(**_TABLES, **order_columns(settings))}"
            warehouse.execute(made, {"before": rows_from})
        # before the history: a run that died in between would leave rows in staging that a rebuild leaves out
        shards: dict[str, list[str]] = {}
        given = {"before": rows_from, "least_time": YEAR_2000, "ahead": AHEAD}
        for model, shard in store.rows(DROPPED.format(**_TABLES), **given):
            shards.setdefault(model, []).append(shard)
        read_again(store, shards)
        people = [person for (person,) in store.rows(crossing, kept_from=kept_from)]
        touch(store, people)
        kept = tuple(sorted(key for (key,) in store.rows("select md5(event_key) from needed_keys")))
        write_history(settings, History(earliest(before.first_event_at, first), kept_from, rows_from, kept))
        scrubbed = scrub_files(warehouse, settings, _OLD_PLACES, given, "withdraw")
        known = tuple(one for one in scrubbed.outside if one.rows is not None)
        return Done(kept_from, len(people), replace(scrubbed, outside=known))
