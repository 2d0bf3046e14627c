"""The figures of a run: what was published, what was set aside, and how long an event took to reach the readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from include.store import Store, Table, constant_dates

#: One row a published run.
#: published_at: UTC, the moment the published content was complete, just before readers were given it.
#: events, sessions, conversions, revenue (US dollars): the totals that readers now see.
#: batch_shards: files and batches that came or changed since the run published before; batch_events: their events.
#: rejected_rows, rejected_files: what stands in quarantine (E4).
#: lag_p50_seconds, lag_p95_seconds, lag_max_seconds: from event time to published_at over the streamed events among
#: batch_events; null where there were none.
#: landed_p50_seconds, landed_p95_seconds: from when an event's file or table landed (changed last) to published_at,
#: over those of batch_events that landed within DAY before, for older history says nothing of a run; null of none.
#: unmatched_refunds: refunds that have no order to reduce; shared_orders: transaction ids that count as an order of
#: several people (C3). Null in runs of an earlier version.
PIPELINE_RUNS = Table(
    "pipeline_runs",
    {
        "run_id": "text",
        "published_at": "timestamp",
        "events": "integer",
        "sessions": "integer",
        "conversions": "integer",
        "revenue": "money",
        "batch_shards": "integer",
        "batch_events": "integer",
        "rejected_rows": "integer",
        "rejected_files": "integer",
        "lag_p50_seconds": "number",
        "lag_max_seconds": "number",
        "lag_p95_seconds": "number",
        "unmatched_refunds": "integer",
        "shared_orders": "integer",
        "landed_p50_seconds": "number",
        "landed_p95_seconds": "number",
    },
    key=("run_id",),
)

#: A row of it, by column.
Figures = dict[str, Any]


def as_json(figures: Figures) -> Figures:
    """The same as plain JSON values: the time in ISO 8601, the revenue as text to keep its cents."""
    return {**figures, "published_at": f"{figures['published_at'].isoformat()}Z", "revenue": str(figures["revenue"])}


#: What the batch of a run was; it is kept where the run is tried again.
BATCH_COLUMNS = (
    *("batch_shards", "batch_events", "lag_p50_seconds", "lag_max_seconds", "lag_p95_seconds"),
    *("landed_p50_seconds", "landed_p95_seconds"),
)

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1)

#: E4, A1: these reasons of quarantine are whole files'; every other one is a row's.
OF_FILE = "reason in ('unreadable', 'unknown_name', 'wrong_type', 'wrong_columns')"

TOTALS = f"""
select
    (select coalesce(sum(revenue), 0) from mart_attribution_last),
    count(case when not q.of_file then 1 end),
    count(case when q.of_file then 1 end)
from (
    select {OF_FILE} as of_file from int_quarantine
) as q
"""  # noqa: S608 - constants

#: C3. Both tables are small beside the events.
ORDERS = """
select
    (select count(*) from int_refunds as r where not r.is_matched),
    (select count(*) from (
        select transaction_id from int_conversions as c where transaction_id is not null
        group by transaction_id having count(distinct person_id) > 1
    ) as s)
"""

#: The starts of the days on which the batch's shards have events.
BATCH_DAYS = """
select distinct from_at from int_journal where entry = 'shard_day' and touched_key in (select * from unnest($batch))
"""

#: A row a shard, with its events and the lag of all streamed ones: the median, of an even number the mean of the two in
#: the middle; the most; and what 95 in 100 do not exceed.
BATCH = """
with batch as (
    select shard, case when not starts_with(shard, 'events_') then $now - event_at end as lag
    from int_events where event_date in ({days}) and shard in (select * from unnest($batch))
),
ranked as (
    select lag, row_number() over (order by lag) as place, count(*) over () as lags from batch where lag is not null
)
select
    shard, count(*),
    (select avg(lag) / 1e6 from ranked where place * 2 between lags and lags + 2),
    (select max(lag) / 1e6 from ranked),
    (select min(lag) / 1e6 from ranked where place * 20 >= lags * 19)
from batch group by shard
"""


def reached(ages: Iterable[tuple[float, int]], share: float) -> float | None:
    """The least age that this share of the events do not exceed, of (age, events); None of none. Pure."""
    ordered = sorted(ages)
    within = accumulate(events for _, events in ordered)
    wanted = share * sum(events for _, events in ordered)
    return next((age for (age, _), events in zip(ordered, within, strict=True) if events >= wanted), None)


def measure(
    store: Store, *, run_id: str, published_at: datetime, batch: Sequence[str], landed: Mapping[str, datetime]
) -> Figures:
    """The figures of a run that publishes the warehouse at `published_at` (UTC, naive).

    batch: the shards that came or changed since the run published before. landed: when each did, where that is known.
    """
    revenue, rejected_rows, rejected_files = store.rows(TOTALS)[0]
    unmatched_refunds, shared_orders = store.rows(ORDERS)[0]
    now = (published_at - EPOCH) // timedelta(microseconds=1)
    days = {(EPOCH + timedelta(microseconds=at)).date() for (at,) in store.rows(BATCH_DAYS, batch=list(batch))}
    shards = store.rows(BATCH.format(days=constant_dates(days)), batch=list(batch), now=now) if days else []
    ages = [(published_at - landed[shard], rows) for shard, rows, *_ in shards if shard in landed]
    recent = [(age.total_seconds(), rows) for age, rows in ages if timedelta() <= age <= DAY]
    of_batch = (
        sum(rows for _, rows, *_ in shards),
        *(shards[0][2:] if shards else (None, None, None)),
        *(reached(recent, share) for share in (0.5, 0.95)),
    )
    return {
        "run_id": run_id,
        "published_at": published_at,
        "events": store.count("int_events"),
        "sessions": store.count("mart_sessions"),
        "conversions": store.count("mart_attribution_last"),
        "revenue": Decimal(revenue).quantize(Decimal("0.01")),
        "rejected_rows": rejected_rows,
        "rejected_files": rejected_files,
        "unmatched_refunds": unmatched_refunds,
        "shared_orders": shared_orders,
        **dict(zip(BATCH_COLUMNS, (len(batch), *of_batch), strict=True)),
    }


def record(store: Store, figures: Figures, *, published: Sequence[str] | None) -> Figures:
    """Write the run's row into pipeline_runs, and return it as it now stands.

    A retry of the run replaces its own row. What the run brought it keeps where the retry brings nothing more: the run
    was killed after its readers had it.

    published: the runs that readers see, None where that is not known. Any other run was killed before they had it; its
    row goes.
    """
    store.make(PIPELINE_RUNS)
    if published:
        store.run("delete from pipeline_runs where run_id not in (select * from unnest($runs))", runs=list(published))
    elif published is not None:
        store.run("delete from pipeline_runs where true")
    kept = store.rows(f"select {', '.join(BATCH_COLUMNS)} from pipeline_runs where run_id = $id", id=figures["run_id"])  # noqa: S608
    if kept and not figures["batch_shards"]:
        figures = {**figures, **dict(zip(BATCH_COLUMNS, kept[0], strict=True))}
    store.put(PIPELINE_RUNS, figures)
    return figures
