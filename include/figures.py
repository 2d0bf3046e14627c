"""The figures of a run: what was published, what was set aside, and how long an event took to reach the readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

FILE_REASONS = ("unreadable", "unknown_name", "wrong_type")  # E4: whole files; every other reason is a row's

PIPELINE_RUNS = """
create table if not exists pipeline_runs (
    run_id varchar primary key, published_at timestamp,
    events bigint, sessions bigint, conversions bigint, revenue decimal(18, 2),
    batch_shards bigint, batch_events bigint, rejected_rows bigint, rejected_files bigint,
    lag_p50_seconds double, lag_max_seconds double
)
"""


@dataclass(frozen=True)
class Figures:
    """One row a published run, the grain of pipeline_runs.

    published_at: UTC, the moment the published content was complete, just before readers were given it.
    events, sessions, conversions, revenue (US dollars): the totals that readers now see.
    batch_shards: files and batches that came or changed since the run published before; batch_events: their events.
    rejected_rows, rejected_files: what stands in quarantine (E4).
    lag_p50_seconds, lag_max_seconds: from event time to published_at over the streamed events among batch_events;
    null where there were none.
    """

    run_id: str
    published_at: datetime
    events: int
    sessions: int
    conversions: int
    revenue: Decimal
    batch_shards: int
    batch_events: int
    rejected_rows: int
    rejected_files: int
    lag_p50_seconds: float | None
    lag_max_seconds: float | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values: the time in ISO 8601, the revenue as text to keep its cents."""
        return {**asdict(self), "published_at": f"{self.published_at.isoformat()}Z", "revenue": str(self.revenue)}


OF_BATCH = "select batch_shards, batch_events, lag_p50_seconds, lag_max_seconds from pipeline_runs where run_id = ?"

TOTALS = """
select
    (select count(*) from int_events),
    (select count(*) from mart_sessions),
    (select count(*) from mart_attribution_last),
    (select coalesce(sum(revenue), 0)::decimal(18, 2) from mart_attribution_last),
    (select count(*) filter (not list_contains($files, reason)) from int_quarantine),
    (select count(*) filter (list_contains($files, reason)) from int_quarantine)
"""

BATCH = """
with events as (
    select
        starts_with(shard, 'events_') as exported,
        (epoch_us($now::timestamp) - event_at) / 1e6 as lag
    from int_events where list_contains($batch, shard)
)
select count(*), quantile_cont(lag, 0.5) filter (not exported), max(lag) filter (not exported) from events
"""


def measure(
    warehouse: duckdb.DuckDBPyConnection, *, run_id: str, published_at: datetime, batch: Sequence[str]
) -> Figures:
    """The figures of a run that publishes the warehouse at `published_at` (UTC, naive).

    batch: the shards that came or changed since the run published before.
    """
    totals = warehouse.execute(TOTALS, {"files": list(FILE_REASONS)}).fetchall()[0]
    events, sessions, conversions, revenue, rejected_rows, rejected_files = totals
    batch_events, p50, worst = warehouse.execute(BATCH, {"batch": list(batch), "now": published_at}).fetchall()[0]
    return Figures(
        run_id=run_id,
        published_at=published_at,
        events=events,
        sessions=sessions,
        conversions=conversions,
        revenue=revenue,
        batch_shards=len(batch),
        batch_events=batch_events,
        rejected_rows=rejected_rows,
        rejected_files=rejected_files,
        lag_p50_seconds=p50,
        lag_max_seconds=worst,
    )


def record(warehouse: duckdb.DuckDBPyConnection, figures: Figures, *, published: Sequence[str] | None) -> Figures:
    """Write the run's row into pipeline_runs, and return it as it now stands.

    A retry of the run replaces its own row. What the run brought it keeps where the retry brings nothing more: the run
    was killed after its readers had it.

    published: the runs that readers see, None where that is not known. Any other run was killed before they had it; its
    row goes.
    """
    warehouse.execute(PIPELINE_RUNS)
    if published is not None:
        warehouse.execute("delete from pipeline_runs where not list_contains(?, run_id)", [list(published)])
    kept = warehouse.execute(OF_BATCH, [figures.run_id]).fetchall()
    if kept and not figures.batch_shards:
        shards, events, p50, worst = kept[0]
        figures = replace(figures, batch_shards=shards, batch_events=events, lag_p50_seconds=p50, lag_max_seconds=worst)
    row = asdict(figures)
    marks = ", ".join(f"${name}" for name in row)
    warehouse.execute(f"insert or replace into pipeline_runs ({', '.join(row)}) values ({marks})", row)  # noqa: S608
    return figures
