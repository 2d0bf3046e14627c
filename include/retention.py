"""Retention (docs/semantics.md L4): what readers no longer see, and the landed rows that nothing they see needs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from include.history import History, earliest, read_history, write_history
from include.journal import read_again, touch
from include.landed_rows import TOO_OLD, Outside, Scrubbed, log_outside, scrub_files
from include.settings import SettingError, Settings, read_variables
from include.store_duckdb import DuckDB
from include.warehouse import open_built

log = logging.getLogger(__name__)

DAY_US = 86_400_000_000

#: What the statements below read, besides the tables that NEEDED and NEEDED_KEYS fill.
TABLES = ("int_conversions", "int_sessions", "int_events", "stg_ga_events", "stg_streamed_events", "mart_sessions")

#: The longest that an accepted event may be ahead of its arrival (max_future_minutes); a later one goes by its arrival.
AHEAD = 100_000 * 60_000_000
YEAR_2000 = 946_684_800_000_000

#: People of whom readers see something older than the horizon.
CROSSING = """
select person_id from int_conversions where converted_at < $kept_from
union distinct
select person_id from {mart_sessions} where {started_us} < $kept_from
"""

#: The start of the first session that may still earn credit: of all that ended within a look-back of the horizon.
NEEDED_FROM = """
select least($window_from, coalesce(min(started_at), $window_from)) from int_sessions where ended_at >= $window_from
"""

#: {order}: what tells orders apart, from `order_columns`.
#: Events before `before` that something inside the window needs: the last login on a device that is still used (I1);
#: the events of an order that still has some (C1, C3), and the logins that say whose they are.
NEEDED = """
with old as (select * from int_events where event_at < $before),
orders as (
    select {order} from int_events
    where transaction_id is not null
    group by {order} having max(event_at) >= $before
),
order_events as (select o.* from old as o inner join orders as r using ({order})),
used as (select distinct user_pseudo_id from int_events where event_at >= $before),
told as (select distinct user_pseudo_id from order_events where user_id is null),
logins as (
    select o.* from old as o
    where o.user_id is not null and o.user_pseudo_id in (select user_pseudo_id from told)
    union all
    select l.* from (
        select * from old where user_id is not null and user_pseudo_id in (select user_pseudo_id from used)
        -- the last in order E2
        qualify row_number() over (
            partition by user_pseudo_id
            order by
                event_at desc, batch_page_id desc nulls last, batch_ordering_id desc nulls last,
                batch_event_index desc nulls last, event_bundle_sequence_id desc nulls last, event_name desc,
                event_key desc
        ) = 1
    ) as l
)
select distinct event_key, user_pseudo_id, user_id, event_at, event_name, transaction_id
from (select * from order_events union all select * from logins) as all_needed
"""

#: Streamed events of which a copy is needed or young: all copies stay, or another would come up in its place (E1).
NEEDED_KEYS = """
select event_key from {needed}
union distinct
select event_key from stg_streamed_events where reject_reason is null
group by event_key having min(event_at) < $before and max(event_at) >= $before
"""

#: Whether a landed row is old, by its event's time where that is one; dbt's macro old_event_hash says the same.
IS_OLD = """
case when event_at between $least_time and received_at + $ahead then event_at else received_at end < $before
"""

#: Staged rows that are old and not needed, which staging leaves out from now on.
DROPPED = f"""
select distinct model, shard
from (
    select 'stg_ga_events' as model, shard, event_key, event_at, received_at from stg_ga_events
    union all
    select 'stg_streamed_events', shard, event_key, event_at, received_at from stg_streamed_events
) as s
where {IS_OLD} and event_key not in (select event_key from {{needed_keys}})
"""  # noqa: S608 - constants

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


@dataclass(frozen=True)
class Retained:
    """kept_from: the first UTC date that readers see, None where all is kept; people: those of whom something goes.

    problems: landing files that could not be rewritten, with the remedy; the run must end red.
    outside: old rows in files or tables of the user, which only ERASE_FROM_EXPORT has written.
    """

    kept_from: str | None = None
    people: int = 0
    landing_rows: int = 0
    landing_files: int = 0
    problems: tuple[str, ...] = ()
    outside: tuple[Outside, ...] = ()


def apply_retention(
    settings: Settings, *, day: date, retention_days: int | None = None, lookback_days: int | None = None
) -> Retained:
    """Drop what is older than `retention_days` before `day` (UTC), less what the window still needs.

    The horizon never moves back: what is gone is gone, also when `retention_days` grows or is taken away. The days
    default to dbt_project.yml. The next run of dbt takes the rows out of the tables.

    Raises SettingError for days that would cut a look-back short, WarehouseError when the warehouse is not built or
    cannot be used, HistoryError when the state file is damaged, OSError when the home cannot be written.
    """
    variables = read_variables(settings)
    days = variables.get("retention_days") if retention_days is None else retention_days
    lookback = int(variables["lookback_days"]) if lookback_days is None else lookback_days
    wanted = _wanted(day, days, lookback)
    if settings.bigquery is None:
        done = retain(settings, wanted, lookback * DAY_US)
    else:
        # Google's client takes a second to import, which nobody pays on DuckDB
        from include.retention_bigquery import retain_on  # noqa: PLC0415

        done = retain_on(settings, settings.bigquery, wanted, lookback * DAY_US)
    if done is None:
        return Retained()
    kept_from, people, gone = done
    for message in gone.problems:
        log.error("%s", message)
    log_outside(gone.outside, TOO_OLD)
    first_date = datetime.fromtimestamp(kept_from / 1_000_000, UTC).date()
    log.info("readers see %s on; %d people lost something, %d landed rows went", first_date, people, gone.rows)
    return Retained(f"{first_date}", people, gone.rows, gone.files, gone.problems, gone.outside)


#: The horizon, in microseconds since 1970 UTC; how many people lose something; what landed rows went.
Done = tuple[int, int, Scrubbed]


def later(wanted: int | None, known: int | None) -> int | None:
    """The later of what is asked for and what was dropped before: neither the horizon nor rows_from moves back."""
    return max((moment for moment in (wanted, known) if moment is not None), default=None)


def _wanted(day: date, days: int | None, lookback: int) -> int | None:
    if days is None:
        return None
    if type(days) is not int or days < lookback + 1:
        raise SettingError(
            f"retention_days is {days!r}; allowed is a whole number of at least {lookback + 1} (lookback_days and "
            "one), or null to keep all. Change it in dbt_project.yml (docs/settings.md)."
        )
    start = datetime.combine(day - timedelta(days=days), datetime.min.time(), UTC)
    return int(start.timestamp()) * 1_000_000


def order_columns(settings: Settings) -> dict[str, str]:
    """What tells orders apart in NEEDED, by the setting order_scope of dbt_project.yml (C1)."""
    by_shop = read_variables(settings)["order_scope"] == "shop"
    return {"order": "transaction_id" if by_shop else "person_id, transaction_id"}


def retain(settings: Settings, wanted: int | None, lookback: int) -> Done | None:
    """Drop what is before `wanted` or the horizon there is; None where there is neither. Times in microseconds."""
    before = read_history(settings)
    kept_from = later(wanted, before.kept_from)
    if kept_from is None:
        return None
    with open_built(settings, *TABLES, "int_journal") as warehouse:
        store = DuckDB(warehouse, settings)
        tables = {name: name for name in ("mart_sessions", "needed", "needed_keys")}
        ((first,),) = store.rows("select min(event_at) from int_events where is_timely")
        ((needed_from,),) = store.rows(NEEDED_FROM.format(**tables), window_from=kept_from - lookback)
        rows_from = later(needed_from, before.rows_from) or needed_from
        for name, query in {"needed": NEEDED, "needed_keys": NEEDED_KEYS}.items():
            made = f"create or replace temp table {name} as {query.format(**tables, **order_columns(settings))}"
            warehouse.execute(made, {"before": rows_from})
        # before the history: a run that died in between would leave rows in staging that a rebuild leaves out
        given = {"before": rows_from, "least_time": YEAR_2000, "ahead": AHEAD}
        read_again(store, store.rows(DROPPED.format(**tables), **given))
        crossing = CROSSING.format(**tables, started_us="epoch_us(started_at)")
        people = [person for (person,) in store.rows(crossing, kept_from=kept_from)]
        touch(store, people)
        kept = tuple(sorted(key for (key,) in store.rows("select md5(event_key) from needed_keys")))
        write_history(settings, History(earliest(before.first_event_at, first), kept_from, rows_from, kept))
        scrubbed = scrub_files(warehouse, settings, _OLD_PLACES, given, "withdraw")
        known = tuple(one for one in scrubbed.outside if one.rows is not None)
        return kept_from, len(people), replace(scrubbed, outside=known)
