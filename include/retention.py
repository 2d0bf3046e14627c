"""Retention (docs/semantics.md L4): what readers no longer see, and the landed rows that nothing they see needs."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from include.deletion.take import NEEDED_TABLES
from include.history import History, earliest, read_history, write_history
from include.journal import Touched, touch
from include.landed_rows import (
    Scrubbed,
    ScrubError,
    UnsearchableError,
    landing_files,
    put_landed_rows,
    take_out,
    withdraw,
)
from include.landing import file_version
from include.settings import SettingError, Settings
from include.store_duckdb import DuckDB
from include.variables import read_variables
from include.warehouse import open_built

log = logging.getLogger(__name__)

_DAY = 86_400_000_000
#: The longest that an accepted event may be ahead of its arrival (max_future_minutes); a later one goes by its arrival.
_AHEAD = 100_000 * 60_000_000
_YEAR_2000 = 946_684_800_000_000

#: The start of the first session that may still earn credit: of all that ended within a look-back of the horizon.
_NEEDED_FROM = """
select least($from, coalesce(min(started_at), $from)) from int_sessions where ended_at >= $from
"""

#: Events before `before` that something inside the window needs: the last login on a device that is still used (I1);
#: the events of an order that still has some (C1, C3), and the logins that say whose they are.
_NEEDED = """
create or replace temp table needed as
with old as (select * from int_events where event_at < $before),
orders as (
    select person_id, transaction_id from int_events
    where transaction_id is not null and transaction_id <> '(not set)'
    group by all having max(event_at) >= $before
),
order_events as (select o.* from old as o inner join orders as r using (person_id, transaction_id)),
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
from (select * from order_events union all select * from logins)
"""

#: Streamed events of which a copy is needed or young: all copies stay, or another would come up in its place (E1).
_NEEDED_KEYS = """
create or replace temp table needed_keys as
select event_key from needed
union
select event_key from stg_streamed_events where reject_reason is null
group by event_key having min(event_at) < $before and max(event_at) >= $before
"""

_OLD_PLACES = """
select place from landed_rows as r
where
    case
        when event_at between $year_2000 and received_at + $ahead then event_at
        else received_at
    end < $before
    and not exists (select 1 from needed_keys as k where k.event_key = r.event_id)
    and not (r.event_id is null and exists (
        select 1 from needed as n
        where n.event_at = r.event_at and n.event_name = r.event_name
            and n.user_pseudo_id is not distinct from r.user_pseudo_id
            and n.user_id is not distinct from r.user_id
            and n.transaction_id is not distinct from r.transaction_id
    ))
"""

#: People of whom readers see something older than the horizon.
_CROSSING = """
select person_id from int_conversions where converted_at < $kept_from
union
select person_id from mart_sessions where epoch_us(started_at) < $kept_from
"""


@dataclass(frozen=True)
class Retained:
    """kept_from: the first UTC date that readers see, None where all is kept; people: those of whom something goes.

    problems: landing files that could not be rewritten, with the remedy; the run must end red.
    """

    kept_from: str | None = None
    people: int = 0
    landing_rows: int = 0
    landing_files: int = 0
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


def apply_retention(
    settings: Settings, *, day: date, retention_days: int | None = None, lookback_days: int | None = None
) -> Retained:
    """Drop what is older than `retention_days` before `day` (UTC), less what the window still needs.

    The horizon never moves back: what is gone is gone, also when `retention_days` grows or is taken away. The days
    default to dbt_project.yml. The next run of dbt takes the rows out of the tables.

    Raises SettingError where BigQuery is to drop something, and for days that would cut a look-back short,
    WarehouseError when the warehouse is not built or cannot be opened, HistoryError when the state file is damaged,
    OSError when the home cannot be written.
    """
    variables = read_variables(settings)
    days = variables.get("retention_days") if retention_days is None else retention_days
    lookback = int(variables["lookback_days"]) if lookback_days is None else lookback_days
    before = read_history(settings)
    kept_from = _horizon(before, day, days, lookback)
    if kept_from is None:
        return Retained()
    if settings.bigquery is not None:
        raise SettingError(
            f"retention_days is {days}, and on DBT_TARGET=bigquery this project cannot do that yet. Nothing was done. "
            "Delete the rows in BigQuery from the export and streamed_events, then run attribution_backfill with "
            "full_refresh."
        )
    with open_built(settings, *NEEDED_TABLES, "int_sessions", "int_conversions", "mart_sessions") as warehouse:
        first = warehouse.execute("select min(event_at) from int_events").fetchall()[0][0]
        write_history(settings, History(earliest(before.first_event_at, first), kept_from))
        people = [person for (person,) in warehouse.execute(_CROSSING, {"kept_from": kept_from}).fetchall()]
        touch(DuckDB(warehouse, settings), Touched(people=people))
        scrubbed = _scrub_old(warehouse, settings, kept_from - lookback * _DAY)
    for message in scrubbed.problems:
        log.error("%s", message)
    first_date = datetime.fromtimestamp(kept_from / 1_000_000, UTC).date()
    log.info("readers see %s on; %d people lost something, %d landed rows went", first_date, len(people), scrubbed.rows)
    return Retained(f"{first_date}", len(people), scrubbed.rows, scrubbed.files, scrubbed.problems)


def _horizon(history: History, day: date, days: int | None, lookback: int) -> int | None:
    if days is None:
        return history.kept_from
    if type(days) is not int or days < lookback + 1:
        raise SettingError(
            f"retention_days is {days!r}; allowed is a whole number of at least {lookback + 1} (lookback_days and "
            "one), or null to keep all. Change it in dbt_project.yml (docs/settings.md)."
        )
    start = datetime.combine(day - timedelta(days=days), datetime.min.time(), UTC)
    return max(int(start.timestamp()) * 1_000_000, history.kept_from or 0)


def _scrub_old(warehouse: duckdb.DuckDBPyConnection, settings: Settings, window_from: int) -> Scrubbed:
    before = warehouse.execute(_NEEDED_FROM, {"from": window_from}).fetchall()[0][0]
    for query in (_NEEDED, _NEEDED_KEYS):
        warehouse.execute(query, {"before": before})
    total = Scrubbed()
    files = landing_files(settings)
    # one file of each source stays, or the folder would look like a lost disk
    newest = {
        path.parent: path for path in sorted(files, key=lambda path: (path.stem[-8:], "intraday" not in path.stem))
    }
    for path in files:
        try:
            total += _scrub_file(warehouse, settings, path, before, keep_empty=path == newest[path.parent])
        except FileNotFoundError:  # withdrawn meanwhile
            continue
        except UnsearchableError as error:
            log.warning("%s", error)
        except ScrubError as error:
            total += Scrubbed(problems=(str(error),))
    return total


def _scrub_file(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, path: Path, before: int, *, keep_empty: bool
) -> Scrubbed:
    version = file_version(path)
    put_landed_rows(warehouse, settings, path)
    rows: int = warehouse.execute("select count(*) from landed_rows").fetchall()[0][0]
    given = {"before": before, "year_2000": _YEAR_2000, "ahead": _AHEAD}
    places = [place for (place,) in warehouse.execute(_OLD_PLACES, given).fetchall()]
    if not places:
        return Scrubbed()
    if len(places) == rows and not keep_empty:
        withdraw(path)
    else:
        take_out(path, places, version)
    log.info("took %d of %d old rows out of %s", len(places), rows, path)
    return Scrubbed(len(places), 1)
